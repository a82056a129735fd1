"""Which thread a Codex process writes, by the files that it has open (0.171.0, measured).

For each thread that it has loaded it holds `thread-writer-locks/ID.lock`, from its first turn on also the
rollout that it writes, and it lets go of none of them: after `/fork`, `/new`, `/clear`, `/resume` and
`/side` the threads that were left are still open. The lock's time of change is when it was taken: a thread
that a person turns to, be it again, takes it anew, and so does one whose earlier message is edited.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct, field

from roost.runtimes.codex_rollout import ID, begun_by_a_person, conversation_in, order_of
from roost.runtimes.marks import Marks

_LOCK = re.compile(rf"/thread-writer-locks/({ID})\.lock$")
_PROC = Path("/proc")


class Held(Struct, frozen=True):
    """The threads that a process has loaded: the lock of each, and the rollout that it writes, if any."""

    locks: Mapping[str, Path] = field(default_factory=dict[str, Path])
    rollouts: Mapping[str, Path] = field(default_factory=dict[str, Path])


def held_by(agent_pid: int, proc: Path = _PROC) -> Held:
    """Blocking: what this process or one of its children has open; nothing when that is not known.

    The agent is a node wrapper with one native child that holds the files.
    """
    locks: dict[str, Path] = {}
    rollouts: dict[str, Path] = {}
    for process in (agent_pid, *_children(agent_pid, proc)):
        for target in _files_of(process, proc):
            lock = _LOCK.search(target)
            if lock is not None:
                locks[lock[1]] = Path(target)
            elif "/rollout-" in target and (thread := conversation_in(path := Path(target))) is not None:
                rollouts[thread] = max((rollouts.get(thread, path), path), key=order_of)
    return Held(locks, rollouts)


class Threads:
    """Tells which of the threads that a process has loaded its person and roost are in."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._marks = Marks()
        self._decided = 0
        self._personal: dict[Path, bool] = {}

    def written(self, held: Held, known: str | None, mark: str | None) -> str | None:
        """Blocking: the thread that is written now; `known` where nothing tells another.

        It is the one that holds the mark of the message just handed over. Without one it is the only one, or
        the one that was turned to last, among those that have a record and that a person began.
        """
        if mark is not None:
            thread = self._holding(held, known, mark)
            if thread is not None:
                self._decided = max(map(_changed, held.locks.values()), default=0)
                return thread
        if len(held.locks) <= 1:
            return next(iter(held.locks), known)
        turned = {
            thread: _changed(held.locks[thread])
            for thread, path in held.rollouts.items()
            if thread in held.locks and self._of_a_person(path)
        }
        later = {thread: at for thread, at in turned.items() if at > self._decided}
        return max(later, key=later.__getitem__, default=known)

    def holding(self, paths: Iterable[Path], mark: str) -> str | None:
        """Blocking: the thread of the first of these rollouts that holds the mark."""
        return next((conversation_in(path) for path in paths if self._marks.holds(path, mark)), None)

    def _holding(self, held: Held, known: str | None, mark: str) -> str | None:
        """The known one first: an agent may have told the message to one that it began."""
        first = [path for thread, path in held.rollouts.items() if thread == known]
        return self.holding([*first, *held.rollouts.values()], mark)

    def _of_a_person(self, path: Path) -> bool:
        if path not in self._personal:
            personal = begun_by_a_person(path)
            if personal is None:
                return False
            self._personal[path] = personal
        return self._personal[path]


def writers(home: Path, conversation: str, proc: Path = _PROC) -> list[int]:
    """Blocking: the processes that hold a conversation's lock open; those of other users are not seen."""
    lock = home.resolve() / "thread-writer-locks" / f"{conversation}.lock"
    if not lock.exists():
        return []
    pids = (int(entry.name) for entry in proc.iterdir() if entry.name.isdigit())
    return [pid for pid in pids if str(lock) in _files_of(pid, proc)]


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _files_of(pid: int, proc: Path) -> Iterator[str]:
    folder = f"{proc}/{pid}/fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208 -- names alone, fifty times a second
    except OSError:
        return
    for name in names:
        try:
            yield os.readlink(f"{folder}/{name}")  # noqa: PTH115 -- the text of the link is what counts
        except OSError:
            continue


def _children(pid: int, proc: Path) -> list[int]:
    """The direct children of every thread of the process."""
    children: list[int] = []
    for path in (proc / str(pid) / "task").glob("*/children"):
        try:
            children.extend(int(word) for word in path.read_text().split())
        except (OSError, ValueError):
            continue
    return children
