"""The order of the tests: the longest first, so that at the end of a run no worker waits for another's.

How long a test is expected to take is told by its marks: `slow` with the time-out that it was given, then by
whether it drives real processes. Tests of one module that share a daemon are given to one worker.
"""

import pytest

_DEFAULT = 60.0
_REAL = ("real", "e2e")


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
