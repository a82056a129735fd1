"""The order of the tests: the longest first, so that at the end of a run no worker waits for another's.

How long a test is expected to take is told by its marks: `slow` with the time-out that it was given, then by
whether it drives real processes. Each is given to the next free worker, but those of a module whose fixture
keeps something for all of them (a daemon) are given to one worker, or to one for each agent CLI.
"""

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

_DEFAULT = 120.0
_REAL = ("real", "e2e")
_CLI = re.compile(r"\[(claude|codex|gemini|opencode)\b")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort; tests of the same expectation stay as they stand in their files."""
    items.sort(key=expected, reverse=True)


def expected(item: pytest.Item) -> tuple[int, float]:
    """How long it may take, in an order and not in seconds."""
    if item.get_closest_marker("slow"):
        allowed = item.get_closest_marker("timeout")
        return 2, float(allowed.args[0]) if allowed and allowed.args else _DEFAULT
    return int(any(item.get_closest_marker(name) for name in _REAL)), 0.0


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "LoadScopeScheduling":  # noqa: ANN401 -- xdist's
    """Give out one unit after the other, in our order."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        # pytest-xdist 3.8 does this for marks (`--dist loadgroup`), but in vain under pytest 9.2.
        def _split_scope(self, nodeid: str) -> str:
            return unit(config.rootpath, nodeid)

    config.option.loadscopereorder = False
    return Scheduling(config, log)


def unit(root: Path, test: str) -> str:
    """What is given to one worker as a whole: the test, or its module's part for this agent CLI."""
    module, _, name = test.partition("::")
    if not _shares(root / module):
        return test
    cli = _CLI.search(name)
    return f"{module} {cli[1]}" if cli else module


@cache
def _shares(module: Path) -> bool:
    """Whether a module has a fixture that outlives a test."""
    return '@pytest.fixture(scope="module"' in module.read_text()
