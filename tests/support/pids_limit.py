"""A control group with a limit of processes. Needs root and a writable pids controller."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.wait import wait_until

_ROOTS = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))


class PidsLimit:
    """The group."""

    def __init__(self, folder: Path) -> None:
        """Use this folder."""
        self._folder = folder

    def take(self, pid: int) -> None:
        """Put a process, and all that it starts from now on, into the group."""
        (self._folder / "cgroup.procs").write_text(str(pid))

    def leave(self, room: int) -> None:
        """Let so many more be started."""
        used = int((self._folder / "pids.current").read_text())
        (self._folder / "pids.max").write_text(str(used + room))

    def lift(self) -> None:
        """No limit any more."""
        (self._folder / "pids.max").write_text("max")


@contextmanager
def pids_limit() -> Iterator[PidsLimit]:
    """A group of its own; what is left in it at the end goes back. Skips aloud where that is not allowed."""
    for root in _ROOTS:
        folder = root / f"roost-test-{os.getpid()}"
        with suppress(OSError):
            folder.mkdir()
            if (folder / "pids.max").exists():
                break
            folder.rmdir()
    else:
        pytest.skip("a limit of processes needs a writable pids controller")
    try:
        yield PidsLimit(folder)
    finally:
        for pid in (folder / "cgroup.procs").read_text().split():
            with suppress(OSError):
                (folder.parent / "cgroup.procs").write_text(pid)
        wait_until(lambda: _removed(folder), timeout=20, why="the group is empty")


def _removed(folder: Path) -> bool:
    with suppress(OSError):
        folder.rmdir()
    return not folder.exists()
