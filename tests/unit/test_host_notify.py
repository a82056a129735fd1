"""sd_notify against real datagram sockets."""

import asyncio
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.daemon.health.heartbeat import SOON, beat
from roost.host.memory.clock import VirtualClock
from roost.host.notify import Notifier, take_notifier


@pytest.fixture(params=["path", "abstract"])
def listener(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, str]]:
    name = secrets.token_hex(6)
    address = f"@roost-test-{name}" if request.param == "abstract" else f"/tmp/roost-notify-{name}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        made.settimeout(10)
        yield made, address
    Path(address).unlink(missing_ok=True)


def test_the_manager_hears_each_state(listener: tuple[socket.socket, str]) -> None:
    heard, address = listener
    notifier = Notifier(address)
    notifier.ready("two\nlines")
    notifier.alive()
    notifier.stopping()
    assert [heard.recv(4096).decode() for _ in range(3)] == [
        "READY=1\nSTATUS=two lines",
        "WATCHDOG=1",
        "STOPPING=1\nSTATUS=stopping; agents live on",
    ]


def test_nobody_listening_is_no_failure(tmp_path: Path) -> None:
    for notifier in (Notifier(), Notifier(str(tmp_path / "none")), Notifier(f"/{'x' * 300}")):
        notifier.ready("up")
        notifier.alive()
        notifier.stopping()


def test_a_full_socket_does_not_block(listener: tuple[socket.socket, str]) -> None:
    _, address = listener
    notifier = Notifier(address)
    for _ in range(5000):
        notifier.alive()


@pytest.mark.parametrize(
    ("variables", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_asked(
    variables: dict[str, str], interval: float | None
) -> None:
    environ = {**variables, "NOTIFY_SOCKET": "/tmp/none", "LISTEN_FDS": "1", "HOME": "/h"}
    assert take_notifier(environ).interval == interval
    assert environ == {"HOME": "/h"}


def test_without_a_socket_there_is_no_watchdog() -> None:
    assert take_notifier({"WATCHDOG_USEC": "30000000"}).interval is None


async def test_the_heart_beats_on_the_loop(listener: tuple[socket.socket, str]) -> None:
    """G9: often, for the watchdog's own time goes on while this process is stopped."""
    heard, address = listener
    clock = VirtualClock()
    task = asyncio.get_running_loop().create_task(beat(Notifier(address, 15.0), clock))
    heard.setblocking(False)
    beats = 0
    for _ in range(3):
        await clock.advance(SOON)
        while True:
            try:
                assert heard.recv(64) == b"WATCHDOG=1"
            except BlockingIOError:
                break
            beats += 1
    assert beats == 4
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_no_watchdog_no_heart() -> None:
    await beat(Notifier("/tmp/none"), VirtualClock())
