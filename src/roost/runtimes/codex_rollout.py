"""Where Codex keeps the record of a conversation (0.171.0, measured).

A thread begins in `sessions/YYYY/MM/DD/rollout-TIME-ID.jsonl`, made at its first turn. When a person goes
back to an earlier message (Esc Esc Enter), it goes on in `rollout-TIME-ID_ROLLOUT.jsonl`, and the file
before is never written again; ROLLOUT is a UUIDv7, so names tell the order. `/fork`, `/new`, `/clear` and
`/side` begin threads of other ids. With the feature `local_thread_store_compression` (off by default)
rollouts that were not written for long become `.jsonl.zst`, which keeps their time of change; Codex unpacks
the one that it resumes. The id is chosen by Codex. The newest file never counts as proof: see
`codex_threads`.
"""

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

from roost.runtimes.lines import changed_since, records

ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ROLLOUT = re.compile(rf"(?:^|/)rollout-[^/]*?-({ID})(?:_({ID}))?\.jsonl(\.zst)?$")
_FOLDERS = ("sessions", "archived_sessions")
THREAD_VARIABLE = "CODEX_THREAD_ID"
"""By which Codex tells its shell tool in which thread it is."""


def codex_home(environ: Mapping[str, str]) -> Path:
    """Where Codex keeps its files: `$CODEX_HOME`, or `.codex` in the home folder."""
    given = environ.get("CODEX_HOME")
    return Path(given) if given else Path(environ.get("HOME") or Path.home()) / ".codex"


def conversation_in(path: Path) -> str | None:
    """The id of the thread in a rollout's name."""
    match = _ROLLOUT.search(str(path))
    return match[1] if match else None


def order_of(path: Path) -> tuple[str, str]:
    """What sorts the rollouts of one thread: the one without an id of its own is the first."""
    match = _ROLLOUT.search(str(path))
    return ((match[2] or "") if match else "", path.name)


def rollouts_of(home: Path, conversation: str) -> list[Path]:
    """Blocking: a thread's rollouts, packed ones too, the one that goes on last; none before a turn."""
    found = home.glob(f"sessions/*/*/*/rollout-*-{conversation}*.jsonl*")
    return sorted((path for path in found if conversation_in(path) == conversation), key=order_of)


def written_since(home: Path, since: float) -> list[Path]:
    """Blocking: the rollouts of all threads that were written since (Unix seconds), the latest first.

    Raises OSError for a folder that cannot be listed: what is in it is not known.
    """
    return changed_since(_all(home), since)


def _all(home: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for folder in _FOLDERS:
        for root, _, names in os.walk(home / folder, onerror=refuse):
            yield from (Path(root, name) for name in names if _ROLLOUT.search(name))


def begun_anew(home: Path, thread: str, since: float) -> float | None:
    """Blocking: when a person began the thread with nothing in it (Unix seconds), be that `since` or later.

    None: it goes on with another one (`/fork`), is older, or that is not known.
    """
    at, first = time_in(thread), next(iter(rollouts_of(home, thread)), None)
    if at is None or at < since or first is None or not begun_by_a_person(first):
        return None
    about = _about(first)
    return None if about is None or about.get("forked_from_id") or about.get("history_base") else at


def time_in(thread: str) -> float | None:
    """When a thread's id was made (Unix seconds): it is a UUIDv7; None for any other."""
    return (
        int(thread[:8] + thread[9:13], 16) / 1000.0
        if re.fullmatch(ID, thread) and thread[14] == "7"
        else None
    )


def begun_by_a_person(path: Path) -> bool | None:
    """Blocking: whether a person began the thread, as the first line of its rollout says; None: unknown.

    A side conversation says `thread_source` tui_side_chat, an agent's own thread has an object as `source`.
    """
    about = _about(path)
    if about is None:
        return None
    return isinstance(about.get("source"), str) and about.get("thread_source", "user") == "user"


def _about(path: Path) -> Mapping[str, object] | None:
    """What the first line of a rollout says of its thread."""
    try:
        with path.open("rb") as file:
            line = file.readline(1 << 20)
    except OSError:
        return None
    first = next(records([line]), None)
    payload: object = first.get("payload") if first is not None else None
    return cast("dict[str, object]", payload) if isinstance(payload, dict) else None
