"""The loopback port, which is bound before the daemon answers and served once what serves it is loaded.

That is a seventh of all that a start would load. Who connects earlier waits in the kernel's queue.
"""

import asyncio
import gc
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from roost.daemon.state.threads import Threads
from roost.host.heap import keep_what_was_loaded

if TYPE_CHECKING:  # it is what is loaded late
    from roost.daemon.serve.http.server import HttpServer


class Port:
    """Loads the server and serves until closed."""

    def __init__(self, listener: socket.socket, load: "Callable[[], HttpServer]", threads: Threads) -> None:
        """Serve on this socket with what `load`, which blocks, makes in one of these threads."""
        self._listener = listener
        self._load = load
        self._threads = threads
        self._server: asyncio.Future[HttpServer] = asyncio.get_running_loop().create_future()
        self._closing = False

    async def run(self) -> None:
        """Load and serve; the socket is closed when this ends. Raises what loading does."""
        try:
            server = await self._threads.run(self._loaded)
            self._server.set_result(server)
            if not self._closing:
                await server.run()
        finally:
            self._listener.close()

    async def ready(self) -> None:
        """Return when it serves."""
        server = await asyncio.shield(self._server)
        await server.ready()

    def close(self) -> None:
        """Finish the running requests and end."""
        self._closing = True
        if self._server.done():
            self._server.result().close()

    def _loaded(self) -> "HttpServer":
        """Blocking."""
        server = self._load()
        if gc.isenabled():  # while it is not, the start goes on, and keeps it with all that it has made
            keep_what_was_loaded()
        return server
