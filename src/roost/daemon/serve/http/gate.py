"""Who may send a request to the loopback port."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from roost.daemon.serve.caller import Caller
from roost.daemon.serve.http.metrics_token import MetricsToken
from roost.daemon.serve.tokens import Tokens
from roost.errors import DeniedError


class Gate:
    """Lets in only requests with our Host, no foreign Origin, and the token of a live session.

    The metrics have a token of their own, which opens nothing else, and which no agent is given.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens, metrics: MetricsToken, port: int) -> None:
        """Guard this application; `metrics` opens its metrics."""
        self._app = app
        self._tokens = tokens
        self._metrics = metrics
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check, then pass on with the caller in the request's state."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        refusal = self._foreign(request)
        if refusal is None and scope["path"] != "/health":
            try:
                if scope["path"] == "/metrics":
                    self._check_reader(request)
                else:
                    scope.setdefault("state", {})["caller"] = await self._tokens.caller(_bearer(request))
            except DeniedError as error:
                refusal = JSONResponse({"error": error.message}, 401, {"WWW-Authenticate": "Bearer"})
        await (self._app if refusal is None else refusal)(scope, receive, send)

    def _check_reader(self, request: Request) -> None:
        """Raise DeniedError for whoever may not read the metrics."""
        if not self._metrics.opens(_bearer(request)):
            raise DeniedError

    def _foreign(self, request: Request) -> Response | None:
        origin = request.headers.get("origin")
        if request.headers.get("host") not in self._hosts:
            return JSONResponse({"error": "wrong Host"}, 421)
        if request.scope["path"] == "/mcp" and request.method == "GET":
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


async def caller_of(request: Any) -> Caller:  # noqa: ANN401 -- the transport's request object
    """The caller whom the gate has proven."""
    scope: Scope = request.scope if isinstance(request, Request) else {}
    caller = scope.get("state", {}).get("caller")
    if not isinstance(caller, Caller):
        raise DeniedError
    return caller
