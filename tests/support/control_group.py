"""A control group of a name, as systemd makes it. Needs root and a writable hierarchy."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.support.wait import wait_until


class Group:
    """The group."""

    def __init__(self, folder: Path) -> None:
        """Use this folder."""
        self.folder = folder

    def take(self, pid: int) -> None:
        """Put a process into it, with all that it starts from then on."""
        (self.folder / "cgroup.procs").write_text(str(pid))


@contextmanager
def made_group(name: str, hierarchy: str = "") -> Iterator[Group]:
    """A group below our own; what is left in it at the end goes back. Skips aloud where it is not allowed.

    `hierarchy`: the name of one of version 1, where there is one; else it is that of version 2.
    """
    own = _ours(hierarchy) or _ours("")
    if own is None:
        pytest.skip("a control group needs a hierarchy that is mounted")
    folder = own / name
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("a control group needs root and a hierarchy that can be written")
    try:
        yield Group(folder)
    finally:
        for inner in sorted((folder, *folder.rglob("*/")), reverse=True):
            for pid in (inner / "cgroup.procs").read_text().split():
                with suppress(OSError):
                    (own / "cgroup.procs").write_text(pid)
            wait_until(lambda inner=inner: _removed(inner), timeout=20, why="the group is empty")


def _ours(hierarchy: str) -> Path | None:
    """Our own group in that hierarchy."""
    lines = [each.split(":", 2) for each in Path("/proc/self/cgroup").read_text().splitlines()]
    paths = [path for _, named, path in lines if named == (hierarchy and f"name={hierarchy}")]
    mounts = [each.split() for each in Path("/proc/self/mounts").read_text().splitlines()]
    roots = [
        Path(fields[1])
        for fields in mounts
        if (f"name={hierarchy}" in fields[3].split(",") if hierarchy else fields[2] == "cgroup2")
    ]
    return roots[0] / paths[0].lstrip("/") if roots and paths else None


def _removed(folder: Path) -> bool:
    with suppress(OSError):
        folder.rmdir()
    return not folder.exists()
