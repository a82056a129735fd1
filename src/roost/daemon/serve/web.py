"""Loopback HTTP: `/mcp` for the agents' tools, `/hooks/...` for what their programs report.

`/health` is for everybody, `/metrics` for who holds its token.
"""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from roost.daemon.serve.api import Api
from roost.daemon.serve.callers import Caller
from roost.daemon.serve.hooks import Hooks
from roost.daemon.serve.http_protocol import BoundedProtocol
from roost.daemon.serve.lazy_tools import LazyTools
from roost.daemon.serve.metrics import CONTENT_TYPE, Metrics, MetricsKey
from roost.daemon.serve.tokens import Tokens
from roost.daemon.state.machine import Machine
from roost.errors import DeniedError

BODY = 8 * 1024 * 1024
"""The largest request body, in bytes."""


class Gate:
    """Lets in only requests with our Host, no foreign Origin, and the token of a live session.

    The metrics have a token of their own, which opens nothing else, and which no agent is given.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens, key: MetricsKey, port: int) -> None:
        """Guard this application; `key` opens its metrics."""
        self._app = app
        self._tokens = tokens
        self._key = key
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on with the caller in the request's state."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = self._foreign(request)
        if refusal is None and request.url.path != "/health":
            try:
                if request.url.path == "/metrics":
                    self._check_reader(request)
                else:
                    scope.setdefault("state", {})["caller"] = await self._tokens.caller(_bearer(request))
            except DeniedError as error:
                refusal = JSONResponse({"error": error.message}, 401, {"WWW-Authenticate": "Bearer"})
        await (self._app if refusal is None else refusal)(scope, receive, send)

    def _check_reader(self, request: Request) -> None:
        """Raise DeniedError for whoever may not read the metrics."""
        if not self._key.opens(_bearer(request)):
            raise DeniedError

    def _foreign(self, request: Request) -> Response | None:
        origin = request.headers.get("origin")
        if request.headers.get("host") not in self._hosts:
            return JSONResponse({"error": "wrong Host"}, 421)
        if request.url.path == "/mcp" and request.method == "GET":
            # Stateless: there is no stream to wait on; one that broke with us would cost clients the tools.
            return JSONResponse({"error": "no stream here"}, 405, {"Allow": "POST"})
        if origin is not None and origin.removeprefix("http://") not in self._hosts:
            return JSONResponse({"error": "foreign Origin"}, 403)
        return None


def _bearer(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise DeniedError
    return token


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
        body = await _bounded(Request(scope, receive))
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


async def _bounded(request: Request) -> bytes | None:
    """The request's body; None as soon as it is longer than it may be."""
    if int(request.headers.get("content-length") or 0) > BODY:
        return None
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > BODY:
            return None
        parts.append(part)
    return b"".join(parts)


async def caller_of(request: Any) -> Caller:  # noqa: ANN401 -- the transport's request object
    """The caller whom the gate has proven."""
    scope: Scope = request.scope if isinstance(request, Request) else {}
    caller = scope.get("state", {}).get("caller")
    if not isinstance(caller, Caller):
        raise DeniedError
    return caller


class WebServer:
    """Serves on one listening socket until closed."""

    def __init__(
        self,
        machine: Machine,
        api: Api,
        tokens: Tokens,
        hooks: Hooks,
        metrics: Metrics,
        key: MetricsKey,
        listener: socket.socket,
    ) -> None:
        """Build the application; `key` opens its metrics."""
        port = listener.getsockname()[1]
        self.tools = LazyTools(machine, api, caller_of, BODY)

        async def hook(request: Request) -> Response:
            caller, name = await caller_of(request), request.path_params["name"]
            body = await _bounded(request)
            await hooks.receive(caller, name, body or b"")  # one that is too long is a poke all the same
            if body is None:
                return JSONResponse({"error": "too long"}, 413, {"Connection": "close"})
            return JSONResponse({})

        async def health(_request: Request) -> Response:
            return JSONResponse({"ok": True})

        async def measured(_request: Request) -> Response:
            return Response(metrics.text(), media_type=CONTENT_TYPE)

        routes = [
            Route("/hooks/{name}", hook, methods=["POST"]),
            Route("/health", health),
            Route("/metrics", measured, methods=["GET"]),
            Mount("/", RequestIds(self.tools)),
        ]

        app = Starlette(routes=routes)
        config = uvicorn.Config(
            Gate(app, tokens, key, port),
            http=BoundedProtocol,
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._listener = listener

    async def run(self) -> None:
        """Serve until closed; the socket is closed too when this is cancelled."""
        try:
            await self._server.serve([self._listener])
        finally:
            self._server.leave(self._listener)

    async def ready(self) -> None:
        """Return when it serves."""
        await self._server.up.wait()

    def close(self) -> None:
        """Finish the running requests and end."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """uvicorn that tells when it serves, and leaves signals to the daemon."""

    def __init__(self, config: uvicorn.Config) -> None:
        """Not serving yet."""
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving, then say so."""
        await super().startup(sockets)
        self.up.set()

    def leave(self, listener: socket.socket) -> None:
        """Take no more connections."""
        for server in self.servers if self.started else ():
            server.close()
        listener.close()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield
