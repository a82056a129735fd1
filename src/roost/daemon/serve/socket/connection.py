"""One connection to the socket: one JSON object a line, many requests side by side."""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from roost.daemon.serve.caller import Caller
from roost.daemon.serve.callers import Callers
from roost.daemon.serve.methods.dispatcher import Dispatcher
from roost.daemon.serve.methods.method import Answer, Stream
from roost.daemon.state.defect import DefectError
from roost.daemon.state.tasks import Tasks
from roost.errors import RoostError, UsageError

LINE = 8 * 1024 * 1024
"""The longest request, in bytes: a body of 1 MiB fits with every character escaped (six bytes for one)."""
RUNNING = 32
"""Requests of one connection that run at a time; what follows is read when one of them has ended."""
READING = 30.0
"""Seconds for a client to take an answer; one that does not is hung up on."""
BACKLOG = 64 * 1024
"""Bytes that wait for a client from which on it is told no progress."""

_log = logging.getLogger("roost.rpc")
_encode = msgspec.json.Encoder().encode


class Request(msgspec.Struct):
    """One request."""

    id: int
    method: str
    params: dict[str, Any] = {}
    token: str | None = None


_decode = msgspec.json.Decoder(Request).decode


class Connection:
    """Reads requests and answers them."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        methods: Dispatcher,
        callers: Callers,
        tasks: Tasks,
    ) -> None:
        """Begin to find out who has connected: it takes as long as the first request is on its way."""
        self._reader = reader
        self._writer = writer
        self._methods = methods
        self._tasks = tasks
        # Not cancelled with the connection, but ended.
        self._who = tasks.start(callers.at(writer.get_extra_info("socket")), "caller")
        self._room = asyncio.Semaphore(RUNNING)
        self._turn = asyncio.Lock()
        self._running: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Answer every request until the client hangs up; those that run then are cancelled."""
        try:
            while line := await self._reader.readline():
                await self._room.acquire()
                task = self._tasks.start(self._request(line), "rpc")
                self._running.add(task)
                task.add_done_callback(self._ended)
        except (ValueError, ConnectionError):
            self.refuse(UsageError("the request is too long"))
        finally:
            for task in self._running:
                task.cancel()

    def refuse(self, error: RoostError, number: int = 0) -> None:
        """Answer the request of that number, or none that was understood, with an error."""
        facts = {
            "code": error.code,
            "message": error.message,
            "exit_code": error.exit_code,
            "facts": error.facts,
        }
        self._write({"id": number, "error": facts})

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._room.release()

    async def _request(self, line: bytes) -> None:
        """Answer one request, whatever happens: of those that may not wait one is answered at a time."""
        try:
            request = _decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            self.refuse(UsageError(f"the request is not understood: {error}"))
            return
        try:
            caller = await asyncio.shield(self._who)
            if self._methods.waits(request.method, request.params):
                await self._answer(request, caller)
            else:
                async with self._turn:
                    await self._answer(request, caller)
        except RoostError as error:
            self.refuse(error, request.id)
        except ConnectionError:
            return
        except Exception as defect:  # noqa: BLE001 -- a defect is an answer, too: who asked would wait for ever
            _log.error("%s met a defect", request.method, exc_info=defect)
            self.refuse(DefectError(), request.id)

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
                    await self._writer.drain()
            answer = Answer(None)
        self._write({"id": number, "result": answer.result, "notes": answer.notes})
        try:
            async with asyncio.timeout(READING):
                await self._writer.drain()
        except TimeoutError:
            _log.warning("a client does not read the answer to %s: hung up", request.method)
            self._writer.transport.abort()

    def _progress(self, item: Mapping[str, Any]) -> None:
        """News on the way: a client that does not read them misses some."""
        if self._writer.transport.get_write_buffer_size() < BACKLOG:
            self._write(item)

    def _write(self, item: Mapping[str, Any]) -> None:
        if not self._writer.is_closing():
            self._writer.write(_encode(item) + b"\n")
