"""The daemon as the page asks it: each request a connection to its socket, so many at a time."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple, Self

import msgspec

from roost.client.connection import PATIENCE, ConnectionLostError, Record, RemoteError
from roost.errors import NoDaemonError, RoostError

AT_ONCE = 16
"""Requests at a time; the daemon takes 256 connections, and others want some, too."""
NOW = 2**63 - 1
"""A number that no line of the journal has: what is before it is the newest."""
_LINE = 64 * 1024 * 1024
"""The longest answer, in bytes."""
_GONE = "the daemon went away before it answered; `roost status` tells if it is back"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Mark(NamedTuple):
    """A line of the journal, by its number and its time: in a backup that was restored another one has it.

    Number 0: before the first one. Without a time only the number is known.
    """

    seq: int
    ts: str = ""

    def __str__(self) -> str:
        """As a page names it."""
        return f"{self.seq}@{self.ts}"

    @classmethod
    def of(cls, event: Record) -> Self:
        """That of this line."""
        return cls(int(event["seq"]), str(event["ts"]))


class Daemon:
    """Asks as the operator does on the command line: with no token, known by the process that connects."""

    def __init__(self, path: str) -> None:
        """Ask the one behind this socket."""
        self._path = path
        self._room = asyncio.Semaphore(AT_ONCE)
        self._patient = asyncio.Semaphore(AT_ONCE)

    async def ask(
        self, method: str, params: Record | None = None, *, patience: float | None = PATIENCE
    ) -> tuple[Any, list[str]]:
        """The result of one request, and its notes for whoever asked.

        `patience`: seconds for the whole, None for what may take as long as it takes, which takes no room
        from the others. Raises NoDaemonError, RemoteError with the daemon's own sentence,
        ConnectionLostError.
        """
        room = self._patient if patience is None else self._room
        async with room, contextlib.aclosing(self._lines(method, params)) as lines:
            try:
                async with asyncio.timeout(patience):
                    async for line in lines:
                        if "event" not in line:
                            return line.get("result"), [str(note) for note in line.get("notes") or ()]
            except TimeoutError as error:
                raise ConnectionLostError(f"the daemon did not answer within {patience:g} s") from error
        raise ConnectionLostError(_GONE)

    async def call(self, method: str, params: Record | None = None) -> Any:  # noqa: ANN401 -- JSON
        """The result alone; see `ask`."""
        return (await self.ask(method, params))[0]

    async def events(self, params: Record) -> list[Record]:
        """The lines of the journal that are stored; see `ask`."""
        async with self._room, contextlib.aclosing(self.follow("events", params)) as found:
            return [event async for event in found]

    async def newest(self) -> Mark:
        """The newest line of the journal."""
        found = await self.events({"before": NOW, "limit": 1})
        return Mark.of(found[0]) if found else Mark(0)

    async def holds(self, mark: Mark) -> bool:
        """Whether the journal has this line: one that took its place, as by `roost restore`, has not."""
        if mark.seq == 0:
            return True
        found = await self.events({"before": mark.seq + 1, "limit": 1})
        return any(mark in (Mark.of(event), Mark(int(event["seq"]))) for event in found)

    async def follow(self, method: str, params: Record) -> AsyncGenerator[Record, None]:
        """The pieces of an answer that comes in pieces, to its end; see `ask`."""
        async with contextlib.aclosing(self._lines(method, params)) as lines:
            async for line in lines:
                if "event" not in line:
                    return
                yield line["event"]
        raise ConnectionLostError(_GONE)

    async def _lines(self, method: str, params: Record | None) -> AsyncGenerator[Record, None]:
        try:
            reader, writer = await asyncio.open_unix_connection(self._path, limit=_LINE)
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NoDaemonError from error
        except OSError as error:
            raise RoostError(f"cannot reach the daemon: {error.strerror or error}") from error
        try:
            writer.write(_encode({"id": 1, "method": method, "params": params or {}}) + b"\n")
            while line := await reader.readline():
                answer: Record = _decode(line)
                if answer.get("error") is not None:
                    raise RemoteError(answer["error"])
                yield answer
        except (ConnectionError, ValueError, msgspec.DecodeError) as error:
            raise ConnectionLostError(_GONE) from error
        finally:
            writer.close()
