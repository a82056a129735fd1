"""The two doors of the command line: the native program, and Python.

`ROOST_TEST_DOOR` chooses the one that tests run commands by. Without it that is the native one where there is
a C compiler; with CI set there has to be one. A test that takes the fixture `door` runs by both. Daemons of
tests that run no commands keep no process for the native door.
"""

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hatch_build import MAIN, SOURCE, build_client
from tests.support.wait import wait_until

ROOT = Path(__file__).resolve().parents[2]
CHOICE = "ROOST_TEST_DOOR"
SWITCH = "ROOST_DOOR"
PYTHON = (sys.executable, "-m", "roost")
"""The command line as Python runs it."""
PATIENCE = 60.0
_RUNS = re.compile(r"\.cli\(|\.program\(\)|type_in\(")
"""How a module of tests says that it runs commands."""

_runs_commands = True


@functools.cache
def native() -> Path | None:
    """The native program, compiled once for this source and interpreter; None where there is no compiler."""
    made_of = SOURCE.read_bytes() + sys.executable.encode()
    folder = ROOT / ".cache" / "door" / hashlib.blake2b(made_of, digest_size=8).hexdigest()
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=folder.parent))
        if build_client(new) is None:
            assert not os.environ.get("CI"), "no C compiler: the tests of the native door cannot run"
            return None
        _put_beside(new)
        try:
            new.rename(folder)
        except OSError:
            assert folder.exists(), "another worker has made it"
    return folder / "roost"


def build(folder: Path, script: str) -> bool:
    """Have the program in a folder, beside it another script than the one in Python. False: no compiler."""
    program = native()
    if program is None:
        return False
    shutil.copy(program, folder)
    _put_beside(folder, script)
    return True


def _put_beside(folder: Path, script: str | None = None) -> None:
    module, name = MAIN.split(":")
    text = f"#!{sys.executable}\nimport sys\nfrom {module} import {name}\nsys.exit({name}())\n"
    beside = folder / "roost-python"
    beside.write_text(script or text)
    beside.chmod(0o755)


def is_native() -> bool:
    """Whether tests run commands by the native program."""
    return os.environ.get(CHOICE, "native") == "native" and native() is not None


def program() -> list[str]:
    """The words that run the command line."""
    return [str(native())] if is_native() else [*PYTHON]


def of_daemon() -> dict[str, str]:
    """What the environment of a daemon says: whether it keeps the process for the native door."""
    return {} if _runs_commands and is_native() else {SWITCH: "python"}


def open_in(run: Path) -> None:
    """Wait until commands are taken in this folder."""
    wait_until((run / "door.sock").exists, timeout=PATIENCE, why="the native door is open")


@contextmanager
def opened(run: Path, library: Path | None = None) -> Iterator[None]:
    """The process of the native door without a daemon, where tests run commands by it.

    `library`: the folder with the `roost` that it loads, if not the usual one.
    """
    if not is_native():
        yield
        return
    environ = {**os.environ, "LC_ALL": "C.UTF-8", **({"PYTHONPATH": str(library)} if library else {})}
    words = [sys.executable, "-P", "-m", "roost.cli.door", str(run)]
    held, holds = os.pipe()
    with subprocess.Popen(words, stdin=held, env=environ, cwd="/", start_new_session=True) as process:
        os.close(held)
        try:
            open_in(run)
            yield
        finally:
            os.close(holds)
            process.wait(PATIENCE)
            (run / "door.sock").unlink(missing_ok=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes `door` runs by both."""
    if "door" in metafunc.fixturenames:
        metafunc.parametrize("door", ["python", "native"], indirect=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """See whether the tests of its module run commands."""
    global _runs_commands  # noqa: PLW0603 -- of the test that runs
    _runs_commands = _mentions_commands(item.path)


@functools.cache
def _mentions_commands(path: Path) -> bool:
    return bool(_RUNS.search(path.read_text()))


@pytest.fixture
def door(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The door that this test's commands take."""
    chosen: str = request.param
    monkeypatch.setenv(CHOICE, chosen)
    if chosen == "native" and native() is None:
        pytest.skip("there is no C compiler")
    return chosen
