"""The loopback HTTP server."""

import asyncio
import contextlib
import socket
from collections.abc import Generator

import uvicorn
from starlette.types import ASGIApp

from roost.daemon.serve.http.ending import AnsweredAtTheEnd
from roost.daemon.serve.http.protocol import BoundedProtocol

DATE = 1.0
"""Seconds for which answers bear the same date."""


class HttpServer:
    """Serves on one listening socket until closed."""

    def __init__(self, app: ASGIApp, listener: socket.socket) -> None:
        """Serve this application."""
        config = uvicorn.Config(
            AnsweredAtTheEnd(app),
            http=BoundedProtocol,
            loop="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            timeout_graceful_shutdown=1,
        )
        config.load()  # now, as this may block
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
        self._server.end()


class _Server(uvicorn.Server):
    """uvicorn that tells when it serves, leaves signals to the daemon, and rests while nobody asks."""

    def __init__(self, config: uvicorn.Config) -> None:
        """Not serving yet."""
        super().__init__(config)
        self.up = asyncio.Event()
        self._over = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start serving, then say so."""
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        """Date the answers until it is to end: uvicorn itself looks ten times a second whether it is."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DATE):
                    await self._over.wait()

    def end(self) -> None:
        """Finish the running requests and end."""
        self.should_exit = True
        self._over.set()

    def leave(self, listener: socket.socket) -> None:
        """Take no more connections."""
        for server in self.servers if self.started else ():
            server.close()
        listener.close()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave signals alone."""
        yield
