"""HTTP to the server that OpenCode runs for one session: one request for each connection, and its events.

httptools is what our own server parses with, so the daemon has it loaded already. A request on a connection
of its own either was never sent, which is certain, or it may have arrived.
"""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import httptools
from msgspec import Struct

from roost.foreign import decode
from roost.runtimes.call import CallLostError, CallRefusedError

HOST = "127.0.0.1"
USER = "opencode"
CONNECT = 5.0
ANSWER = 30.0
"""Seconds for a connection, and for an answer."""
SILENT = 40.0
"""Seconds without any event until a stream counts as broken (1.18.33 sends a heartbeat every ten)."""
MOST = 64 << 20
"""Bytes of one answer, or of one event."""
_READ = 1 << 16
_LOST = "its API has not answered: {}"


class Door(Struct, frozen=True):
    """Where one session's server listens, on the loopback address, and what it asks for."""

    port: int
    password: str


class Reply(Struct):
    """An answer as it comes in. `head`: its headers in small letters."""

    status: int = 0
    head: dict[str, str] | None = None
    body: bytearray | None = None
    complete: bool = False

    def value(self) -> Any:  # noqa: ANN401 -- whatever stands in it
        """What its JSON says; None where it holds none."""
        try:
            return decode(bytes(self.body or b""))
        except ValueError:
            return None

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header has come in."""
        self.head = self.head or {}
        self.head[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, piece: bytes) -> None:
        """A piece of its body has come in."""
        self.body = self.body if self.body is not None else bytearray()
        self.body += piece

    def on_message_complete(self) -> None:
        """All of it is there."""
        self.complete = True


async def ask(door: Door, method: str, path: str, body: Mapping[str, Any] | None, bound: float) -> Reply:
    """Send a request, wait `bound` seconds for its answer.

    Raises CallRefusedError when it was not sent, CallLostError when no answer came.
    """
    reader, writer = await _connected(door)
    reply = Reply()
    try:
        async with asyncio.timeout(bound):
            writer.write(_request(door, method, path, body))
            await writer.drain()
            await _read(reader, reply)
    except (OSError, TimeoutError, httptools.HttpParserError) as error:
        raise CallLostError(_LOST.format(_words(error))) from error
    finally:
        writer.close()
    if not reply.complete:
        raise CallLostError(_LOST.format("it hung up"))
    return reply


@contextlib.asynccontextmanager
async def events(door: Door, path: str) -> AsyncGenerator[AsyncGenerator[bytes]]:
    """The events of a stream, as JSON. It has begun when this is entered. Raises as `ask` does."""
    reader, writer = await _connected(door)
    try:
        writer.write(_request(door, "GET", path, None))
        reply = Reply()
        parser = httptools.HttpResponseParser(reply)
        while reply.head is None or reply.body is None:
            parser.feed_data(await _piece(reader))
        if parser.get_status_code() != 200:  # noqa: PLR2004 -- OK
            raise CallRefusedError(f"its API refuses its events ({parser.get_status_code()})")
        yield _each(reader, parser, reply)
    except httptools.HttpParserError as error:
        raise CallLostError(_LOST.format(_words(error))) from error
    finally:
        writer.close()


async def _each(
    reader: asyncio.StreamReader, parser: httptools.HttpResponseParser, reply: Reply
) -> AsyncGenerator[bytes]:
    while True:
        *whole, rest = bytes(reply.body or b"").split(b"\n\n")
        reply.body = bytearray(rest)
        for frame in whole:
            if frame.startswith(b"data:"):
                yield frame[len(b"data:") :].strip()
        if reply.complete or len(rest) > MOST:
            raise CallLostError("its API has ended its events")
        parser.feed_data(await _piece(reader))


async def _piece(reader: asyncio.StreamReader) -> bytes:
    try:
        async with asyncio.timeout(SILENT):
            piece = await reader.read(_READ)
    except (OSError, TimeoutError) as error:
        raise CallLostError(_LOST.format(_words(error))) from error
    if not piece:
        raise CallLostError(_LOST.format("it hung up"))
    return piece


async def _connected(door: Door) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(CONNECT):
            return await asyncio.open_connection(HOST, door.port)
    except (OSError, TimeoutError) as error:
        raise CallRefusedError(f"its API cannot be reached: {_words(error)}") from error


async def _read(reader: asyncio.StreamReader, reply: Reply) -> None:
    parser = httptools.HttpResponseParser(reply)
    while not reply.complete and len(reply.body or b"") <= MOST:
        piece = await reader.read(_READ)
        if not piece:
            return
        parser.feed_data(piece)
    reply.status = parser.get_status_code()


def _request(door: Door, method: str, path: str, body: Mapping[str, Any] | None) -> bytes:
    content = json.dumps(body).encode() if body is not None else b""
    credentials = base64.b64encode(f"{USER}:{door.password}".encode()).decode()
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {HOST}:{door.port}",
        f"Authorization: Basic {credentials}",
        "Connection: close",
    ]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it takes too long"
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
