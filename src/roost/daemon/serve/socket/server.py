"""The server of the Unix socket: takes connections, and stays where callers look for it."""

import asyncio
import logging
import socket
from pathlib import Path

from roost.daemon.serve.callers import Callers
from roost.daemon.serve.methods.dispatcher import Dispatcher
from roost.daemon.serve.socket.connection import Connection
from roost.daemon.serve.socket.listener import listen_unix
from roost.daemon.state.tasks import Tasks
from roost.errors import RoostError
from roost.host.files import ensure_private_directory
from roost.host.interfaces.clock import Clock

EVERY = 2.0
"""Seconds between two looks whether callers still find our socket."""

_log = logging.getLogger("roost.rpc")


class SocketServer:
    """Serves the methods on a Unix socket to processes of our own user."""

    def __init__(self, methods: Dispatcher, callers: Callers, tasks: Tasks) -> None:
        """Serve these methods; `callers` tells who has connected."""
        self._methods = methods
        self._callers = callers
        self._tasks = tasks
        self._server: asyncio.Server | None = None
        self._open: set[Connection] = set()
        self._file: tuple[int, int] | None = None
        self._closed = False

    async def start(self, listener: socket.socket) -> None:
        """Serve on a listening socket, and no longer on the one before; its open connections go on."""
        if self._server is not None:
            self._server.close()
        self._file = _file_at(Path(listener.getsockname()))
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(self._connection, sock=listener)

    async def stay(self, path: Path, clock: Clock) -> None:
        """Listen anew when our socket is not at `path` any more: some clean up what they take for stale.

        Runs until closed. Python 3.13 removes the file of a server that is closed.
        """
        while True:
            await clock.sleep(EVERY)
            if self._closed:
                return
            try:
                if _file_at(path) != self._file:
                    ensure_private_directory(path.parent)
                    await self.start(listen_unix(path))
                    _log.warning("%s was removed or replaced; it is there again", path)
            except (RoostError, OSError) as error:
                _log.warning("%s was removed or replaced, and cannot be made again: %s", path, error)

    def close(self) -> None:
        """Take no more connections and hang up on those that are open."""
        self._closed = True
        if self._server is not None:
            self._server.close()
        for connection in self._open:
            connection.close()

    def _connection(self) -> Connection:
        return Connection(self._methods, self._callers, self._tasks, self._open)


def _file_at(path: Path) -> tuple[int, int] | None:
    """What tells one file from all others there are; None when there is none."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
