"""The order of the tests: the longest among others, the shortest last, so that no processor waits.

The longest ones wait for programs and clocks most of the time: all at once they leave the processors idle. At
the end of a run no worker is to wait for another's. How long a test is expected to take is told by its marks:
`slow` with the time-out that it was given, then by whether it drives real processes. Each is given to the
next free worker, but those of a module whose fixture keeps something for all of them (a daemon) are given to
one worker, or to one for each agent CLI.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pytest

if TYPE_CHECKING:
    from xdist.scheduler import LoadScopeScheduling

T = TypeVar("T")
_DEFAULT = 120.0
_SHARE = 0.8
"""The part of the tests with daemons among which the slow ones are spread."""
_REAL = ("real", "e2e")
_CLI = re.compile(r"\[(claude|codex|gemini|opencode)\b")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort; tests of the same expectation stay as they stand in their files."""
    items.sort(key=expected, reverse=True)
    slow, real, quick = ([item for item in items if expected(item)[0] == kind] for kind in (2, 1, 0))
    items[:] = [*spread(slow, real), *quick]


def spread(some: Sequence[T], among: Sequence[T]) -> list[T]:
    """The former in their order, evenly among the first of the others: the last of those come after all."""
    room, found, used = int(len(among) * _SHARE), list[T](), 0
    for number, each in enumerate(some):
        upto = number * room // len(some)
        found += [*among[used:upto], each]
        used = upto
    return [*found, *among[used:]]


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
