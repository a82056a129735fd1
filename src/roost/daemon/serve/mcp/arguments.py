"""What models write as arguments of our tools: taken as meant where no doubt is possible, else refused."""

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, cast

from roost.errors import UsageError

_ID = re.compile(r"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_PREFIX = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{8,31}(?![0-9A-Za-z])")
_NOTHING = frozenset({"", "null", "none", "undefined", "n/a"})
_AROUND = " \t\r\n'\"`<>[]"
_QUOTES = f"{_AROUND}@"
_MEANT = {
    "in_reply_to": "reply_to",
    "replyto": "reply_to",
    "message_id": "reply_to",
    "thread": "topic",
    "subject": "topic",
    "recipient": "to",
    "peer": "to",
    "name": "to",
    "message": "body",
    "text": "body",
    "content": "body",
    "files": "attachments",
    "attachment": "attachments",
    "message_summary": "summary",
}
"""What is often written in the place of an argument of ours."""
_TEXTS = (
    "to",
    "body",
    "topic",
    "thread",
    "reply_to",
    "key",
    "summary",
    "quote",
    "peer",
    "what",
    "id",
    "file",
)


def understood(
    tool: str, given: Mapping[str, Any], known: Sequence[str], needed: Sequence[str]
) -> dict[str, Any]:
    """The arguments as they are meant. Raises UsageError, in words for a model, when that is in doubt."""
    for name in given:
        if name not in known:
            raise UsageError(_unknown(tool, name, known))
    meant = {name: value for name, value in given.items() if name in needed or not _absent(value)}
    for name in needed:
        if meant.get(name) is None:
            raise UsageError(f"{tool} needs {' and '.join(needed)}; {name} is missing")
    for name in _TEXTS:
        if name in meant and not isinstance(meant[name], str):
            raise UsageError(f"{name} is text, and what was given is not; write it as a string")
    for name, clean in _CLEANED.items():
        if name in meant:
            meant[name] = clean(meant[name])
    return meant


def quoted_id(text: str) -> str:
    """The message id in what it is quoted in, as `[id]` or `message id`; the text itself where none is."""
    for pattern in (_ID, _PREFIX):
        found = set(pattern.findall(text.lower()))
        if len(found) == 1:
            return found.pop()
    return text.strip(_QUOTES)


def _absent(value: object) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in _NOTHING
    return value is None or (isinstance(value, list | dict) and not value)


def _paths(value: object) -> list[str]:
    paths = [value] if isinstance(value, str) else value
    if not isinstance(paths, list) or not all(isinstance(each, str) for each in cast("list[object]", paths)):
        raise UsageError("attachments is a list of absolute paths of files")
    return [each.strip() for each in cast("list[str]", paths) if each.strip()]


def _recipient(word: str) -> str:
    """One recipient without its quotes; `@` stays where it begins the name, as that of a group."""
    name = word.strip(_QUOTES).lower()
    return f"@{name}" if word.lstrip(_AROUND).startswith("@") else name


_CLEANED: Mapping[str, Callable[[Any], Any]] = {
    "to": lambda to: ",".join(map(_recipient, to.split(","))),
    "peer": lambda peer: peer.strip(_QUOTES).lower(),
    "file": lambda file: file.strip(_AROUND),
    "what": lambda what: what.strip(_QUOTES).lower(),
    "id": quoted_id,
    "topic": lambda topic: " ".join(topic.split()),  # it stands in one line of the message
    "thread": lambda thread: " ".join(thread.split()),
    "reply_to": quoted_id,
    "attachments": _paths,
}
"""What is meant by an argument."""


def _unknown(tool: str, name: str, known: Sequence[str]) -> str:
    meant = _MEANT.get(name.lower().replace("-", "_"))
    close = [meant] if meant in known else get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    takes = f"it takes {', '.join(known)}" if known else "it takes no arguments"
    return f"{tool} has no argument {name}; {takes}{hint}. Nothing was done."


_SAID = (
    ("see `roost messages`", "its id stands in the first line of the message that you answer"),
    ("send it as a file with --attach", "write it to a file and name that in attachments"),
    ("see `roost list`", "list_peers shows all"),
    ("leave --reply-to out", "leave reply_to out"),
)


def in_words_of_tools(message: str) -> str:
    """An error without commands that only a person may run."""
    for theirs, ours in _SAID:
        message = message.replace(theirs, ours)
    parts = message.split("; ")
    kept = [part for part in parts if "`roost " not in part and " --" not in part]
    return "; ".join(kept) or parts[0]
