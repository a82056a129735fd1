"""Every door is bounded (A1 to A5, A13): foreign clients take down neither daemon nor operator."""

import asyncio
import contextlib
import http.client
import json
import math
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from roost.client.connection import RemoteError
from roost.core.vocabulary.view import iso
from roost.daemon.serve.http import protocol
from roost.daemon.serve.http.protocol import BoundedProtocol
from roost.daemon.state import attachments as module
from roost.daemon.state.attachments import Attachments
from roost.daemon.state.threads import Threads
from roost.errors import UsageError
from tests.support.daemon import PATIENCE, Record, Roost, alive, environ_of, roost_in
from tests.support.home import Home
from tests.support.small_disk import small_disk
from tests.support.wait import wait_until

MIB = 1 << 20
HANGS = """
import threading
from roost.daemon import __main__ as m
from roost.daemon.state import attachments

def move(source, target):
    threading.Event().wait()

attachments.shutil.move = move
m.leave(m.main())
"""
"""A daemon whose copies are not finished."""


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        yield made


def raw(roost: Roost) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE)
    connection.connect(str(roost.places.socket))
    return connection


def asked(roost: Roost, line: bytes) -> Record:
    with raw(roost) as connection, connection.makefile("rb") as answers:
        connection.sendall(line + b"\n")
        return json.loads(answers.readline())


def resident(pid: int) -> int:
    fields = Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()
    return int(fields[0]) * 1024


def test_A1_a_client_that_does_not_read_costs_one_answer(roost: Roost) -> None:
    """Seen before: 600 requests for 8 MB each took 7.5 GB, and another's `status` 20 s."""
    roost.call("add", name="mail", settings={"runtime": "human", "dir": "/"})
    for _ in range(6):
        roost.send("mail", "x" * (MIB - 100))
    before = resident(roost.daemon.pid)
    with raw(roost) as greedy:
        request = json.dumps({"id": 1, "method": "inbox", "params": {"name": "mail"}}).encode() + b"\n"
        greedy.settimeout(2.0)
        with contextlib.suppress(TimeoutError):
            greedy.sendall(request * 600)
        worst = 0.0
        for _ in range(10):
            begun = time.monotonic()
            roost.call("status")
            worst = max(worst, time.monotonic() - begun)
        grown = resident(roost.daemon.pid) - before
    assert grown < 120 * MIB, f"{grown >> 20} MiB"
    assert worst < 5.0


@pytest.mark.parametrize("ttl", [1e12, -1.0, 3.2e8])
def test_A2_a_time_to_live_is_checked_where_it_is_kept(roost: Roost, ttl: float) -> None:
    """Seen before: accepted, and from then on `messages` and `show` of that peer never answered."""
    roost.call("add", name="mail", settings={"runtime": "human", "dir": "/"})
    with pytest.raises(RemoteError, match="ten years"):
        roost.send("mail", "for ever", ttl=ttl)
    with pytest.raises(RemoteError, match="ten years"):
        roost.send("mail", "for ever", wait="done", timeout=ttl)
    assert roost.call("messages", name="mail") == []


def test_A2_a_row_beyond_the_calendar_is_shown() -> None:
    assert iso(1e12) == "9999-12-31T23:59:59.000Z"
    assert iso(-1e12) == "1970-01-01T00:00:00.000Z"


@pytest.mark.parametrize(
    "line",
    [
        b"[" * 2000,
        b'{"id":1,"method":"list","params":{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}}",
        b'{"id":1,"method":"events","params":{"after":9223372036854775808}}',
        b'{"id":1,"method":"events","params":{"after":-1}}',
        b'{"id":1,"method":"messages","params":{"limit":1e400}}',
        b'{"id":1,"method":"messages","params":{"limit":9223372036854775808}}',
        b'{"id":1,"method":"send","params":{"to":"a","body":"\\ud800"}}',
        b"\xff\xfe",
    ],
)
def test_A4_every_request_is_answered(roost: Roost, line: bytes) -> None:
    assert "error" in asked(roost, line)
    assert roost.call("list") == []


def test_A4_a_defect_is_an_answer(home: Home) -> None:
    """A planted defect: seen before, nobody ever answered."""
    planted = (
        "import sys; from roost.daemon import __main__ as m; from roost.daemon.serve.api import peers;"
        "peers.Peers.rows = lambda self: 1 // 0; m.leave(m.main())"
    )
    roost = Roost(home)
    roost.start(sys.executable, "-c", planted)
    try:
        answer = asked(roost, b'{"id":7,"method":"list"}')
        assert (answer["id"], answer["error"]["code"]) == (7, "defect")
    finally:
        roost.down(agents=True)


def attach(roost: Roost, path: str) -> str:
    with pytest.raises(RemoteError) as refused:
        roost.send("mail", "look", attach=[path])
    return refused.value.message


def test_A3_only_a_regular_file_of_a_disk_is_attached(roost: Roost, tmp_path: Path) -> None:
    """Seen before: seven of these took all threads, and `/proc/self/environ` sent the environment."""
    roost.call("add", name="mail", settings={"runtime": "human", "dir": "/"})
    fifo, link = tmp_path / "fifo", tmp_path / "link"
    os.mkfifo(fifo)
    link.symlink_to(fifo)
    kernel = "not a file" if os.access("/proc/kmsg", os.R_OK) else "Permission denied"
    for _ in range(3):
        assert kernel in attach(roost, "/proc/kmsg")
        assert "is not there or is not a file" in attach(roost, str(fifo))
        assert "is not there or is not a file" in attach(roost, str(link))
    assert "not a file on a disk" in attach(roost, "/proc/self/environ")
    assert "not a file on a disk" in attach(roost, "/sys/kernel/uevent_seqnum")
    assert "is not there or is not a file" in attach(roost, "/dev/zero")
    assert not list(roost.places.attachments.glob(".*"))


def test_A10_what_was_begun_of_a_copy_goes(home: Home, tmp_path: Path) -> None:
    """At once where the disk is full, and at the next start where the daemon was killed meanwhile."""
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"x" * MIB)
    large.write_bytes(b"x" * 12 * MIB)
    with small_disk(home.roost, "8m"):
        roost = Roost(home)
        roost.start(sys.executable, "-c", HANGS)
        try:
            roost.call("add", name="mail", settings={"runtime": "human", "dir": "/"})
            assert "No space left on device" in attach(roost, str(large))
            parts = roost.places.attachments.glob
            assert list(parts(".*")) == []
            with raw(roost) as asker:
                params = {"to": "mail", "body": "look", "attach": [str(small)]}
                asker.sendall(json.dumps({"id": 1, "method": "send", "params": params}).encode() + b"\n")
                wait_until(lambda: list(parts(".*")), timeout=PATIENCE, why="the copy has begun")
                roost.kill()
            roost.start()
            wait_until(lambda: not list(parts(".*")), timeout=PATIENCE, why="the part of a copy goes")
            assert roost.call("messages", name="mail") == []
        finally:
            roost.finish()


async def test_A3_a_copy_that_hangs_holds_up_only_its_own_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = threading.Event()
    monkeypatch.setattr(module, "SECONDS", 0.05)
    monkeypatch.setattr(module, "copy_attachments", lambda *_: stuck.wait())
    copies = Attachments(tmp_path)
    for _ in range(5):
        with pytest.raises(UsageError, match="does not answer"):
            await copies.copy(["/a"])
    assert await Threads("other", 1, 1.0).run(lambda: 1) == 1
    assert await asyncio.to_thread(lambda: 2) == 2
    stuck.set()


def test_A3_down_is_true_although_a_thread_hangs(home: Home) -> None:
    """Seen before: "is down", exit 0, beside a living daemon, and `up` started a second one."""
    planted = (
        "import asyncio, threading; from roost.daemon import __main__ as m\n"
        "async def status(self, *_):\n"
        "    asyncio.get_running_loop().run_in_executor(None, threading.Event().wait)\n"
        "    return {'version': '', 'pid': 0}\n"
        "from roost.daemon.health.status import Status; Status.now = status\n"
        "m.leave(m.main())\n"
    )
    roost = Roost(home)
    roost.start(sys.executable, "-c", planted)
    try:
        for _ in range(3):
            roost.call("status")
        done = subprocess.Popen(
            [sys.executable, "-m", "roost", "down"], env=roost.environ, stdout=subprocess.PIPE, text=True
        )
        assert roost.daemon.wait(PATIENCE) == 0
        assert done.communicate(timeout=PATIENCE)[0].startswith("roost is down")
    finally:
        if roost.daemon.poll() is None:
            roost.kill()


def test_A5_a_hook_is_bounded_and_a_poke_all_the_same(roost: Roost) -> None:
    roost.add("a")
    roost.call("wake", name="a")
    given = environ_of(roost.session("a")["agent_pid"])
    headers = {"Authorization": f"Bearer {given['ROOST_TOKEN']}"}
    address = given["ROOST_URL"].removeprefix("http://")

    def post(body: Any) -> int:  # noqa: ANN401 -- what http.client sends
        connection = http.client.HTTPConnection(address, timeout=PATIENCE)
        try:
            connection.request("POST", "/hooks/Stop", body, headers)
            return connection.getresponse().status
        except (BrokenPipeError, ConnectionResetError):
            return 413  # it hung up while the rest was being sent
        finally:
            connection.close()

    def chunks() -> Iterator[bytes]:
        for _ in range(64):
            yield b"x" * MIB

    before = resident(roost.daemon.pid)
    for body in (b"x" * (9 * MIB), chunks()):
        assert post(body) == 413
    assert resident(roost.daemon.pid) - before < 60 * MIB
    odd: list[Any] = [b"[" * 200_000, b"\xff", b"null", b'{"transcript_path": {"a": 1}, "session_id": [1]}']
    for body in odd:
        assert post(body) == 200
    assert "Traceback" not in roost.said()
    assert math.isfinite(roost.call("status")["uptime_s"])
    assert alive(roost.daemon.pid)


def test_A13_a_request_without_a_proper_id_or_an_end_is_answered(roost: Roost) -> None:
    """Seen before: an empty 202, and a sender that waits for ever; a head of any length was kept."""
    roost.add("a")
    roost.call("wake", name="a")
    given = environ_of(roost.session("a")["agent_pid"])
    headers = {
        "Authorization": f"Bearer {given['ROOST_TOKEN']}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }
    address = given["ROOST_URL"].removeprefix("http://")
    connection = http.client.HTTPConnection(address, timeout=PATIENCE)

    def ask(message: Record) -> tuple[int, Record]:
        connection.request("POST", "/mcp", json.dumps({"jsonrpc": "2.0", **message}), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or "null")

    for wrong in (None, {}, [], True, 1.5):
        status, answer = ask({"id": wrong, "method": "tools/list"})
        assert (status, answer["error"]["code"]) == (400, -32600), wrong
    for right in (0, "x"):
        status, answer = ask({"id": right, "method": "ping"})
        assert (status, answer["id"], answer["result"]) == (200, right, {})
    assert ask({"method": "notifications/initialized"})[0] == 202
    status, answer = ask({"id": 1, "method": "prompts/get", "params": {"name": "unknown"}})
    assert (answer["error"]["code"], "'unknown'" in answer["error"]["message"]) == (-32602, True)
    connection.close()
    host, _, port = address.partition(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as endless:
        with contextlib.suppress(ConnectionError):
            endless.sendall(b"POST /mcp HTTP/1.1\r\nX: " + b"x" * 200_000)
            assert endless.recv(100).startswith(b"HTTP/1.1 431 ")
        with contextlib.suppress(ConnectionError):
            while endless.recv(100):
                pass
    assert "Traceback" not in roost.said()


async def test_A13_a_request_that_does_not_end_has_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "RECEIVING", 0.1)

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    config = uvicorn.Config(app, http=BoundedProtocol, lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()

    def connection() -> BoundedProtocol:
        return BoundedProtocol(config, state, {}, loop)

    server = await loop.create_server(connection, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    whole = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    for sent, answer in (
        (b"", b"HTTP/1.1 408 "),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b"HTTP/1.1 408 "),
        (whole + b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200 "),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab", b"HTTP/1.1 200 "),
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        async with asyncio.timeout(PATIENCE):
            assert (await reader.read()).startswith(answer), sent
        writer.close()
        await writer.wait_closed()
    server.close()
    await server.wait_closed()
