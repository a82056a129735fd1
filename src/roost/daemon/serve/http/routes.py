"""What the loopback port serves: `/mcp` for the agents' tools, `/hooks/...` for what their programs report.

`/health` is for everybody, `/metrics` for who holds its token.
"""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from roost.daemon.serve.http.body import bounded_body
from roost.daemon.serve.http.gate import caller_of
from roost.daemon.serve.http.hooks import Hooks
from roost.daemon.serve.http.request_ids import RequestIds
from roost.daemon.serve.metrics import CONTENT_TYPE, Metrics


def application(tools: ASGIApp, hooks: Hooks, metrics: Metrics) -> Starlette:
    """The application behind the gate."""

    async def hook(request: Request) -> Response:
        caller, name = await caller_of(request), request.path_params["name"]
        body = await bounded_body(request)
        answer = await hooks.receive(caller, name, body or b"")  # one that is too long is a poke all the same
        if body is None:
            return JSONResponse({"error": "too long"}, 413, {"Connection": "close"})
        return JSONResponse(dict(answer))

    async def health(_request: Request) -> Response:
        return JSONResponse({"ok": True})

    async def measured(_request: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return Starlette(
        routes=[
            Route("/hooks/{name}", hook, methods=["POST"]),
            Route("/health", health),
            Route("/metrics", measured, methods=["GET"]),
            Mount("/", RequestIds(tools)),
        ]
    )
