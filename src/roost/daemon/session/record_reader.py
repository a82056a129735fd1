"""Reads what a session's agent writes: its records, as they grow, and its status file."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from roost.core.vocabulary.session import Session
from roost.daemon.session.known_session import KnownSession
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.threads import Threads
from roost.host.files import Tail

T = TypeVar("T")
CATCH_UP = 256
"""Further reads of a tail (1 MiB each) in one look: a conversation that is joined late has a long record."""


class RecordReader:
    """Reads for one live session. `halted`: when it was read last, a signal or a debugger held the agent."""

    def __init__(self, live: LiveSession, known: KnownSession, threads: Threads) -> None:
        """Read in these threads."""
        self._live = live
        self._known = known
        self._threads = threads
        self.halted = False

    async def read(self) -> None:
        """Read on. Raises OSError."""
        await self._threads.run_for(self._live.session.id, self._read)

    async def read_beside(self, beside: Callable[[], T]) -> T:
        """After the agent's end: read on, then call `beside` in the same thread; returns its result.

        Raises OSError.
        """

        def both() -> T:
            self._read(ended=True)
            return beside()

        return await self._threads.run_for(self._live.session.id, both)

    def _read(self, *, ended: bool = False) -> None:
        """Blocking: what the sensor finds, new lines of the tails, and the status file, for `take`.

        It may come to its end long after it was given up: what it has read of a record is not lost.
        """
        live, session = self._live, self._known.session()
        with live.reading() as goes_on:
            if goes_on:
                self.halted = not ended and live.halted()
                self._read_all(live, session)

    def _read_all(self, live: LiveSession, session: Session | None) -> None:
        if session is not None:
            live.sensor.since = session.earliest
        found = live.sensor.find(live.agent_pid, self._known.mark())
        lines: list[bytes] = []
        for path in live.sensor.tails():
            lines.extend(_new_lines(live.tail(path)))
        path = live.sensor.status_path(live.agent_pid)
        live.found.append((found, lines, _content(path)))


def _new_lines(tail: Tail) -> list[bytes]:
    """Blocking: all that was written since the last call, in bounded reads."""
    lines = tail.read()
    for _ in range(CATCH_UP):
        if not tail.behind():
            break
        lines.extend(tail.read())
    return lines


def _content(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError:
        return None
