"""A stand-in for the daemon's HTTP side: MCP tools and hooks on loopback, recording what agents call."""

import json
import socket
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_PATIENCE = 30.0
_TOOLS = [
    {
        "name": "send_message",
        "description": "Send a message to a peer.",
        "inputSchema": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("to", "body", "topic", "reply_to")},
            "required": ["to", "body"],
        },
    }
]


@dataclass(frozen=True, slots=True)
class Called:
    """A tool call or a hook, with the token it carried."""

    what: str
    token: str
    content: dict[str, Any]
    meta: dict[str, Any]
    """`_meta` of the call."""
    traceparent: str | None
    """The header."""


class FakeHub:
    """Serves `/mcp` (stateless streamable HTTP) and `/hooks/<name>`; `calls` grows. A context manager.

    Clients that ask for the 2026-07-28 protocol (`server/discover`) are told that the method is unknown:
    Claude Code 2.1.328 then speaks the 2025-11-25 one, keeps no stream open and so does not notice a server
    that is away while nothing is called.
    """

    def __init__(self) -> None:
        self.calls: list[Called] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        routes = [
            Route("/mcp", self._mcp, methods=["POST"]),
            Route("/hooks/{name}", self._hook, methods=["POST"]),
        ]
        config = uvicorn.Config(
            Starlette(routes=routes),
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, name="fake-hub", daemon=True
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def named(self, what: str) -> list[Called]:
        return [call for call in self.calls if call.what == what]

    async def _mcp(self, http: Request) -> Response:
        asked = await http.json()
        match asked.get("method"):
            case "initialize":
                result: dict[str, Any] = {
                    "protocolVersion": asked["params"]["protocolVersion"],
                    "capabilities": {"tools": {}},
                    "serverInfo": {"name": "roost", "version": "0"},
                }
            case "tools/list":
                result = {"tools": _TOOLS}
            case "tools/call":
                params = asked["params"]
                self._record(params["name"], http, params.get("arguments", {}), params.get("_meta", {}))
                result = {"content": [{"type": "text", "text": "stored"}]}
            case method if "id" not in asked:
                return Response(status_code=202)
            case method:
                error = {"code": -32601, "message": f"Method not found: {method}"}
                return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "error": error})
        return JSONResponse({"jsonrpc": "2.0", "id": asked["id"], "result": result})

    async def _hook(self, http: Request) -> Response:
        self._record(http.path_params["name"], http, json.loads(await http.body() or b"{}"))
        return Response(status_code=204)

    def _record(
        self, what: str, http: Request, content: dict[str, Any], meta: dict[str, Any] | None = None
    ) -> None:
        token = http.headers.get("authorization", "").removeprefix("Bearer ")
        self.calls.append(Called(what, token, content, meta or {}, http.headers.get("traceparent")))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(_PATIENCE)
        self._socket.close()
