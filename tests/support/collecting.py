"""Each worker begins to collect at another file.

pytest compiles a test file with its own asserts in 20 to 50 ms and keeps the result beside it. Workers that
begin with the same file all compile it where nothing is kept yet; so each finds what others have compiled.
What was collected stays until the end: the collector of garbage never looks at it.
"""

import gc
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

_YOUNG = 20_000
"""New objects between two looks at the youngest of them."""


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Collect without looking for garbage; a worker that was given folders begins at a file of its own."""
    gc.disable()
    _name_files(session)
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
        gc.enable()


def _name_files(session: pytest.Session) -> None:
    given: dict[str, Any] | None = getattr(session.config, "workerinput", None)
    folders = [session.config.invocation_params.dir / argument for argument in session.config.args]
    if given is None or not all(folder.is_dir() for folder in folders):
        return
    files = sorted({path for folder in folders for path in folder.rglob("test_*.py")})
    session.config.args[:] = map(str, turned(files, int(given["workerid"][2:]), given["workercount"]))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The workers have to agree about the order: by the files' names, and as the tests stand in them."""
    items.sort(key=lambda item: item.path)


def turned(files: list[Path], worker: int, workers: int) -> list[Path]:
    """All files, from this worker's part on."""
    first = len(files) * worker // workers
    return files[first:] + files[:first]
