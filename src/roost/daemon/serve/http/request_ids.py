"""The ids of JSON-RPC requests, checked before the MCP library sees them."""

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from roost.daemon.serve.http.body import bounded_body


class _Head(msgspec.Struct):
    """What every JSON-RPC message may have."""

    id: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    method: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_head = msgspec.json.Decoder(_Head).decode
_number = msgspec.json.Decoder(str | int).decode
_INVALID_REQUEST = -32600


class RequestIds:
    """Answers a request whose id is no string and no whole number: the library takes it for a notification.

    mcp 2.3: `"id": null` or `{}` gets an empty 202, and its sender waits for ever.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Pass on all others to this application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body, look at its id, and hand both on."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        body = await bounded_body(Request(scope, receive))
        if body is None:
            await JSONResponse({"error": "too long"}, 413, {"Connection": "close"})(scope, receive, send)
            return
        if _has_wrong_id(body):
            why = "the id of a request is a string or a whole number"
            error = {"jsonrpc": "2.0", "id": None, "error": {"code": _INVALID_REQUEST, "message": why}}
            await JSONResponse(error, 400)(scope, receive, send)
            return
        parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return parts.pop() if parts else await receive()

        await self._app(scope, replay, send)


def _has_wrong_id(body: bytes) -> bool:
    """Whether a JSON-RPC request has an id that none can have; what is no JSON object is the library's."""
    try:
        head = _head(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return False
    if isinstance(head.id, msgspec.UnsetType) or isinstance(head.method, msgspec.UnsetType):
        return False
    try:
        _number(head.id)
    except msgspec.DecodeError:
        return True
    return False
