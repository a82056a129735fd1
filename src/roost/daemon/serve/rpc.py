"""The socket: one JSON object a line. Many requests of one connection run side by side."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from roost.daemon.serve.callers import Caller, Callers
from roost.daemon.serve.listen import listen_unix
from roost.daemon.serve.methods import Answer, Methods, Stream
from roost.daemon.state.fleet import DefectError
from roost.daemon.state.tasks import Tasks
from roost.errors import RefusedError, RoostError, UsageError
from roost.host.files import ensure_private_directory
from roost.host.interfaces.clock import Clock

LINE = 8 * 1024 * 1024
"""The longest request, in bytes: a body of 1 MiB fits with every character escaped (six bytes for one)."""

RUNNING = 32
"""Requests of one connection that run at a time; what follows is read when one of them has ended."""
CONNECTIONS = 256
"""Connections at a time: each may hold one answer that its client does not read."""
READING = 30.0
"""Seconds for a client to take an answer; one that does not is hung up on."""
BACKLOG = 64 * 1024
"""Bytes that wait for a client from which on it is told no progress."""

EVERY = 2.0
"""Seconds between two looks whether callers still find our socket."""

_log = logging.getLogger("roost.rpc")
_encode = msgspec.json.Encoder().encode


class Request(msgspec.Struct):
    """One request."""

    id: int
    method: str
    params: dict[str, Any] = {}
    token: str | None = None


_decode = msgspec.json.Decoder(Request).decode


class RpcServer:
    """Serves the methods on a Unix socket to processes of our own user."""

    def __init__(self, methods: Methods, callers: Callers, tasks: Tasks) -> None:
        """Serve these methods; `callers` tells who has connected."""
        self._methods = methods
        self._callers = callers
        self._tasks = tasks
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._file: tuple[int, int] | None = None
        self._closed = False

    async def start(self, listener: socket.socket) -> None:
        """Serve on a listening socket, and no longer on the one before; its open connections go on."""
        if self._server is not None:
            self._server.close()
        self._file = _file_at(Path(listener.getsockname()))
        self._server = await asyncio.start_unix_server(self._connection, sock=listener, limit=LINE)

    async def stay(self, path: Path, clock: Clock) -> None:
        """Listen anew when our socket is not at `path` any more: some clean up what they take for stale.

        Runs until closed. Python 3.13 removes the file of a server that is closed.
        """
        while True:
            await clock.sleep(EVERY)
            if self._closed:
                return
            try:
                if _file_at(path) != self._file:
                    ensure_private_directory(path.parent)
                    await self.start(listen_unix(path))
                    _log.warning("%s was removed or replaced; it is there again", path)
            except (RoostError, OSError) as error:
                _log.warning("%s was removed or replaced, and cannot be made again: %s", path, error)

    def close(self) -> None:
        """Take no more connections and hang up on those that are open.

        Python 3.11: a connection's task that is cancelled instead, as the loop ends, is logged as an error.
        """
        self._closed = True
        if self._server is not None:
            self._server.close()
        for writer in self._open:
            writer.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        running: set[asyncio.Task[None]] = set()
        self._open.add(writer)
        room, turn = asyncio.Semaphore(RUNNING), asyncio.Lock()

        def ended(task: asyncio.Task[None]) -> None:
            running.discard(task)
            room.release()

        try:
            # Found out while the first request is on its way; not cancelled with the connection, but ended.
            who = self._tasks.start(self._callers.at(writer.get_extra_info("socket")), "caller")
            if len(self._open) > CONNECTIONS:
                why = f"{CONNECTIONS} connections are open already; close some of them"
                self._write(writer, {"id": 0, "error": _error(RefusedError(why))})
                return
            while line := await reader.readline():
                await room.acquire()
                task = self._tasks.start(self._request(line, writer, turn, who), "rpc")
                running.add(task)
                task.add_done_callback(ended)
        except (ValueError, ConnectionError):
            self._write(writer, {"id": 0, "error": _error(UsageError("the request is too long"))})
        finally:
            for task in running:
                task.cancel()
            writer.close()
            self._open.discard(writer)
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _request(
        self, line: bytes, writer: asyncio.StreamWriter, turn: asyncio.Lock, who: asyncio.Task[Caller]
    ) -> None:
        """Answer one request, whatever happens. `turn`: of the connection's answers one is made at a time."""
        try:
            request = _decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            self._write(
                writer, {"id": 0, "error": _error(UsageError(f"the request is not understood: {error}"))}
            )
            return
        number = request.id
        try:
            caller = await asyncio.shield(who)
            if self._methods.waits(request.method, request.params):
                await self._answer(request, caller, writer)
            else:
                async with turn:
                    await self._answer(request, caller, writer)
        except RoostError as error:
            self._write(writer, {"id": number, "error": _error(error)})
        except ConnectionError:
            return
        except Exception as defect:  # noqa: BLE001 -- a defect is an answer, too: who asked would wait for ever
            _log.error("%s met a defect", request.method, exc_info=defect)
            self._write(writer, {"id": number, "error": _error(DefectError())})

    async def _answer(self, request: Request, caller: Caller, writer: asyncio.StreamWriter) -> None:
        number = request.id
        answer = await self._methods.call(
            request.method,
            request.params,
            request.token,
            caller,
            lambda event: self._progress(writer, {"id": number, "event": event}),
        )
        if isinstance(answer, Stream):
            async with contextlib.aclosing(answer.items) as items:
                async for item in items:
                    self._write(writer, {"id": number, "event": item})
                    await writer.drain()
            answer = Answer(None)
        self._write(writer, {"id": number, "result": answer.result, "notes": answer.notes})
        try:
            async with asyncio.timeout(READING):
                await writer.drain()
        except TimeoutError:
            _log.warning("a client does not read the answer to %s: hung up", request.method)
            writer.transport.abort()

    def _progress(self, writer: asyncio.StreamWriter, item: Mapping[str, Any]) -> None:
        """News on the way: a client that does not read them misses some."""
        if writer.transport.get_write_buffer_size() < BACKLOG:
            self._write(writer, item)

    def _write(self, writer: asyncio.StreamWriter, item: Mapping[str, Any]) -> None:
        if not writer.is_closing():
            writer.write(_encode(item) + b"\n")


def _file_at(path: Path) -> tuple[int, int] | None:
    """What tells one file from all others there are; None when there is none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _error(error: RoostError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "exit_code": error.exit_code, "facts": error.facts}
