"""Mail for a person's own terminal goes in by one way: a hook that asks, or the pipe at its prompt (17)."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.session import SessionState
from roost.daemon.delivery.hook.channel import HookChannel
from roost.daemon.session.hook_mail import HookMail
from roost.host.clock import SystemClock
from roost.runtimes.view import Reading

IDLE = Reading(SessionState.IDLE, "at its prompt")
MESSAGE = Message(
    id="m1", sender="bob", to="me", created_at=1.0, size=1, digest="d", state=MessageState.OFFERED, attempts=1
)


class Terminal:
    """A session at rest that waits at a pipe. `looks`: what happens at each look."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.pipe = home / "pipe"
        os.mkfifo(self.pipe)
        self.reader = os.open(self.pipe, os.O_RDONLY | os.O_NONBLOCK)
        self.mail = HookMail()
        self.message = MESSAGE
        self.looks = list[Callable[[], object]]()
        carrier = SimpleNamespace(
            pipe=lambda _home: self.pipe, framed=lambda text, claim: f"{claim}\n{text}", longest=1
        )
        self.live = SimpleNamespace(
            peer="me",
            session=SimpleNamespace(id="s1"),
            mail=self.mail,
            runtime=SimpleNamespace(controls=SimpleNamespace(carrier=carrier), traits=None),
            context=SimpleNamespace(home=home),
            handover=None,
            entered=None,
            turns_over=0,
        )
        fleet = SimpleNamespace(find=lambda _name: SimpleNamespace(message=lambda _ident: self.message))
        self.channel = HookChannel(
            cast("Any", self.live), cast("Any", self), cast("Any", fleet), SystemClock()
        )

    async def look(self, *, screen: bool) -> Reading:
        assert not screen
        if self.looks:
            self.looks.pop(0)()
        return IDLE

    def shows(self) -> None:
        """Its record shows the message."""
        self.message = replace(self.message, state=MessageState.ACCEPTED)

    def read(self) -> bytes:
        """What was written to the pipe."""
        try:
            return os.read(self.reader, 65536)
        except BlockingIOError:
            return b""

    @property
    def claims(self) -> list[str]:
        return sorted(path.name for path in self.home.iterdir() if path != self.pipe)

    async def offer(self) -> object:
        command = c.Offer("s1", "me", self.message, redrive=False)
        return await self.channel.offer(command, "the text")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    made = Terminal(tmp_path)
    yield made
    os.close(made.reader)


async def test_N4_what_a_hook_has_taken_while_it_was_looked_at_is_not_written_to_the_pipe(
    terminal: Terminal,
) -> None:
    given = list[str | None]()
    terminal.looks.extend([lambda: given.append(terminal.mail.take(ends=True)), terminal.shows])
    assert await terminal.offer() is None
    assert (given, terminal.read(), terminal.claims) == (["the text"], b"", [])


async def test_N4_what_was_written_to_the_pipe_is_given_to_no_hook_and_leaves_no_claim(
    terminal: Terminal,
) -> None:
    claims, late = list[list[str]](), list[str | None]()

    def claimed() -> None:
        (name,) = terminal.claims
        (terminal.home / name).rename(terminal.home / f"{name}.taken")
        claims.append(terminal.claims)
        late.append(terminal.mail.take(ends=True))

    terminal.looks.extend([lambda: None, claimed, terminal.shows])
    assert await terminal.offer() is None
    assert terminal.read() == b"m1.1\nthe text"
    assert (claims, late, terminal.claims) == ([["pipe.m1.1.taken"]], [None], [])
