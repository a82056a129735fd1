"""A control group of a name, as systemd makes it. Needs root and a writable version 2 hierarchy."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.wait import wait_until


class Group:
    """The group."""

    def __init__(self, folder: Path) -> None:
        """Use this folder."""
        self._folder = folder

    def take(self, pid: int) -> None:
        """Put a process into it, with all that it starts from then on."""
        (self._folder / "cgroup.procs").write_text(str(pid))


@contextmanager
def control_group(name: str) -> Iterator[Group]:
    """A group below our own; what is left in it at the end goes back. Skips aloud where it is not allowed."""
    line = next(
        (each for each in Path("/proc/self/cgroup").read_text().splitlines() if each[:3] == "0::"), ""
    )
    mounts = [each.split() for each in Path("/proc/self/mounts").read_text().splitlines()]
    roots = [Path(fields[1]) for fields in mounts if fields[2] == "cgroup2"]
    own = roots[0] / line[3:].lstrip("/") if roots and line else Path("/none")
    folder = own / name
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("a control group needs root and a writable cgroup2")
    try:
        yield Group(folder)
    finally:
        for pid in (folder / "cgroup.procs").read_text().split():
            with suppress(OSError):
                (own / "cgroup.procs").write_text(pid)
        wait_until(lambda: _removed(folder), timeout=20, why="the group is empty")


def _removed(folder: Path) -> bool:
    with suppress(OSError):
        folder.rmdir()
    return not folder.exists()
