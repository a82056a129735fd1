"""The agents' tools as an HTTP application that is loaded when it is first needed.

The MCP library takes half a second to load and 40 MiB of memory, and a start needs none of it.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from roost.daemon.state.machine import Machine
from roost.errors import RoostError
from roost.host.heap import keep_what_was_loaded
from roost.local.program import code

if TYPE_CHECKING:  # it is loaded with the loopback port
    from starlette.applications import Starlette
    from starlette.types import ASGIApp, Receive, Scope, Send

_log = logging.getLogger("roost.daemon")


class ReplacedError(RoostError):
    """What would be loaded now is not the program that runs; `roost up --replace` runs it."""

    code = "replaced"


class LazyTools:
    """Loads at the first request or launch; who comes meanwhile waits. A failure is told, and tried again."""

    def __init__(self, machine: Machine, load: "Callable[[], Starlette]") -> None:
        """`load`, which blocks, makes the application."""
        self._machine = machine
        self._load = load
        self._asked = asyncio.Event()
        self._app: asyncio.Future[ASGIApp] | None = None

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        """Answer one request, with 503 when the tools cannot be loaded."""
        try:
            app = await self._loaded()
        except _FAILURES as error:
            from starlette.responses import JSONResponse  # noqa: PLC0415 -- it is loaded with the port

            app = JSONResponse({"error": f"the tools cannot be loaded: {error}"}, 503)
        await app(scope, receive, send)

    async def ready(self) -> None:
        """Return when a call is answered at once, or cannot be answered and is told why."""
        with suppress(*_FAILURES):
            await self._loaded()

    async def _loaded(self) -> "ASGIApp":
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
                app = await self._machine.work.modules.run(self._fitting)
            except _FAILURES as error:
                _log.error("the agents' tools cannot be loaded: %s", error)
                self._app = None
                waiting.set_exception(error)
                continue
            async with app.router.lifespan_context(app):
                waiting.set_result(app)
                await asyncio.get_running_loop().create_future()

    def _fitting(self) -> "Starlette":
        """Blocking. A part of another program does not fit into this one."""
        if code() != self._machine.code:
            raise ReplacedError("roost was replaced under this daemon; `roost up --replace` starts it anew")
        app = self._load()
        keep_what_was_loaded()
        return app


_FAILURES = (RoostError, ImportError, AttributeError, TypeError, OSError)
"""How loading fails when a disk does not answer or a library was replaced by another version of it."""
