"""Listening sockets are closed with their server, and stay closed; what is sent there goes at once."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, cast

import pytest

from roost.daemon.serve.http.listener import listen_loopback
from roost.daemon.serve.http.server import HttpServer
from roost.daemon.serve.socket.listener import listen_unix
from roost.daemon.serve.socket.server import EVERY, SocketServer
from roost.daemon.state.tasks import Tasks
from roost.fake_model.server import listen as listen_model
from roost.host.files import ensure_private_directory
from roost.host.memory.clock import VirtualClock
from roost.local.paths import find_places
from roost.web.main import listen as listen_web
from tests.support.home import Home

PATIENCE = 30.0
UNUSED = cast("Any", None)


async def test_a_server_that_was_closed_does_not_make_its_socket_again(home: Home) -> None:
    """A daemon takes a while to end; Python 3.13 removes the socket's file as soon as it is closed."""
    path = find_places(home.variables).socket
    ensure_private_directory(path.parent)
    clock, tasks = VirtualClock(), Tasks()
    server = SocketServer(UNUSED, UNUSED, tasks)
    await server.start(listen_unix(path))
    staying = tasks.start(server.stay(path, clock), "socket")
    await clock.advance(EVERY)
    server.close()
    path.unlink(missing_ok=True)
    try:
        await clock.advance(2 * EVERY)
        assert not path.exists()
        await asyncio.wait_for(staying, PATIENCE)
    finally:
        server.close()
        await tasks.close()


@pytest.mark.usefixtures("home")
async def test_the_loopback_server_closes_its_socket_when_it_is_cut_short() -> None:
    """As by a daemon that waits no longer for it."""
    listener = listen_loopback(None)
    with listener:
        server = HttpServer(UNUSED, listener)
        running = asyncio.get_running_loop().create_task(server.run())
        await asyncio.wait_for(server.ready(), PATIENCE)
        running.cancel()
        await asyncio.wait({running})
        assert listener.fileno() == -1


@pytest.mark.parametrize("listen", [listen_loopback, listen_web, listen_model])
async def test_the_parts_of_an_answer_are_not_held_back(listen: Callable[[Any], socket.socket]) -> None:
    """A client that keeps its connection would wait 40 ms for each answer's body."""
    at_once: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def connected(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted = writer.get_extra_info("socket")
        at_once.set_result(accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    port = None if listen is listen_loopback else 0
    async with await asyncio.start_server(connected, sock=listen(port)) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await asyncio.wait_for(at_once, PATIENCE)
        writer.close()
        await writer.wait_closed()
