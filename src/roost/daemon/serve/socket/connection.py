"""One connection to the socket: one JSON object a line, many requests side by side."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from roost.daemon.serve.caller import Caller
from roost.daemon.serve.callers import Callers
from roost.daemon.serve.methods.dispatcher import Dispatcher
from roost.daemon.serve.methods.method import Answer, Stream
from roost.daemon.state.defect import DefectError
from roost.daemon.state.tasks import Tasks
from roost.errors import RefusedError, RoostError, UsageError
from roost.foreign import whole
from roost.store.codec import to_text

CONNECTIONS = 256
"""Connections at a time: each may hold one answer that its client does not read."""
LINE = 8 * 1024 * 1024
"""The longest request, in bytes: a body of 1 MiB fits with every character escaped (six bytes for one)."""
RUNNING = 32
"""Requests of one connection that run at a time; what follows is read when one of them has ended."""
READING = 30.0
"""Seconds for a client to take an answer; one that does not is hung up on."""
BACKLOG = 64 * 1024
"""Bytes that wait for a client from which on it is told no progress."""
_ROOM = memoryview(bytearray(64 * 1024))
"""Where all connections read to: what came is copied out of it before anything else is read.

A stream of asyncio (Python 3.11) asks the system for 256 KiB for each read, and gives them back."""

_log = logging.getLogger("roost.rpc")
_encode = msgspec.json.Encoder().encode


class Request(msgspec.Struct):
    """One request."""

    id: int
    method: str
    params: dict[str, Any] = {}
    token: str | None = None


_decode = msgspec.json.Decoder(Request).decode


class Connection(asyncio.BufferedProtocol):
    """Reads requests and answers them."""

    def __init__(
        self, methods: Dispatcher, callers: Callers, tasks: Tasks, opened: "set[Connection]"
    ) -> None:
        """One of those that are `opened`, from when somebody connects until that is over."""
        self._methods = methods
        self._callers = callers
        self._tasks = tasks
        self._opened = opened
        self._begun: list[bytes] = []
        self._begun_size = 0
        self._lines: deque[bytes] = deque()
        self._turn = asyncio.Lock()
        self._running: set[asyncio.Task[None]] = set()
        self._next: asyncio.Future[bytes] | None = None
        self._flows = asyncio.Event()
        self._flows.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to find out who has connected: it takes as long as the first request is on its way."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- of a stream socket
        self._transport = transport
        self._opened.add(self)
        if len(self._opened) > CONNECTIONS:
            self._refuse(RefusedError(f"{CONNECTIONS} connections are open already; close some of them"))
            self.close()
            return
        # Not cancelled with the connection, but ended.
        self._who = self._tasks.start(self._callers.at(transport.get_extra_info("socket")), "caller")

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 -- why is of no matter
        """The client has hung up, or was hung up on: what runs for it is cancelled."""
        self._opened.discard(self)
        self._flows.set()
        self._cancel()

    def close(self) -> None:
        """Hang up, once what was written is on its way."""
        self._lines.clear()
        self._transport.close()

    def eof_received(self) -> None:
        """The client has hung up."""
        self._cancel()

    def _cancel(self) -> None:
        self._lines.clear()
        for task in self._running:
            task.cancel()

    def pause_writing(self) -> None:
        """The client does not read what is written."""
        self._flows.clear()

    def resume_writing(self) -> None:
        """It does again."""
        self._flows.set()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 -- there is one
        """Where to read to."""
        return _ROOM

    def buffer_updated(self, nbytes: int) -> None:
        """Something came: whole lines, and the beginning of the next."""
        if self._transport.is_closing():
            return
        first, *more = bytes(_ROOM[:nbytes]).split(b"\n")
        self._begun.append(first)
        self._begun_size += len(first)
        longest = self._begun_size  # what comes after it is no longer than what is read at once
        if more:
            self._lines.append(b"".join(self._begun))
            *whole, rest = more
            self._lines.extend(whole)
            self._begun, self._begun_size = [rest], len(rest)
        if longest > LINE:
            self._refuse(UsageError("the request is too long"))
            self.close()
            return
        self._begin()

    def _begin(self) -> None:
        """Answer every request; while too many run, nothing is read."""
        if self._lines and self._next is not None and not self._next.done():
            self._next.set_result(self._lines.popleft())
        while self._lines and len(self._running) < RUNNING:
            task = self._tasks.start(self._requests(self._lines.popleft()), "rpc")
            self._running.add(task)
            task.add_done_callback(self._ended)
        if self._lines:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._lines:
            self._begin()

    def _refuse(self, error: RoostError, number: int = 0) -> None:
        """Answer the request of that number, or none that was understood, with an error."""
        facts = {
            "code": error.code,
            "message": error.message,
            "exit_code": error.exit_code,
            "facts": error.facts,
        }
        self._write({"id": number, "error": facts})

    async def _requests(self, line: bytes) -> None:
        """Answer one request, then what comes, unless somebody waits for that already.

        What waits is left to those who begin in its order: to go on with it here would be ahead of them.
        """
        await self._request(line)
        while not (self._lines or self._transport.is_closing() or (self._next and not self._next.done())):
            self._next = asyncio.get_running_loop().create_future()
            await self._request(await self._next)

    async def _request(self, line: bytes) -> None:
        """Answer one request, whatever happens: of those that may not wait one is answered at a time."""
        try:
            request = _decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            self._refuse(UsageError(f"the request is not understood: {error}"))
            return
        try:
            caller = self._who.result() if self._who.done() else await asyncio.shield(self._who)
            if self._methods.waits(request.method, request.params):
                await self._answer(request, caller)
            else:
                async with self._turn:
                    await self._answer(request, caller)
        except RoostError as error:
            self._refuse(error, request.id)
        except Exception as defect:  # noqa: BLE001 -- a defect is an answer, too: who asked would wait for ever
            _log.error("%s met a defect", request.method, exc_info=defect)
            self._refuse(DefectError(), request.id)

    async def _answer(self, request: Request, caller: Caller) -> None:
        number = request.id
        answer = await self._methods.call(
            request.method,
            request.params,
            request.token,
            caller,
            lambda event: self._progress({"id": number, "event": event}),
        )
        if isinstance(answer, Stream):
            async with contextlib.aclosing(answer.items) as items:
                async for item in items:
                    self._write({"id": number, "event": item})
                    await self._flows.wait()
            answer = Answer(None)
        self._write({"id": number, "result": answer.result, "notes": answer.notes})
        if self._flows.is_set():
            return
        try:
            async with asyncio.timeout(READING):
                await self._flows.wait()
        except TimeoutError:
            _log.warning("a client does not read the answer to %s: hung up", request.method)
            self._transport.abort()

    def _progress(self, item: Mapping[str, Any]) -> None:
        """News on the way: a client that does not read them misses some."""
        if self._transport.get_write_buffer_size() < BACKLOG:
            self._write(item)

    def _write(self, item: Mapping[str, Any]) -> None:
        if not self._transport.is_closing():
            self._transport.write(_line(item))


def _line(item: Mapping[str, Any]) -> bytes:
    """What is written. Of a path that is no UTF-8, U+FFFD stands for what cannot be told."""
    try:
        return _encode(item) + b"\n"
    except UnicodeEncodeError:
        return whole(to_text(msgspec.to_builtins(item)).encode()) + b"\n"
