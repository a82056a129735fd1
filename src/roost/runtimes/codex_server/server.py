"""One Codex app-server of somebody else, and the threads of it that are ours to follow.

There is one connection, however many threads; where it breaks it is made again. A server counts as gone when
its process is dead, when nobody listens where it could not be told which process that is, or when another
process answers in its place: with it every thread of it that we followed is over.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, NamedTuple, Protocol, cast

from msgspec import Struct

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.session import Cause
from roost.runtimes.call import CallLostError, CallRefusedError
from roost.runtimes.codex_server.address import Address
from roost.runtimes.codex_server.connection import Connection, Frame, NobodyListensError, open_connection
from roost.runtimes.codex_server.turns import loaded_by

LEAVE = 2.0
"""Seconds for a server to hear that a thread is not followed any more."""
AGAIN = 0.02
AGAIN_MOST = 5.0
"""Seconds until a server is looked for again: at first, and at most, doubling in between."""
REASON = 1.0
"""Seconds in which a server tells why it has unloaded a thread (0.171.0: at once, if it is not busy)."""
BESIDE = 32
"""How many threads are joined again at one time."""


class End(NamedTuple):
    """A session that is a thread is over: its id, the cause, what tells so, in words."""

    session: str
    cause: Cause
    why: str


class Senses(Protocol):
    """What is asked of the machine."""

    async def behind(self, connection: Connection) -> ProcessId | None:
        """The process at the other end; None: the system does not tell."""
        ...

    async def dead(self, process: ProcessId) -> bool:
        """Whether that very process is known to be dead."""
        ...

    async def gone(self, process: ProcessId) -> None:
        """Return when that very process is gone, or when it cannot be watched, after a while."""
        ...


class Seat(Protocol):
    """A thread that is followed."""

    session: str
    thread: str

    def tell(self, frame: Frame) -> None:
        """Take what the server says of it."""
        ...

    def lost(self, why: str) -> None:
        """The server does not tell of it now."""
        ...

    async def rejoin(self, connection: Connection, loaded: frozenset[str]) -> str | None:
        """Follow it over another connection, if it is loaded; why that cannot be. Raises CallLostError."""
        ...


class Wiring(Struct, frozen=True):
    """What servers need of the daemon: its senses, tasks, and who is told of ends."""

    senses: Senses
    start: Callable[[Coroutine[Any, Any, None], str], object]
    ended: Callable[[list[End]], None]


class Server:
    """The server at one address."""

    def __init__(self, address: Address, wiring: Wiring) -> None:
        """Nothing is connected yet."""
        self.address = address
        self.process: ProcessId | None = None
        self._wiring = wiring
        self._connection: Connection | None = None
        self._seats: dict[str, Seat] = {}
        self._opening = asyncio.Lock()

    @property
    def held(self) -> bool:
        """Whether any thread of it is followed."""
        return bool(self._seats)

    async def connection(self) -> Connection:
        """The connection, made if there is none; over a new one all threads are joined again, beside this.

        Raises NobodyListensError, CallLostError, CallRefusedError.
        """
        async with self._opening:
            if self._connection is None or self._connection.broken:
                connection = await open_connection(self.address, self._told)
                self._wiring.start(self._serve(connection), f"server {self.address.text}")
                try:
                    await connection.greet()
                    process = await self._wiring.senses.behind(connection)
                except BaseException:
                    connection.abort()
                    raise
                if None not in (self.process, process) and self.process != process:
                    self._end_all(f"another process{_number(process)} answers at {self.address.text}")
                self.process, self._connection = process, connection
                if self._seats:
                    self._wiring.start(self._rejoin(connection), f"threads of {self.address.text}")
            return self._connection

    def hold(self, seat: Seat) -> None:
        """Follow a thread from now on."""
        self._seats[seat.session] = seat

    async def let_go(self, session: str, thread: str) -> None:
        """Follow a thread no more, and say so; with the last one the connection ends."""
        held = self._seats.pop(session, None) is not None
        connection = self._connection
        if held and connection is not None and all(seat.thread != thread for seat in self._seats.values()):
            with contextlib.suppress(CallLostError, CallRefusedError):
                await connection.ask("thread/unsubscribe", {"threadId": thread}, LEAVE)
        if not self._seats:
            await self.close()

    async def close(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do something beside."""
        self._wiring.start(work, name)

    async def _serve(self, connection: Connection) -> None:
        """Take what comes over one connection, and see to what its end means."""
        await connection.read()
        if self._connection is connection:
            self._connection = None
            await self._broken(connection.broken)

    async def _broken(self, why: str) -> None:
        """Find out what became of the server, for as long as a thread of it is followed."""
        pause, told = AGAIN, ""
        while self._seats and self._connection is None:
            process = self.process
            if process is not None and await self._wiring.senses.dead(process):
                self._end_all(f"process {process.pid} of its server is gone ({why})")
                return
            try:
                await self.connection()
            except NobodyListensError as error:
                if process is None:
                    self._end_all(error.message)
                    return
                reason = error.message
            except (CallLostError, CallRefusedError) as error:
                reason = error.message
            else:
                return
            if reason != told and pause > AGAIN:
                told = reason
                for seat in list(self._seats.values()):
                    seat.lost(reason)
            await self._wait(process, pause)
            pause = min(pause * 2, AGAIN_MOST)

    async def _wait(self, process: ProcessId | None, seconds: float) -> None:
        """Let time pass; the end of the server's process ends it."""
        try:
            async with asyncio.timeout(seconds):
                if process is None:
                    await asyncio.sleep(seconds)
                else:
                    await self._wiring.senses.gone(process)
        except TimeoutError:
            pass

    async def _rejoin(self, connection: Connection) -> None:
        """Follow all threads over another connection; those that it does not have any more are over.

        Where the server does not answer the connection is given up, and made again.
        """
        room, ends = asyncio.Semaphore(BESIDE), list[End]()

        async def again(seat: Seat, loaded: frozenset[str]) -> None:
            async with room:
                why = await seat.rejoin(connection, loaded)
            if why is not None:
                ends.append(End(seat.session, Cause.THREAD_UNLOADED, why))

        try:
            loaded = await loaded_by(connection)
            await asyncio.gather(*(again(seat, loaded) for seat in list(self._seats.values())))
        except (CallLostError, CallRefusedError):
            connection.abort()
        self._end(ends)

    def _told(self, frame: Frame) -> None:
        """Pass on what the server says of a thread; what ends it is seen to."""
        thread = frame.thread
        seats = [seat for seat in self._seats.values() if seat.thread == thread] if thread else []
        if not seats:
            return
        for seat in seats:
            seat.tell(frame)
        match frame.method:
            case "thread/closed":
                self._over(seats, Cause.THREAD_CLOSED, "its server says that the thread is closed")
            case "thread/deleted":
                self._over(seats, Cause.THREAD_CLOSED, "its server says that the thread was deleted")
            case "thread/archived":
                self._over(seats, Cause.THREAD_ARCHIVED, "its server says that the thread was archived")
            case "thread/status/changed" if _status(frame) == "notLoaded":
                why = "its server says that the thread is not loaded any more"
                loop = asyncio.get_running_loop()
                loop.call_later(REASON, self._over, seats, Cause.THREAD_UNLOADED, why)
            case _:
                pass

    def _over(self, seats: Iterable[Seat], cause: Cause, why: str) -> None:
        self._end([End(seat.session, cause, why) for seat in seats])

    def _end_all(self, why: str) -> None:
        self._end([End(session, Cause.SERVER_GONE, why) for session in list(self._seats)])

    def _end(self, ends: Iterable[End]) -> None:
        """Tell of ends once."""
        known = [end for end in ends if self._seats.pop(end.session, None) is not None]
        if known:
            self._wiring.ended(known)


def _status(frame: Frame) -> object:
    status: object = (frame.params or {}).get("status")
    return cast("dict[str, object]", status).get("type") if isinstance(status, dict) else None


def _number(process: ProcessId | None) -> str:
    return f", {process.pid}," if process is not None else ""
