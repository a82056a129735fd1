"""Where Gemini CLI keeps the record of a conversation: `tmp/PROJECT/chats/session-TIME-ID.jsonl` (0.61.0).

PROJECT is a short name that the program gives to the folder, ID the first eight digits of the conversation's;
the first line holds all of it. Lines are only appended: messages, each with an id of its own, and `$set` with
what has changed. A `$set` of `messages` says all that the conversation holds from then on. A file is made at
the start, and removed at the end where it holds no prompt. A resumed conversation goes on in its file, see
`gemini_resume`. A helper's record lies in a folder below and is none of a person's conversation.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from roost.runtimes.gemini_home import gemini_folder
from roost.runtimes.lines import changed_since, records, text_of, time_of

CONTEXT = "<session_context>"
"""How the first message of each conversation begins, which its program makes."""
_COMPACTED = "Got it. Thanks for the additional context!"
"""What its program has its model say to the summary that a compaction has left."""
_HEAD = 1 << 16


def find_chat(environ: Mapping[str, str], conversation: str) -> Path | None:
    """Blocking: the record of a conversation; None: there is none. Raises OSError.

    Of several it is the latest one that can be gone on with; a resume that was cut off leaves an empty one.
    """
    folder = gemini_folder(environ) / "tmp"
    latest = changed_since(folder.glob(f"*/chats/session-*-{conversation[:8]}.jsonl"), 0.0)
    found = [path for path in latest if conversation_in(path) == conversation]
    found += folder.glob(f"*/chats/{_kept(conversation)}")
    if not found[1:]:
        return next(iter(found), None)
    return next((path for path in found if holds_a_turn(path)), found[0])


def kept_beside(chat: Path, conversation: str) -> Path:
    """Where a record is kept while it is loaded: no program takes that for one."""
    return chat.with_name(_kept(conversation))


def _kept(conversation: str) -> str:
    return f"kept-{conversation}.jsonl"


def chats_beside(chat: Path, since: float) -> list[Path]:
    """Blocking: the records of a project that were written since (Unix seconds), the latest first."""
    return changed_since(chat.parent.glob("session-*.jsonl"), since)


def written_since(environ: Mapping[str, str], since: float) -> list[Path]:
    """Blocking: the records of all conversations that were written since (Unix seconds), the latest first.

    Raises OSError for a folder that cannot be listed: what is in it is not known.
    """
    return changed_since(_all(gemini_folder(environ) / "tmp"), since)


def _all(folder: Path) -> Iterator[Path]:
    for project in folder.iterdir() if folder.exists() else ():
        chats = project / "chats"
        if chats.is_dir():
            yield from (path for path in chats.iterdir() if path.match("session-*.jsonl"))


def conversation_in(path: Path) -> str | None:
    """Blocking: the id in the first line of a record; None where that cannot be read."""
    try:
        with path.open("rb") as file:
            first = next(records([file.readline(_HEAD)]), None)
    except OSError:
        return None
    conversation = first.get("sessionId") if first is not None else None
    return conversation if isinstance(conversation, str) else None


def begun_anew(path: Path, since: float) -> float | None:
    """Blocking: when a conversation began with nothing (Unix seconds), be that `since` or later.

    None: it is older, as one that was resumed, or holds what is, or that is not known.
    """
    try:
        with path.open("rb") as file:
            lines = list(records(list(file)))
    except OSError:
        return None
    at = time_of(lines[0], "startTime") if lines else 0.0
    held = [each for line in lines for each in (messages_set(line) or [line]) if "type" in each]
    older = any(time_of(each, "timestamp") < at for each in held)
    return at if at and at >= since and not older else None


def holds_a_turn(path: Path) -> bool:
    """Blocking: whether the conversation can be gone on with: its program leaves at once on an empty one.

    Raises OSError.
    """
    held: dict[str, bool] = {}
    with path.open("rb") as file:
        for record in records(list(file)):
            _apply(record, held)
    return any(held.values())


def _apply(record: Mapping[str, Any], held: dict[str, bool]) -> None:
    """Note what a line does to the messages that the conversation holds."""
    messages = messages_set(record)
    if messages is not None:
        held.clear()
        for message in messages:
            _apply(message, held)
    elif isinstance(back := record.get("$rewindTo"), str):
        ids = list(held)
        for left in ids[ids.index(back) if back in ids else 0 :]:
            del held[left]
    elif isinstance(record.get("id"), str):
        held[str(record["id"])] = _counts(record)


def messages_set(record: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The messages that the conversation holds from this line on; None for a line that does not say so."""
    changed: object = record.get("$set")
    messages = cast("dict[str, object]", changed).get("messages") if isinstance(changed, dict) else None
    if not isinstance(messages, list):
        return None
    found = cast("list[object]", messages)
    return [cast("dict[str, Any]", message) for message in found if isinstance(message, dict)]


def summary_in(messages: Sequence[Mapping[str, Any]]) -> str | None:
    """The summary that stands in the place of what was compacted; None where nothing was."""
    texts = [text_of(message.get("content")) for message in messages]
    return next((before for before, text in pairwise(texts) if text == _COMPACTED), None)


def _counts(message: Mapping[str, Any]) -> bool:
    """Whether a message is one that a conversation can be gone on with."""
    text = text_of(message.get("content")).strip()
    if message.get("type") == "user":
        return bool(text) and not text.startswith((CONTEXT, "<hook_context>", "/", "?"))
    return message.get("type") == "gemini" and bool(text or message.get("toolCalls"))
