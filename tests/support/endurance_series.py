"""What is measured of a daemon that lives long, and how fast each of it grows."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.support.daemon import Roost
from tests.support.wait import wait_until

MIB = 1024 * 1024


@dataclass(slots=True)
class Series:
    """One measure over time. `flat`: what it may grow in an hour and still counts as flat.

    `most`: it stays below that instead. SQLite keeps the file of its log as large as it once was.
    """

    name: str
    unit: str
    flat: float
    most: float | None = None
    points: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])

    def wrong(self, start: float) -> str | None:
        """Why it is not as it should be since `start`; None: it is."""
        highest, slope = max(value for _, value in self.points), self.slope(start)
        if self.most is not None:
            return (
                f"{self.name}: {highest:.3g} {self.unit}, at most {self.most:g}"
                if highest > self.most
                else None
            )
        return (
            f"{self.name}: grows by {slope:.3g} {self.unit} an hour, flat is {self.flat:g}"
            if slope > self.flat
            else None
        )

    def since(self, start: float) -> list[tuple[float, float]]:
        """The points from `start` on (seconds of the run)."""
        return [point for point in self.points if point[0] >= start]

    def slope(self, start: float) -> float:
        """Growth in an hour, the median of the slopes of all pairs since `start` (Theil and Sen)."""
        points = self.since(start)
        slopes = [
            (later[1] - early[1]) / (later[0] - early[0])
            for index, early in enumerate(points)
            for later in points[index + 1 :]
        ]
        return 3600 * median(slopes) if slopes else 0.0


class Gauges:
    """Reads all measures of one running daemon."""

    def __init__(self, roost: Roost, counts: Path) -> None:
        """`counts` is the file in which the daemon tells its tasks."""
        self._roost = roost
        self._counts = counts
        self.memory = Series("memory of the daemon (PSS)", "MiB", 4.0)
        self.descriptors = Series("open descriptors", "", 8.0)
        self.threads = Series("threads", "", 4.0)
        self.tasks = Series("tasks of the loop", "", 8.0)
        self.store = Series("store", "MiB", 4.0)
        self.wal = Series("write-ahead log", "MiB", 0.0, most=64.0)
        self.logs = Series("all logs", "MiB", 0.5)
        self.files = Series("files in roost's folder, without the agents' records", "", 20.0)

    @property
    def all(self) -> Sequence[Series]:
        """Each of them."""
        return (
            self.memory,
            self.descriptors,
            self.threads,
            self.tasks,
            self.store,
            self.wal,
            self.logs,
            self.files,
        )

    def read(self, at: float) -> None:
        """One point of each, `at` seconds after the start."""
        pid, places = self._roost.daemon.pid, self._roost.places
        self.memory.points.append((at, _pss(pid)))
        self.descriptors.points.append((at, _entries(f"/proc/{pid}/fd")))
        self.threads.points.append((at, _entries(f"/proc/{pid}/task")))
        self.tasks.points.append((at, self._tasks()))
        self.store.points.append((at, _size(places.database) / MIB))
        self.wal.points.append((at, _size(Path(f"{places.database}-wal")) / MIB))
        self.logs.points.append((at, sum(map(_size, places.logs.rglob("*"))) / MIB))
        own = (path for path in places.home.rglob("*") if path.parent.name != "demo")
        self.files.points.append((at, sum(1 for _ in own)))

    def _tasks(self) -> int:
        self._counts.unlink(missing_ok=True)
        self._roost.daemon.send_signal(signal.SIGUSR2)
        wait_until(self._counts.exists, timeout=30, why="the daemon tells its tasks")
        return int(self._counts.read_text())


def _pss(pid: int) -> float:
    """Proportional set size in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0
