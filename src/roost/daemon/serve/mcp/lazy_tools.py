"""The agents' tools as an HTTP application that is loaded when it is first needed.

The MCP library takes half a second to load and 40 MiB of memory, and a start needs none of it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from roost.daemon.serve.api.api import Api
from roost.daemon.serve.caller import Caller
from roost.daemon.state.machine import Machine
from roost.errors import RoostError
from roost.host.heap import keep_what_was_loaded
from roost.local.program import code

CallerOf = Callable[[Any], Awaitable[Caller]]
_log = logging.getLogger("roost.daemon")


class ReplacedError(RoostError):
    """What would be loaded now is not the program that runs; `roost up --replace` runs it."""

    code = "replaced"


class LazyTools:
    """Loads at the first request or launch; who comes meanwhile waits. A failure is told, and tried again."""

    def __init__(self, machine: Machine, api: Api, caller_of: CallerOf, body: int) -> None:
        """`caller_of` proves who sent a request; a request's body has at most `body` bytes."""
        self._machine = machine
        self._api = api
        self._caller_of = caller_of
        self._body = body
        self._asked = asyncio.Event()
        self._app: asyncio.Future[ASGIApp] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, with 503 when the tools cannot be loaded."""
        try:
            app = await self._loaded()
        except _FAILURES as error:
            app = JSONResponse({"error": f"the tools cannot be loaded: {error}"}, 503)
        await app(scope, receive, send)

    async def ready(self) -> None:
        """Return when a call is answered at once, or cannot be answered and is told why."""
        with suppress(*_FAILURES):
            await self._loaded()

    async def _loaded(self) -> ASGIApp:
        if self._app is None:
            self._app = asyncio.get_running_loop().create_future()
            self._asked.set()
        return await asyncio.shield(self._app)

    async def run(self) -> None:
        """Load when asked to, and serve until cancelled."""
        while await self._asked.wait():
            self._asked.clear()
            waiting = self._app
            assert waiting is not None  # noqa: S101 -- it was asked for
            try:
                app = await self._machine.work.modules.run(self._load)
            except _FAILURES as error:
                _log.error("the agents' tools cannot be loaded: %s", error)
                self._app = None
                waiting.set_exception(error)
                continue
            async with app.router.lifespan_context(app):
                waiting.set_result(app)
                await asyncio.get_running_loop().create_future()

    def _load(self) -> Starlette:
        """Blocking. A part of another program does not fit into this one."""
        if code() != self._machine.code:
            raise ReplacedError("roost was replaced under this daemon; `roost up --replace` starts it anew")
        from roost.daemon.serve.mcp.tools import tools_app  # noqa: PLC0415 -- see the module

        app = tools_app(self._api, self._caller_of, self._body)
        keep_what_was_loaded()
        return app


_FAILURES = (RoostError, ImportError, AttributeError, TypeError, OSError)
"""How loading fails when a disk does not answer or a library was replaced by another version of it."""
