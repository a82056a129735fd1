"""A thread of a Codex app-server as the call channel wants it: a view of its server's one connection.

Codex 0.171.0: who has a thread (`thread/start`, `thread/resume`) is told of its turns, items and requests for
approvals; the latter go to each of them, and to whoever joins while one is open. Everybody hears of its state
and its end. A thread that had no turn yet cannot be resumed, but takes one.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol, cast

import msgspec

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.session import ServerThread
from roost.runtimes.call import CallLostError, CallRefusedError, Heard
from roost.runtimes.codex_server.address import Address
from roost.runtimes.codex_server.approvals import DECISIONS, name_of
from roost.runtimes.codex_server.connection import ANSWER, Connection, Frame, NobodyListensError
from roost.runtimes.codex_server.turns import Turn, frames, keys_in, loaded_by, turns_of

SETTLED = 1.0
"""Seconds for which a server answers until what a broken connection carried cannot arrive any more.

Codex 0.171.0: it was taken within 0.06 s of the next connection, or never.
"""
LOOK = 0.05
"""Seconds between two looks in that while."""
SLACK = 2.0
"""Seconds by which a turn of a session may have begun before it, as the server rounds."""
WRITTEN = 5.0
"""Seconds for a thread's first turn to be written down, so that it can be followed."""
ENTERED, JOINED, LOST = "roost/entered", "roost/joined", "roost/lost"
"""Lines of our own among the server's: the session goes on in this thread; the state in which it was joined;
nothing is heard, and why."""
_NO_RECORD = "no rollout found"
"""What the server says of a thread that it does not know, and of a loaded one that had no turn yet."""


class Host(Protocol):
    """What has the thread: somebody else's server, or the session's own."""

    address: Address
    process: ProcessId | None

    async def connection(self) -> Connection:
        """The connection. Raises NobodyListensError, CallLostError, CallRefusedError."""
        ...

    def hold(self, seat: "ThreadCall") -> None:
        """Follow a thread from now on."""
        ...

    async def let_go(self, session: str, thread: str) -> None:
        """Follow a thread no more."""
        ...

    def start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do something beside."""
        ...


class ThreadCall:
    """One thread, for one session."""

    def __init__(self, server: Host, session: str, thread: str | None, since: float) -> None:
        """Nothing is asked of the server yet. `since`: when the session began (Unix seconds)."""
        self.session = session
        self.thread = thread or ""
        self._server = server
        self._since = since
        self._heard: Heard | None = None
        self._backlog: list[bytes] = []
        self._held: list[bytes] | None = None
        self._followed = False
        self._turn: str | None = None
        self._rests = False
        self._asks: dict[str, Frame] = {}
        self._keys: set[str] = set()
        self._doubts: set[str] = set()
        self._closed = asyncio.Event()

    async def join(self, directory: str, options: Mapping[str, Any], *, begins: bool) -> ServerThread:
        """Begin a thread in this folder, or load and follow the one that it is.

        Raises NobodyListensError, CallLostError; CallRefusedError where the server does not have it.
        """
        connection, loaded = await self._server.connection(), False
        if begins:
            answer = await connection.ask("thread/start", {"cwd": directory, **options})
            self.thread = str(answer["thread"]["id"])
            self._held, self._followed = [], True
            self._server.hold(self)
            await self._begin(answer["thread"], connection)
        else:
            self._server.hold(self)
            loaded = self.thread in await loaded_by(connection)
            why = await self._follow(connection, options)
            if why is not None:
                raise CallRefusedError(why)
        return ServerThread(self._server.address.text, self.thread, self._server.process, loaded)

    async def rejoin(self, connection: Connection, loaded: frozenset[str]) -> str | None:
        """Follow it over another connection; why that cannot be, None where it can."""
        if self.thread not in loaded:
            return "its server does not have the thread loaded any more"
        return await self._follow(connection, {})

    async def _follow(self, connection: Connection, options: Mapping[str, Any]) -> str | None:
        """Load it, if need be, and be told of it; why that cannot be."""
        self._held, self._followed = [], True
        self._asks.clear()
        try:
            answer = await connection.ask(
                "thread/resume", {"threadId": self.thread, "excludeTurns": True, **options}
            )
        except CallRefusedError as error:
            if _NO_RECORD not in error.message or self.thread not in await loaded_by(connection):
                return error.message
            self._followed = False
            answer = await connection.ask("thread/read", {"threadId": self.thread})
        thread: dict[str, Any] = answer.get("thread") or {}
        if thread.get("ephemeral"):
            return f"thread {self.thread} is one of its server's own, as for titles, and is not kept"
        await self._begin(thread, connection)
        return None

    async def _begin(self, thread: Mapping[str, Any], connection: Connection) -> None:
        """Tell what the server kept since the session began, then what it has told meanwhile."""
        begun: list[Turn] = []
        self._turn, self._rests = None, _part(thread, "status").get("type") == "idle"
        async for turn in turns_of(connection, self.thread):
            if (turn.get("startedAt") or 0.0) < self._since - SLACK and turn.get("status") != "inProgress":
                break
            begun.insert(0, turn)
        # A turn that ended while they were read stands in them as one that runs.
        runs = next((str(turn["id"]) for turn in begun if turn.get("status") == "inProgress"), None)
        self._turn = None if self._rests else self._turn or runs
        for turn in begun:
            self._keys.update(keys_in(turn))
        state = {"method": JOINED, "params": {"threadId": self.thread, "status": thread.get("status")}}
        held, self._held = self._held or [], None
        kept = [line for turn in begun for line in frames(self.thread, turn)]
        self._say([*kept, msgspec.json.encode(state), *held])

    async def _follow_first(self) -> None:
        """Its first turn has begun: as soon as that is written down, the thread can be followed."""
        with contextlib.suppress(CallLostError, NobodyListensError, TimeoutError):
            async with asyncio.timeout(WRITTEN):
                connection = await self._server.connection()
                why = await self._follow(connection, {})
                while why is not None or not self._followed:
                    await asyncio.sleep(LOOK)
                    why = await self._follow(connection, {})

    def tell(self, frame: Frame) -> None:
        """Take what the server says of it."""
        params = frame.params or {}
        match frame.method:
            case "turn/started":
                self._turn, self._rests = str(_part(params, "turn").get("id")), False
            case "turn/completed":
                self._turn = None if self._turn == _part(params, "turn").get("id") else self._turn
                self._asks.clear()
            case "item/completed":
                self._keys.update(keys_in({"items": [_part(params, "item")]}))
            case "serverRequest/resolved":
                self._asks.pop(str(params.get("requestId")), None)
            case "thread/status/changed" if _part(params, "status").get("type") != "active":
                self._turn, self._rests = None, True  # the turn's own end follows
            case "thread/status/changed" if not self._followed:
                self._followed = True
                self._server.start(self._follow_first(), f"first turn of {self.thread}")
            case _:
                if frame.id is not None:
                    self._asks[str(frame.id)] = frame
        if self._held is not None:
            self._held.append(frame.raw)
        else:
            self._say([frame.raw])

    def lost(self, why: str) -> None:
        """The server does not tell of it now."""
        self._say([msgspec.json.encode({"method": LOST, "params": {"threadId": self.thread, "why": why}})])

    def _say(self, lines: list[bytes]) -> None:
        if self._heard is not None:
            self._heard(lines)
        else:
            self._backlog += lines

    async def submit(self, key: str, text: str, *, joins: bool, traceparent: str | None = None) -> None:
        """Give it a prompt: a turn of its own, or into the running one. It is told of no trace."""
        del traceparent
        connection = await self._open()
        if await self.was_given(key):
            return
        if self._asks:
            raise CallRefusedError("it asks for an approval")
        if self._turn is not None and not joins:
            raise CallRefusedError("it is in a turn")
        asked: dict[str, Any] = {
            "threadId": self.thread,
            "clientUserMessageId": key,
            "input": [{"type": "text", "text": text, "text_elements": []}],
        }
        self._doubts.add(key)  # until the server has answered
        try:
            if self._turn is not None:
                await connection.ask("turn/steer", {**asked, "expectedTurnId": self._turn})
            else:
                await connection.ask("turn/start", asked)
        except CallRefusedError:
            self._doubts.discard(key)
            raise
        self._doubts.discard(key)
        self._keys.add(key)

    async def was_given(self, key: str) -> bool:
        """Whether this call has given it the prompt of that key; only what is in doubt is looked for."""
        return key in self._keys or (key in self._doubts and await self.has(key))

    async def has(self, key: str) -> bool:
        """Whether it was given the prompt of that key."""
        return await self.turn_of(key) is not None

    async def turn_of(self, key: str) -> Turn | None:
        """The turn that was given the prompt of that key; None: none was.

        A turn that has just begun may not show its prompt yet, and what went over a connection that broke may
        be on its way: both are waited for. Raises CallLostError, CallRefusedError.
        """
        connection, loop = await self._open(), asyncio.get_running_loop()
        began = loop.time()
        while True:
            blank = False
            async for turn in turns_of(connection, self.thread):
                if key in keys_in(turn):
                    self._keys.add(key)
                    return turn
                blank = blank or (turn.get("status") == "inProgress" and not turn.get("items"))
            if not blank and loop.time() - began >= SETTLED:
                return None
            await asyncio.sleep(LOOK)

    async def interrupt(self) -> None:
        """End the running turn; at rest it does nothing."""
        connection = await self._open()
        if self._turn is not None:
            await connection.ask("turn/interrupt", {"threadId": self.thread, "turnId": self._turn})

    async def compact(self) -> None:
        """Compact the conversation."""
        connection = await self._open()
        await connection.ask("thread/compact/start", {"threadId": self.thread})

    async def answer(self, request: str, option: str, text: str = "") -> None:
        """Answer a request for an approval; anybody else who has the thread may do so before."""
        del text
        connection = await self._open()
        asked = next(
            (each for each in self._asks.values() if name_of(each.id, each.params or {}) == request), None
        )
        if asked is None or asked.id is None:
            raise CallRefusedError(f"it does not ask {request}")
        if asked.method not in DECISIONS:
            raise CallRefusedError(
                "what it asks takes more than a choice; `roost attach` tells how to join it"
            )
        del self._asks[str(asked.id)]
        await connection.reply(asked.id, {"decision": option})

    async def follow(self, heard: Heard) -> None:
        """Pass on what the server tells, until the thread is let go of."""
        self.listen(heard)
        await self._closed.wait()

    def listen(self, heard: Heard) -> None:
        """Pass on what was told and what will be."""
        backlog, self._backlog, self._heard = self._backlog, [], heard
        heard(backlog)

    async def close(self) -> None:
        """Let go of the thread: it goes on at its server."""
        if self._closed.is_set():
            return
        self._closed.set()
        await self._server.let_go(self.session, self.thread)

    async def _open(self) -> Connection:
        try:
            async with asyncio.timeout(ANSWER):
                return await self._server.connection()
        except NobodyListensError as error:
            raise CallLostError(error.message) from error
        except TimeoutError:
            raise CallLostError("its server does not answer") from None


def _part(params: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = params.get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
