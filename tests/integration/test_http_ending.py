"""What an agent asks over HTTP while the daemon ends is answered."""

import asyncio
import logging
import socket

import pytest
from starlette.types import Receive, Scope, Send

from roost.daemon.serve.http.server import HttpServer

REQUEST = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n"


async def test_N1_a_request_that_runs_when_the_daemon_ends_is_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One whose answer does not come in time gets another one; nothing is logged as a defect."""
    running = asyncio.Event()

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        running.set()
        await asyncio.get_running_loop().create_future()

    listener = socket.create_server(("127.0.0.1", 0))
    server = HttpServer(app, listener)
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        group.create_task(server.run())
        await server.ready()
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(REQUEST)
        await running.wait()
        with caplog.at_level(logging.WARNING):
            server.close()
            answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 503 "), answer
    assert b"the daemon is ending; ask again" in answer
    assert not [record for record in caplog.records if record.exc_info]
