"""The loopback port is bound before what serves it is loaded: who connects earlier waits, and is answered."""

import asyncio
import threading

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from roost.daemon.serve.http import server as http_server
from roost.daemon.serve.http.listener import listen_loopback
from roost.daemon.serve.http.port import Port
from roost.daemon.serve.http.server import HttpServer
from roost.daemon.state.threads import Threads
from tests.support.wait import eventually

REQUEST = b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
PATIENCE = 20.0


async def healthy(_scope: Scope, _receive: Receive, send: Send) -> None:
    """An application that is well."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


class Loading:
    """A port whose loading goes on until it may end."""

    def __init__(self) -> None:
        self.listener = listen_loopback(None)
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.port = Port(self.listener, self._load, Threads("modules", 1, PATIENCE))

    def _load(self) -> HttpServer:
        self.begun.set()
        self.may_end.wait(PATIENCE)
        return HttpServer(healthy, self.listener)


async def test_who_connects_while_the_server_is_loaded_is_answered_once_it_is() -> None:
    loading = Loading()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(loading.port.run())
        reader, writer = await asyncio.open_connection(*loading.listener.getsockname())
        writer.write(REQUEST)
        await asyncio.to_thread(loading.begun.wait, PATIENCE)
        ready = group.create_task(loading.port.ready())
        answer = group.create_task(reader.read())
        assert not ready.done()
        assert not answer.done()
        loading.may_end.set()
        assert (await answer).startswith(b"HTTP/1.1 200 ")
        await ready
        loading.port.close()
        writer.close()
    assert loading.listener.fileno() == -1


async def test_a_port_that_is_closed_while_its_server_is_loaded_serves_nobody() -> None:
    """A daemon that is ended as soon as it answers."""
    loading = Loading()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        running = group.create_task(loading.port.run())
        await asyncio.to_thread(loading.begun.wait, PATIENCE)
        loading.port.close()
        loading.may_end.set()
        await running
    assert loading.listener.fileno() == -1


@pytest.mark.parametrize("seconds", [3600.0, 0.01])
async def test_a_port_that_nobody_asks_is_at_rest_between_two_dates_and_ends_when_it_is_closed(
    monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    """A daemon has nothing to do while nobody asks it anything; uvicorn itself looks ten times a second."""
    looks: list[int] = []
    look = uvicorn.Server.on_tick

    async def counted(self: uvicorn.Server, counter: int) -> bool:
        looks.append(counter)
        return await look(self, counter)

    monkeypatch.setattr(uvicorn.Server, "on_tick", counted)
    monkeypatch.setattr(http_server, "DATE", seconds)
    server, loop = HttpServer(healthy, listen_loopback(None)), asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE), asyncio.TaskGroup() as group:
        group.create_task(server.run())
        await server.ready()
        began = loop.time()
        await eventually(
            lambda: loop.time() - began > 0.4 and len(looks) > (0 if seconds > 1 else 3),
            timeout=PATIENCE,
            why="some time has passed, and its answers are dated anew",
        )
        assert seconds < 1 or len(looks) == 1
        server.close()
