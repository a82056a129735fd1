"""What an agent tells of its turn, as text for people. Pure."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

THEIRS = "< "
THOUGHT = "~ "
OURS = "> "
TOOL = "* "
PLAN = "- "
NOTE = "  "
TROUBLE = "! "
"""How the first row of each kind of text begins."""

_SIGNS = {"agent_message_chunk", "agent_thought_chunk", "tool_call", "tool_call_update", "plan"}
_PLAN_MARKS = {"completed": "[x]", "in_progress": "[>]"}
_STREAMS = {"agent_message_chunk": THEIRS, "agent_thought_chunk": THOUGHT}
_LONGEST_LINE = 400
_LONGEST_DETAIL = 16_000


class Piece(NamedTuple):
    """Text for the screen. `streams`: it goes on where the last one of its kind stopped."""

    mark: str
    text: str
    streams: bool = False


def kind_of(update: Mapping[str, Any]) -> str:
    """Which update it is; "" for one that does not say."""
    kind = update.get("sessionUpdate")
    return kind if isinstance(kind, str) else ""


def is_answer(update: Mapping[str, Any]) -> bool:
    """Whether it shows that the model has said or done something."""
    return kind_of(update) in _SIGNS


def text_of(content: object) -> str:
    """The text of a content block; what is no text by its kind."""
    if not isinstance(content, dict):
        return ""
    block = cast("dict[str, Any]", content)
    match block.get("type"):
        case "text":
            return str(block.get("text", ""))
        case "resource_link":
            return f"[{block.get('name') or block.get('uri') or 'link'}]"
        case kind:
            return f"[{kind}]" if kind else ""


def commands_in(update: Mapping[str, Any]) -> list[str]:
    """The names of the slash commands that the agent announces."""
    return [str(each.get("name", "")) for each in _objects(update.get("availableCommands"))]


def permission_text(params: Mapping[str, Any]) -> str:
    """What a permission is asked for, in one line."""
    call = params.get("toolCall")
    given = cast("dict[str, Any]", call) if isinstance(call, dict) else {}
    title = _line(given.get("title")) or _line(given.get("kind")) or "something that needs permission"
    raw = given.get("rawInput")
    command = _line(cast("dict[str, Any]", raw).get("command")) if isinstance(raw, dict) else ""
    return f"{title}: {command}" if command and command not in title else title


def permission_detail(params: Mapping[str, Any]) -> tuple[str, str, str]:
    """What a permission is asked for in all its words, the kind of its tool, and the command, if any."""
    call = params.get("toolCall")
    given = cast("dict[str, Any]", call) if isinstance(call, dict) else {}
    found = given.get("rawInput")
    raw = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    command = str(raw.get("command") or "") if isinstance(raw.get("command"), str) else ""
    title = str(given.get("title") or given.get("kind") or "something that needs permission")
    if command and command not in title:
        title = f"{title}: {command}"
    rest = {name: value for name, value in raw.items() if value not in (None, "", command)}
    more = json.dumps(rest, ensure_ascii=False) if rest else ""
    return (f"{title}\n{more}" if more else title)[:_LONGEST_DETAIL], str(given.get("kind") or ""), command


class Reader:
    """Turns updates into pieces; it remembers what the tools of a turn are called."""

    def __init__(self) -> None:
        """No tool is known yet."""
        self._titles: dict[str, str] = {}

    def forget(self) -> None:
        """The turn is over."""
        self._titles.clear()

    def read(self, update: Mapping[str, Any]) -> list[Piece]:
        """What is to be shown of it; nothing of what is not known."""
        kind = kind_of(update)
        if kind in _STREAMS:
            return [Piece(_STREAMS[kind], text_of(update.get("content")), streams=True)]
        if kind == "user_message_chunk":
            return [Piece(OURS, text_of(update.get("content")), streams=True)]
        if kind == "tool_call":
            return [Piece(TOOL, self._title(update))]
        if kind == "tool_call_update":
            return self._progress(update)
        if kind == "plan":
            return [Piece(PLAN, _entry(entry)) for entry in _objects(update.get("entries"))]
        if kind == "current_mode_update":
            return [Piece(NOTE, f"mode: {_line(update.get('currentModeId'))}")]
        return []

    def _title(self, update: Mapping[str, Any]) -> str:
        identity = str(update.get("toolCallId", ""))
        title = (
            _line(update.get("title")) or self._titles.get(identity) or _line(update.get("kind")) or "a tool"
        )
        self._titles[identity] = title
        return title

    def _progress(self, update: Mapping[str, Any]) -> list[Piece]:
        before = self._titles.get(str(update.get("toolCallId", "")))
        title, status = self._title(update), update.get("status")
        if status in ("completed", "failed"):
            return [Piece(TOOL, f"{title}: {status}")]
        return [Piece(TOOL, title)] if title != before else []


def _entry(entry: Mapping[str, Any]) -> str:
    return f"{_PLAN_MARKS.get(str(entry.get('status')), '[ ]')} {_line(entry.get('content'))}"


def _objects(value: object) -> Sequence[Mapping[str, Any]]:
    if not isinstance(value, list):
        return ()
    return [cast("dict[str, Any]", each) for each in cast("list[object]", value) if isinstance(each, dict)]


def _line(value: object) -> str:
    """A text in one line."""
    return " ".join(value.split())[:_LONGEST_LINE] if isinstance(value, str) else ""
