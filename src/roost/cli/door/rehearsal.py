"""Commands for nobody: they load what commands load, and the pages that they write become the fork's own."""

from __future__ import annotations

import os
from socket import SHUT_WR, send_fds, socketpair

from roost.cli import become
from roost.cli.door.command import last, perform, stand_in
from roost.cli.door.link import STATUS
from roost.cli.door.request import WORD, written
from roost.cli.places import socket_path
from roost.client import connection
from roost.client.wire import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from roost.cli.door.facts import Facts

_PEERS = 20
_PEER = {
    "name": "rehearsal",
    "runtime": "human",
    "state": "idle",
    "since": "2026-01-01T00:00:00.000Z",
    "queued": 0,
    "why": "a mailbox, not used yet",
    "turn": None,
}
_COMMANDS: tuple[tuple[Sequence[str], object], ...] = (
    (("list",), [_PEER] * _PEERS),
    (("send", "rehearsal", "a body"), {"id": "rehearsal", "state": "stored"}),
)
"""What is run, and what a daemon answers to it."""


def rehearse(home: str, own: Facts) -> None:
    """Serve a caller who has just what we have, as if a daemon of this home answered; nothing is shown.

    Raises OSError.
    """
    streams = [os.dup(1), os.dup(2)]
    try:
        for words, answer in _COMMANDS:
            _serve([*words, "--home", home], socket_path(os.environ, home), encode(answer), own)
    finally:
        for number, kept in enumerate(streams, 1):
            os.dup2(kept, number)
            os.close(kept)


def _serve(words: Sequence[str], daemon: str, answer: str, own: Facts) -> None:
    before = connection.reach, become.execute
    ends, lives = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    os.write(lives, WORD)
    nowhere, folder = os.open(os.devnull, os.O_WRONLY), os.open(".", os.O_PATH)
    asks, asked = socketpair()
    client, server = socketpair()
    with asks, asked, client, server:
        server.sendall(f'{{"id": 1, "result": {answer}}}\n'.encode())
        handed = [0, nowhere, nowhere, folder, ends, client.fileno()]
        send_fds(asks, [written(daemon, words, os.environ)], handed)
        # A command that would ask its caller more is not answered.
        asks.shutdown(SHUT_WR)
        for each in (nowhere, folder, ends):
            os.close(each)
        link = stand_in(asked, own)
        if link is not None and link.begins():
            last(asked, STATUS, bytes([perform()]))
            # Before the other end, whose closing would end us.
            os.close(link.end)
    os.close(lives)
    connection.reach, become.execute = before
