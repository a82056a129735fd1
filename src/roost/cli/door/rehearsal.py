"""A command for nobody: it loads what commands load, and the pages that they write become the fork's own."""

from __future__ import annotations

import os
import sys
from socket import socket, socketpair

from roost.cli.main import run
from roost.client import connection
from roost.client.wire import encode

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


def rehearse(home: str) -> None:
    """Run `list` as if a daemon of this home answered; nobody is asked, and nothing is shown."""
    before = sys.stdout, sys.stderr, connection.reach
    connection.reach = _answered
    try:
        with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 -- pathlib is not loaded here
            sys.stdout = sys.stderr = nowhere
            run(["list", "--home", home])
    finally:
        sys.stdout, sys.stderr, connection.reach = before


def _answered(_path: str, _patience: float | None) -> socket:
    """A connection on which the answer has come."""
    ours, theirs = socketpair()
    with theirs:
        theirs.sendall(encode({"id": 1, "result": [_PEER] * _PEERS}).encode() + b"\n")
    return ours
