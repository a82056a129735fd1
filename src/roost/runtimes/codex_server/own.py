"""The app-server that one session has for itself, and the thread that its pane shows (0.171.0, measured).

The pane's program begins a thread as it starts, or resumes one; a person there may begin others (`/new`) and
go back in one (`/resume`). The server tells everybody of a thread that begins (`thread/started`), and by its
state of one that is loaded; who has it open it does not tell. So the session goes on in the thread that came
last, or in the one where a turn begins that is none of ours. Threads for titles are ephemeral, those of
sub-agents have a parent.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, cast

import msgspec

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.session import Session
from roost.runtimes.call import CallLostError, CallRefusedError, Heard
from roost.runtimes.codex_rollout import time_in
from roost.runtimes.codex_server.address import Address
from roost.runtimes.codex_server.connection import Connection, Frame, NobodyListensError, open_connection
from roost.runtimes.codex_server.thread import ENTERED, LOST, ThreadCall
from roost.runtimes.codex_server.turns import loaded_by

AGAIN = 0.1
AGAIN_MOST = 2.0
"""Seconds until its server is connected to again: at first, and at most, doubling in between."""
NO_THREAD = "its terminal program shows no thread yet"


class OwnCall:
    """The server of one session, as its call. It is also what its threads are reached through."""

    def __init__(
        self, session: Session, socket: Path, start: Callable[[Coroutine[Any, Any, None], str], object]
    ) -> None:
        """Nothing is connected until it is followed. `start` does something beside."""
        self.address = Address(f"unix:{socket}", str(socket), "ws://localhost/")
        self.process: ProcessId | None = None
        self._session = session
        self._start = start
        self._connection: Connection | None = None
        self._threads: dict[str, ThreadCall] = {}
        self._current: ThreadCall | None = None
        self._entered = ""
        self._keeps = False
        self._gone: set[str] = set()
        self._apart: set[str] = set()
        self._anew: dict[str, float] = {}
        self._heard: Heard | None = None
        self._closed = False

    # what its threads ask for

    async def connection(self) -> Connection:
        """The connection. Raises CallRefusedError while there is none."""
        if self._connection is None or self._connection.broken:
            raise CallRefusedError("its app-server is not connected now")
        return self._connection

    def hold(self, seat: ThreadCall) -> None:
        """All of them are followed."""

    async def let_go(self, session: str, thread: str) -> None:
        """They end with the session."""

    def start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do something beside."""
        self._start(work, name)

    # the call

    async def submit(self, key: str, text: str, *, joins: bool, traceparent: str | None = None) -> None:
        """Give the thread in the pane a prompt, unless an earlier one was given it."""
        current = self._there()
        for thread in self._threads.values():
            if thread is not current and await thread.was_given(key):
                return
        await current.submit(key, text, joins=joins, traceparent=traceparent)

    async def has(self, key: str) -> bool:
        """Whether a thread that the pane has shown was given the prompt of that key."""
        self._there()
        return any(await asyncio.gather(*(thread.has(key) for thread in self._threads.values())))

    async def interrupt(self) -> None:
        """End the running turn."""
        await self._there().interrupt()

    async def compact(self) -> None:
        """Compact the conversation."""
        await self._there().compact()

    async def answer(self, request: str, option: str, text: str = "") -> None:
        """Answer a request for an approval; the person in the pane may have done so before."""
        await self._there().answer(request, option, text)

    async def follow(self, heard: Heard) -> None:
        """Pass on what the server tells; a connection that breaks is made again."""
        self._heard = heard
        pause = AGAIN
        while not self._closed:
            try:
                connection = await open_connection(self.address, self._told)
            except (NobodyListensError, CallLostError, CallRefusedError) as error:
                self._lost(error.message)
                await asyncio.sleep(pause)
                pause = min(pause * 2, AGAIN_MOST)
                continue
            pause = AGAIN
            self._start(self._greet(connection), f"server of {self._session.peer}")
            self._connection = connection
            try:
                await connection.read()
            finally:
                connection.abort()

    async def close(self) -> None:
        """Let go of the connection."""
        self._closed = True
        for thread in self._threads.values():
            await thread.close()
        if self._connection is not None:
            self._connection.abort()

    def _there(self) -> ThreadCall:
        if self._current is None:
            raise CallRefusedError(NO_THREAD)
        return self._current

    # what the server tells

    async def _greet(self, connection: Connection) -> None:
        """Say who we are, and follow what is loaded; a server that does not answer is connected to anew."""
        try:
            await connection.greet()
            known = [thread for name, thread in self._threads.items() if name not in self._gone]
            for thread in known:
                await self._follow(thread)
            loaded = await loaded_by(connection)
            before = self._session.conversation if not known else None
            # Their ids begin with the time; the one that the session was in comes first, and stays.
            for name in sorted(loaded, key=lambda name: (name != before, name)):
                if name not in self._threads:
                    self._keeps = before in self._threads
                    await self._ask_about(name)
        except (CallLostError, CallRefusedError):
            connection.abort()
        finally:
            self._keeps = False

    def _told(self, frame: Frame) -> None:
        """Pass on what the server says of a thread, and see which one the pane shows."""
        name = frame.thread
        if frame.method == "thread/started":
            self._began((frame.params or {}).get("thread") or {})
            return
        if name is None or name in self._apart:
            return
        thread = self._threads.get(name)
        if thread is None:
            if frame.method == "thread/status/changed" and _status(frame) != "notLoaded":
                self._start(self._quietly(self._ask_about(name)), f"a thread of {self._session.peer}")
            return
        thread.tell(frame)
        match frame.method:
            case "turn/started" if thread is not self._current:
                self._enter(thread)
            case "thread/closed" | "thread/archived" | "thread/deleted":
                self._left(thread, f"the thread was {str(frame.method).removeprefix('thread/')}")
            case "thread/status/changed" if _status(frame) == "notLoaded":
                self._left(thread, "the thread is not loaded any more")
            case "thread/status/changed" if name in self._gone:
                self._enter(thread)
            case _:
                pass

    async def _ask_about(self, name: str) -> None:
        """A thread that nobody told of as it began."""
        connection = await self.connection()
        answer = await connection.ask("thread/read", {"threadId": name})
        self._began(answer.get("thread") or {})

    def _began(self, thread: Mapping[str, Any]) -> None:
        """A thread was begun or loaded: the pane's, unless it is there for something else."""
        name = str(thread.get("id"))
        if thread.get("ephemeral") or thread.get("parentThreadId") or thread.get("threadSource") != "user":
            self._apart.add(name)
        elif name not in self._threads:
            call = ThreadCall(self, self._session.id, name, self._session.earliest)
            self._threads[name] = call
            self._note_beginning(name, thread)
            if self._heard is not None:
                call.listen(self._heard)
            if self._keeps:
                self._start(self._quietly(self._follow(call)), f"thread {name}")
            else:
                self._enter(call)

    def _note_beginning(self, name: str, thread: Mapping[str, Any]) -> None:
        """A thread that was begun in this session, and not with what another one holds (`/fork`)."""
        at = time_in(name)
        forked = thread.get("forkedFromId", "it is not said")
        if at is not None and at >= self._session.earliest and forked is None:
            self._anew[name] = at

    def _enter(self, thread: ThreadCall) -> None:
        """The session goes on in this thread."""
        self._current, self._entered = thread, thread.thread
        self._gone.discard(thread.thread)
        anew = self._anew.get(thread.thread)
        self._say({"method": ENTERED, "params": {"threadId": thread.thread, "anew": anew}})
        self._start(self._quietly(self._follow(thread)), f"thread {thread.thread}")

    async def _follow(self, thread: ThreadCall) -> None:
        """Be told of its turns."""
        why = await thread.rejoin(await self.connection(), frozenset({thread.thread}))
        if why is not None:
            self._left(thread, why)

    async def _quietly(self, work: Awaitable[None]) -> None:
        """Do something that is done again over the next connection, if this one breaks."""
        with contextlib.suppress(CallLostError, CallRefusedError):
            await work

    def _left(self, thread: ThreadCall, why: str) -> None:
        """A thread is over; the pane shows another one next, or its program ends."""
        self._gone.add(thread.thread)
        if thread is self._current:
            self._current = None
            self._lost(why)

    def _lost(self, why: str) -> None:
        if self._entered:
            self._say({"method": LOST, "params": {"threadId": self._entered, "why": why}})

    def _say(self, line: Mapping[str, Any]) -> None:
        if self._heard is not None:
            self._heard([msgspec.json.encode(line)])


def _status(frame: Frame) -> object:
    status: object = (frame.params or {}).get("status")
    return cast("dict[str, object]", status).get("type") if isinstance(status, dict) else None
