"""The lines that tell of one OpenCode conversation, made of what its API or its store holds. Pure.

OpenCode 1.18.33: a conversation is a list of messages in the order of their times. A turn begins with a
prompt, and each step of it is a message of the assistant that names the latest prompt of that moment as its
parent; what was entered meanwhile joins with the next step. The turn ends with a step that calls no tool (its
`finish`), failed (its `error`) or was broken off (neither).
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

Message = tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]
"""What stands of a message, and its parts."""
ABORTED = "MessageAbortedError"
"""The error of a step that somebody broke off."""
_GOES_ON = frozenset({"tool-calls", "unknown"})
"""Values of `finish` after which another step of the same turn follows."""


def line(kind: str, **facts: object) -> bytes:
    """One line."""
    return json.dumps({"type": kind, **facts}, ensure_ascii=False).encode()


def user(info: Mapping[str, Any], text: str) -> bytes:
    """A prompt."""
    return line("user", id=info.get("id"), at=_seconds(info, "created"), text=text)


def assistant(info: Mapping[str, Any]) -> bytes:
    """A step of a turn. `over`: when it ended; None while it runs."""
    return line(
        "assistant",
        id=info.get("id"),
        parent=info.get("parentID"),
        at=_seconds(info, "created"),
        over=_seconds(info, "completed"),
        finish=info.get("finish"),
        error=error_of(info.get("error")),
        summary=info.get("summary") is True,
    )


def error_of(error: object) -> Mapping[str, object] | None:
    """What is told of an error: its name, its words, the status that the model's service answered with."""
    if not isinstance(error, dict):
        return None
    known = cast("dict[str, object]", error)
    data = known.get("data")
    about = cast("dict[str, object]", data) if isinstance(data, dict) else {}
    return {
        "name": str(known.get("name")),
        "message": str(about.get("message", "")),
        "status": about.get("statusCode"),
    }


def text_of(parts: Iterable[Mapping[str, Any]]) -> str:
    """What a person or roost entered; what the program adds of its own is left out."""
    entered = (part for part in parts if part.get("type") == "text" and not part.get("synthetic"))
    return "\n".join(str(part.get("text", "")) for part in entered)


def conversation(messages: Iterable[Message]) -> Iterator[bytes]:
    """The lines of messages in their order, with the ends of the turns that others follow."""
    last: Mapping[str, Any] | None = None
    for info, parts in messages:
        if info.get("role") == "assistant":
            last = info
            yield assistant(info)
        elif info.get("role") == "user":
            if last is not None and _ended(last) and _begins_after(info, last):
                yield rest(last)
            yield user(info, text_of(parts))


def closing(messages: Sequence[Message]) -> Iterator[bytes]:
    """The end of what is written: of its last turn, too, if that has ended."""
    if messages and messages[-1][0].get("role") == "assistant" and _ended(messages[-1][0]):
        yield rest(messages[-1][0])
    yield line("end")


def left_over(messages: Sequence[Message]) -> Mapping[str, Any] | None:
    """The latest prompt, as it was given, if the turn that it waited for was broken off; else None."""
    steps = [info for info, _ in messages if info.get("role") == "assistant"]
    if not steps or not _broken(steps[-1]):
        return None
    info, parts = messages[-1]
    if info.get("role") != "user":
        return None
    texts = [part for part in parts if part.get("type") == "text"]
    kept = [{name: part.get(name) for name in ("id", "type", "text")} for part in texts]
    return {"messageID": info.get("id"), "parts": kept} if kept else None


def _broken(step: Mapping[str, Any]) -> bool:
    error = error_of(step.get("error"))
    if error is not None:
        return error["name"] == ABORTED
    return _seconds(step, "completed") is not None and step.get("finish") is None


def rest(after: Mapping[str, Any]) -> bytes:
    """Its turn ended after this step."""
    return line("rest", after=after.get("id"))


def _ended(step: Mapping[str, Any]) -> bool:
    return _seconds(step, "completed") is not None and (
        step.get("error") is not None or step.get("finish") not in _GOES_ON
    )


def _begins_after(prompt: Mapping[str, Any], step: Mapping[str, Any]) -> bool:
    return (_seconds(prompt, "created") or 0.0) >= (_seconds(step, "completed") or 0.0)


def _seconds(info: Mapping[str, Any], name: str) -> float | None:
    """A time of a message as Unix seconds; None when there is none."""
    time = info.get("time")
    value = cast("dict[str, object]", time).get(name) if isinstance(time, dict) else None
    return value / 1000.0 if isinstance(value, int | float) else None
