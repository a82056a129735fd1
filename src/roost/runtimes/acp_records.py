"""The records that the clients of a runtime's ACP agents keep: `<conversation>/<session>.jsonl`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from roost.acp.folder import folder_name
from roost.runtimes.context import Context
from roost.runtimes.lines import records


def record_of(shared: Path, conversation: str, session: str) -> Path:
    """Where the record of a session lies."""
    return shared / folder_name(conversation) / f"{session}.jsonl"


def records_of(context: Context) -> Sequence[Path]:
    """Blocking: the records of the session's conversation, the one that goes on last.

    Where the agent has shown what the conversation held when this session loaded it, the records before that
    prove nothing more: an agent that is killed may forget what it had read.
    """
    found = all_records_of(context)
    own = found[0].with_name(f"{context.session.id}.jsonl") if found else None
    if own is not None and own in found and opening(own).get("replayed"):
        return found[found.index(own) :]
    return found


def all_records_of(context: Context) -> Sequence[Path]:
    """Blocking: the records of all sessions with the conversation, the one that goes on last."""
    conversation = context.session.conversation
    if conversation is None:
        return ()
    return sorted((context.shared / folder_name(conversation)).glob("*.jsonl"), key=_changed)


def loadable(record: Path) -> bool:
    """Blocking: whether, by what its agent has said, the conversation of a record can be loaded."""
    return opening(record).get("loads") is True


def conversation_of(record: Path) -> str:
    """The conversation that a record is of."""
    return unquote(record.parent.name)


def opening(record: Path) -> dict[str, Any]:
    """Blocking: the first line of a record; empty where there is none."""
    try:
        with record.open("rb") as file:
            return next(records([file.readline()]), dict[str, Any]())
    except OSError:
        return {}


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
