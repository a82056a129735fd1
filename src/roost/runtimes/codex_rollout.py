"""Where Codex 0.169.0 keeps the record of a conversation: `sessions/YYYY/MM/DD/rollout-TIME-ID.jsonl`.

The conversation's id is chosen by Codex at its start and the rollout is made at the first turn. Before that,
the process holds `thread-writer-locks/ID.lock` open, later the rollout as well: its open files tell which
conversation is its own. The newest file never counts as proof.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_LOCK = re.compile(rf"/thread-writer-locks/({_ID})\.lock$")
_ROLLOUT = re.compile(rf"/rollout-[^/]*-({_ID})\.jsonl$")
_PROC = Path("/proc")
_NEWEST = 200
"""Rollouts that are searched for a text, newest first."""


def codex_home(environ: Mapping[str, str]) -> Path:
    """Where Codex keeps its files: `$CODEX_HOME`, or `.codex` in the home folder."""
    given = environ.get("CODEX_HOME")
    return Path(given) if given else Path(environ.get("HOME") or Path.home()) / ".codex"


def rollout_of(home: Path, conversation: str) -> Path | None:
    """Blocking: the rollout of a conversation, by its id; None when it had no turn yet."""
    return next(iter(sorted(home.glob(f"sessions/*/*/*/rollout-*-{conversation}.jsonl"))), None)


def rollout_with(home: Path, mark: str) -> Path | None:
    """Blocking: the rollout that holds a text which stands in one conversation only; None: there is none."""
    paths = sorted(home.glob("sessions/*/*/*/rollout-*.jsonl"), key=lambda path: path.name, reverse=True)
    needle = mark.encode()
    for path in paths[:_NEWEST]:
        try:
            with path.open("rb") as file:
                if any(needle in line for line in file):
                    return path
        except OSError:
            continue
    return None


def conversation_in(path: Path) -> str | None:
    """The id of the conversation in a rollout's name."""
    match = _ROLLOUT.search(str(path))
    return match[1] if match else None


def open_conversation(agent_pid: int, proc: Path = _PROC) -> str | None:
    """Blocking: the conversation that this process or one of its children writes; None when it is not known.

    The agent is a node wrapper with one native child that holds the files. Two locks at once (one thread is
    being left for another) tell nothing.
    """
    found: set[str] = set()
    for target in _open_files(agent_pid, proc):
        match = _LOCK.search(target)
        if match is not None:
            found.add(match[1])
    return found.pop() if len(found) == 1 else None


def writers(home: Path, conversation: str, proc: Path = _PROC) -> list[int]:
    """Blocking: the processes that hold a conversation's lock open; those of other users are not seen."""
    lock = home.resolve() / "thread-writer-locks" / f"{conversation}.lock"
    if not lock.exists():
        return []
    pids = (int(entry.name) for entry in proc.iterdir() if entry.name.isdigit())
    return [pid for pid in pids if str(lock) in _files_of(pid, proc)]


def _open_files(pid: int, proc: Path) -> Iterator[str]:
    for process in (pid, *_children(pid, proc)):
        yield from _files_of(process, proc)


def _files_of(pid: int, proc: Path) -> Iterator[str]:
    folder = proc / str(pid) / "fd"
    try:
        names = os.listdir(folder)  # noqa: PTH208 -- names alone, twenty times a second
    except OSError:
        return
    for name in names:
        try:
            yield os.readlink(folder / name)  # noqa: PTH115 -- the text of the link is what counts
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
