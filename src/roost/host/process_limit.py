"""How many more processes and threads this process's control groups let it start (Linux)."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

GROUPS = Path("/sys/fs/cgroup")
OWN = Path("/proc/self/cgroup")


class ProcessLimit(NamedTuple):
    """The tightest limit: how many processes and threads there are and may be, and the file that says so."""

    used: int
    limit: int
    file: Path

    @property
    def left(self) -> int:
        """How many more."""
        return max(self.limit - self.used, 0)

    def __str__(self) -> str:
        """In words, with what to change."""
        return (
            f"{self.used} of at most {self.limit} processes and threads run here ({self.file};"
            " docker run --pids-limit, TasksMax= of a unit)"
        )


def process_limit(own: Path = OWN, groups: Path = GROUPS) -> ProcessLimit | None:
    """The tightest limit of the groups that this process is in; None where none is known."""
    return min(_limits(own, groups), key=lambda limit: limit.left, default=None)


def _limits(own: Path, groups: Path) -> Iterator[ProcessLimit]:
    try:
        lines = own.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers not in ("", "pids"):
            continue
        root = groups / controllers if controllers else groups
        for folder in (Path(path), *Path(path).parents):
            yield from _limit(root / str(folder).lstrip("/"))


def _limit(folder: Path) -> Iterator[ProcessLimit]:
    file = folder / "pids.max"
    try:
        limit, used = file.read_text().strip(), (folder / "pids.current").read_text()
    except OSError:
        return
    if limit.isdigit():
        yield ProcessLimit(int(used), int(limit), file)
