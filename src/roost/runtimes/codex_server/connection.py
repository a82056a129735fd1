"""One connection to a Codex app-server: requests with answers, and what the server tells by itself.

Codex 0.171.0: a Unix socket speaks WebSocket as a port does, one JSON object in each text frame, without
"jsonrpc". Requests of the server have an id and a method; any client that has the thread may answer one, and
the first answer counts.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec

from roost import __version__
from roost.errors import RoostError
from roost.foreign import whole
from roost.runtimes.call import CallLostError, CallRefusedError
from roost.runtimes.codex_server.address import Address

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

OPEN = 5.0
"""Seconds for a server to take a connection and to greet."""
ANSWER = 10.0
"""Seconds for a server to answer a request."""
PING = 15.0
"""Seconds between two pings, and for the answer: a server that is held by a signal answers none."""
LEAVE = 1.0
"""Seconds for a server to take part in the end of a connection."""
UNHEARD = (
    "account/rateLimits/updated",
    "app/list/updated",
    "command/exec/outputDelta",
    "item/agentMessage/delta",
    "item/commandExecution/outputDelta",
    "item/fileChange/outputDelta",
    "item/fileChange/patchUpdated",
    "item/mcpToolCall/progress",
    "item/plan/delta",
    "item/reasoning/summaryPartAdded",
    "item/reasoning/summaryTextDelta",
    "item/reasoning/textDelta",
    "rawResponseItem/completed",
    "thread/tokenUsage/updated",
    "turn/diff/updated",
    "turn/plan/updated",
)
"""What the server need not tell us: pieces of what it tells as a whole later."""


class NobodyListensError(RoostError):
    """Nobody listens at the address of the server."""

    code = "server-gone"


class Frame(msgspec.Struct):
    """One object of the protocol, as far as it is read here; `raw` is the line itself."""

    id: int | str | None = None
    method: str | None = None
    params: dict[str, Any] | None = None
    result: Any = None
    error: dict[str, Any] | None = None
    raw: bytes = b""

    @property
    def thread(self) -> str | None:
        """The thread that it is about."""
        found = (self.params or {}).get("threadId")
        return found if isinstance(found, str) else None


_decode = msgspec.json.Decoder(Frame).decode
_encode = msgspec.json.Encoder().encode


class Connection:
    """An open connection. `read` has to run for anything to be answered."""

    def __init__(self, wire: "ClientConnection", told: Callable[[Frame], None]) -> None:
        """Speak on this wire; `told` takes what the server says by itself."""
        self._wire = wire
        self._told = told
        self._answers: dict[int, asyncio.Future[Frame]] = {}
        self._number = 0
        self.broken = ""

    @property
    def socket(self) -> socket.socket | None:
        """The socket beneath, to ask the system who is at its other end."""
        return self._wire.transport.get_extra_info("socket")

    async def read(self) -> None:
        """Take what comes until the connection ends; nothing is raised."""
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415 -- see `open_connection`

        try:
            async for line in self._wire:
                self._take(line if isinstance(line, bytes) else line.encode())
        except (ConnectionClosed, OSError) as error:
            self.broken = str(error) or type(error).__name__
        finally:
            self.broken = self.broken or "the server closed the connection"
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(CallLostError("the connection to its server broke"))

    def _take(self, line: bytes) -> None:
        line = whole(line)
        try:
            frame = _decode(line)
        except (msgspec.MsgspecError, RecursionError):
            return
        if frame.method is not None:
            frame.raw = line
            self._told(frame)
        elif isinstance(frame.id, int):
            answer = self._answers.get(frame.id)
            if answer is not None and not answer.done():
                answer.set_result(frame)

    async def ask(self, method: str, params: Mapping[str, Any], seconds: float = ANSWER) -> dict[str, Any]:
        """Ask and return the result. Raises CallRefusedError with the server's words, CallLostError."""
        if self.broken:
            raise CallRefusedError("the connection to its server is broken")
        self._number += 1
        number = self._number
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(seconds):
                await self._send({"id": number, "method": method, "params": dict(params)})
                frame = await answer
        except TimeoutError:
            raise CallLostError(f"its server does not answer ({method})") from None
        finally:
            del self._answers[number]
            if not answer.cancel() and not answer.cancelled():
                answer.exception()  # known here, whoever has raised before
        if frame.error is not None:
            raise CallRefusedError(str(frame.error.get("message")), server=frame.error.get("code"))
        result: object = frame.result
        return cast("dict[str, Any]", result) if isinstance(result, dict) else {}

    async def reply(self, number: int | str, result: Mapping[str, Any]) -> None:
        """Answer a request of the server. Raises CallLostError."""
        try:
            async with asyncio.timeout(ANSWER):
                await self._send({"id": number, "result": dict(result)})
        except TimeoutError:
            raise CallLostError("its server does not take an answer") from None

    async def greet(self) -> None:
        """Say who we are. Raises CallLostError, CallRefusedError."""
        info = {"name": "roost", "title": "roost", "version": __version__}
        capabilities = {"experimentalApi": True, "optOutNotificationMethods": list(UNHEARD)}
        await self.ask("initialize", {"clientInfo": info, "capabilities": capabilities}, OPEN)
        await self._send({"method": "initialized"})

    async def close(self) -> None:
        """End the connection; a server that takes no part is left."""
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(LEAVE):
                await self._wire.close()
        self.abort()

    def abort(self) -> None:
        """Leave at once."""
        self._wire.transport.abort()

    async def _send(self, frame: Mapping[str, Any]) -> None:
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415 -- see `open_connection`

        try:
            await self._wire.send(_encode(frame).decode())
        except (ConnectionClosed, OSError) as error:
            raise CallLostError("the connection to its server broke") from error


async def open_connection(address: Address, told: Callable[[Frame], None]) -> Connection:
    """Connect; the caller runs `read` and then `greet`. Raises NobodyListensError, CallLostError.

    The library is loaded here, when there is a server to speak to: a start needs nothing of it.
    """
    from websockets.asyncio.client import connect, unix_connect  # noqa: PLC0415
    from websockets.exceptions import WebSocketException  # noqa: PLC0415

    options: dict[str, Any] = {
        "open_timeout": OPEN,
        "close_timeout": LEAVE,
        "ping_interval": PING,
        "ping_timeout": PING,
        "max_size": None,
        "compression": None,
        "proxy": None,
    }
    try:
        if address.path is not None:
            del options["proxy"]
            wire = await unix_connect(address.path, address.url, **options)
        else:
            wire = await connect(address.url, **options)
    except (ConnectionRefusedError, FileNotFoundError, NotADirectoryError) as error:
        raise NobodyListensError(f"nobody listens at {address.text}") from error
    except PermissionError as error:
        raise CallRefusedError(f"{address.text} is not ours to open: {error.strerror}") from error
    except TimeoutError as error:
        raise CallLostError(f"the server at {address.text} does not answer") from error
    except (WebSocketException, OSError, EOFError) as error:
        raise CallLostError(f"the server at {address.text} takes no connection: {error}") from error
    return Connection(wire, told)
