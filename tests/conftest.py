"""Fixtures that every test may use; the guards, the order and the report come from tests/support."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support.home import Home, environment, make_home

pytest_plugins = [
    "tests.support.collecting",
    "tests.support.guards",
    "tests.support.order",
    "tests.support.daemon_times",
    "tests.support.prefork",
    "tests.support.door",
]

# The machines that run the tests are shared and noisy: a slow example is not a wrong one.
hypothesis.settings.register_profile("roost", deadline=None, print_blob=True)
hypothesis.settings.load_profile("roost")


def pytest_configure() -> None:
    """Say where the agent CLIs are before a test gets another HOME, and let signals end what tests start.

    A shell has what it starts in the background ignore Ctrl-C and Ctrl-\\, `nohup` a hang-up, and so does all
    that is started in turn.
    """
    ending = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}
    for number, ends in {**ending, signal.SIGQUIT: signal.SIG_DFL}.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, ends)
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    os.environ.setdefault("ROOST_CLI_CACHE", f"{cache}/roost-clis")


@pytest.fixture(scope="session", autouse=True)
def _lasting_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Fix the run's own temporary folder before a test's TMPDIR, which goes with the test, can become it."""
    tmp_path_factory.getbasetemp()


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Own HOME, ROOST_HOME, XDG and TMPDIR under a short path; no trace of the machine's agent tools."""
    with make_home() as made:
        wanted = environment(os.environ, made)
        for name in set(os.environ) - set(wanted):
            monkeypatch.delenv(name)
        for name, value in wanted.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(tempfile, "tempdir", None)
        yield made
