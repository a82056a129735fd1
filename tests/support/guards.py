"""The pytest plugin that keeps tests honest: no blocked loop, no sleep, no leaked process, loopback only.

Each guard has a test that sees it red: tests/unit/test_project_guards.py.
"""

import asyncio
import ipaddress
import os
import secrets
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from blockbuster import BlockBuster, BlockingError
from blockbuster.blockbuster import BlockBusterFunction

import roost
from tests.support import processes

# What truly holds up the loop. Small reads and stats are left alone: they cost less than a thread hop.
_BLOCKING = ("builtins.input", "socket.", "sqlite3.", "threading.Lock.", "time.sleep")
_ALSO_BLOCKING = ("os.fsync", "os.fdatasync", "subprocess.Popen.wait", "subprocess.Popen.communicate")

_HERE = Path(__file__).resolve().parent
_TESTS = _HERE.parent
_FOLDER_MARKS = {"unit": "unit", "property": "unit", "integration": "real", "e2e": "e2e"}

_nonce = pytest.StashKey[str]()
_previous = pytest.StashKey[str | None]()


def pytest_configure(config: pytest.Config) -> None:
    """Plant this run's marker in the environment and refuse connections beyond loopback."""
    config.stash[_nonce] = secrets.token_hex(8)
    config.stash[_previous] = os.environ.get(processes.MARKER)
    os.environ[processes.MARKER] = config.stash[_nonce]
    sys.addaudithook(_loopback_only)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Take the marker out of the environment again."""
    previous = config.stash[_previous]
    if previous is None:
        os.environ.pop(processes.MARKER, None)
    else:
        os.environ[processes.MARKER] = previous


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder; `-m` then selects by what a test needs."""
    for item in items:
        parts = item.path.parts
        for folder, mark in _FOLDER_MARKS.items():
            if folder in parts and not (mark == "unit" and item.get_closest_marker("real")):
                item.add_marker(mark)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when a process of it is still alive, name it, and end it."""
    left = processes.wait_gone(processes.marked(session.config.stash[_nonce]), processes.GRACE)
    if not left:
        return
    processes.end(left)
    session.exitstatus = pytest.ExitCode.TESTS_FAILED
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.section("processes left behind by this run (now ended)", red=True, bold=True)
        for each in sorted(left, key=str):
            reporter.line(str(each), red=True)


@pytest.fixture(autouse=True)
def leak_guard(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that starts real processes when one that it started outlives it.

    The child of a process that was there before belongs to that one, and what a fixture of the module keeps
    (processes.kept) to that fixture.
    """
    if not any(request.node.get_closest_marker(name) for name in ("real", "e2e")):
        yield
        return
    nonce = request.config.stash[_nonce]
    before = processes.marked(nonce)
    yield
    left = processes.wait_gone(processes.not_kept(processes.marked(nonce) - before), processes.GRACE)
    kept = {each.pid for each in before}
    left = frozenset(each for each in left if processes.parent(each) not in kept)
    if left:
        processes.end(left)
        pytest.fail(
            "left behind by this test (now ended):\n" + "\n".join(sorted(map(str, left))), pytrace=False
        )


@cache
def _blocking_functions() -> list[BlockBusterFunction]:
    functions = BlockBuster([roost]).functions.items()
    chosen = [function for name, function in functions if name.startswith(_BLOCKING)]
    return chosen + [BlockBusterFunction(None, name, scanned_modules=[roost]) for name in _ALSO_BLOCKING]


@pytest.fixture(autouse=True)
def loop_guard(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test in which roost's own code blocks the event loop, even if that code swallows the error."""
    caught: list[str] = []

    class Recorded(BlockingError):
        def __init__(self, func: str) -> None:
            super().__init__(func)
            caught.append(func + " called from\n" + "".join(traceback.format_stack(limit=12)[:-2]))

    monkeypatch.setattr("blockbuster.blockbuster.BlockingError", Recorded)
    for function in _blocking_functions():
        function.activate()
    yield
    for function in _blocking_functions():
        function.deactivate()
    if caught:
        pytest.fail(f"the event loop was blocked by {caught[0]}", pytrace=False)


@pytest.fixture(autouse=True)
def sleep_guard(loop_guard: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:  # noqa: ARG001 - set up after it
    """Fail a test whose own code sleeps: wait for the condition instead (tests/support/wait.py)."""
    caught: list[str] = []

    def guarded(original: Callable[..., Any], name: str) -> Callable[..., Any]:
        def sleep(delay: float, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - stands in for both sleeps
            caller = sys._getframe(1)
            if delay > 0 and _is_test_file(caller.f_code.co_filename):
                caught.append(f"{caller.f_code.co_filename}:{caller.f_lineno} calls {name}({delay:g})")
                pytest.fail(f"{caught[-1]}; wait for the condition with tests.support.wait", pytrace=False)
            return original(delay, *args, **kwargs)

        return sleep

    monkeypatch.setattr(time, "sleep", guarded(time.sleep, "time.sleep"))
    monkeypatch.setattr(asyncio, "sleep", guarded(asyncio.sleep, "asyncio.sleep"))
    yield
    if caught:
        pytest.fail(f"{caught[0]}; wait for the condition with tests.support.wait", pytrace=False)


def _is_test_file(filename: str) -> bool:
    path = Path(filename)
    return (
        path.name.startswith("test_")
        or path.name == "conftest.py"
        or (path.is_relative_to(_TESTS) and not path.is_relative_to(_HERE))
    )


def _loopback_only(event: str, arguments: tuple[Any, ...]) -> None:
    if event in {"socket.connect", "socket.sendto"}:
        # (socket, address): a Unix socket's address is no tuple.
        host = arguments[1][0] if isinstance(arguments[1], tuple) and arguments[1] else None
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = arguments[0]
    else:
        return
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if not isinstance(host, str) or not host or host == "localhost":
        return
    try:
        allowed = ipaddress.ip_address(host).is_loopback or event == "socket.getaddrinfo"
    except ValueError:
        allowed = False
    if not allowed:
        message = f"tests talk to 127.0.0.1 only, not to {host}"
        raise PermissionError(message)
