"""One message of JSON-RPC answered in this process, as the same message by HTTP would be."""

import asyncio
from typing import TYPE_CHECKING

import msgspec

from roost.daemon.serve.caller import Caller
from roost.errors import RefusedError

if TYPE_CHECKING:  # it is loaded with the loopback port
    from starlette.types import ASGIApp, Message

_HEADERS = [(b"host", b"127.0.0.1"), (b"content-type", b"application/json"), (b"accept", b"application/json")]


class _Answer(msgspec.Struct):
    """What every answer of JSON-RPC has, and what ours has that is none."""

    jsonrpc: str | None = None
    error: msgspec.Raw = msgspec.Raw()


_answer = msgspec.json.Decoder(_Answer).decode


class Calls:
    """Asks the tools for callers who are known."""

    def __init__(self, tools: "ASGIApp") -> None:
        """Ask this application."""
        self._tools = tools

    async def answer(self, caller: Caller, request: str, protocol: str | None) -> str | None:
        """The answer on one line; None: there is none. `protocol`: the version that was agreed on.

        Raises RefusedError when the tools cannot be asked.
        """
        parts: list[Message] = [{"type": "http.request", "body": request.encode(), "more_body": False}]
        body: list[bytes] = []

        async def receive() -> "Message":
            if not parts:
                await asyncio.get_running_loop().create_future()  # the client is there until it is not
            return parts.pop()

        async def send(message: "Message") -> None:
            body.append(message.get("body", b""))

        agreed = [(b"mcp-protocol-version", protocol.encode())] if protocol is not None else []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/mcp",
            "raw_path": b"/mcp",
            "root_path": "",
            "query_string": b"",
            "headers": [*_HEADERS, *agreed],
            "state": {"caller": caller},
        }
        await self._tools(scope, receive, send)
        return _checked(b"".join(body))


def _checked(body: bytes) -> str | None:
    if not body or body == b"null":
        return None
    told = _answer(body)
    if told.jsonrpc is None:
        raise RefusedError(msgspec.json.decode(told.error, type=str))
    return body.decode()
