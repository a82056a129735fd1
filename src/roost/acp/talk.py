"""What an agent says and does in a turn, for the record: texts as a whole, tools once they have ended."""

from collections.abc import Mapping
from typing import Any, cast

from roost.acp.record import Record
from roost.acp.updates import kind_of, text_of

MOST = 1 << 16
"""Characters of a text, or of what a tool was given or gave, that stand in one line."""
_ENDED = ("completed", "failed")


class Talk:
    """Puts the pieces together. A record that cannot be written now does without them."""

    def __init__(self, record: Record) -> None:
        """Nothing was said."""
        self._record = record
        self._text = ""
        self._tools: dict[str, dict[str, Any]] = {}

    def take(self, update: Mapping[str, Any]) -> None:
        """Take one update."""
        kind = kind_of(update)
        if kind == "agent_message_chunk":
            self._text += text_of(update.get("content"))
            if len(self._text) >= MOST:
                self._said()
        elif kind in ("tool_call", "tool_call_update"):
            self._said()
            self._tool(update)
        elif kind == "agent_thought_chunk":
            self._said()

    def end(self) -> None:
        """The turn is over."""
        self._said()
        for key in list(self._tools):
            self._done(key)

    def _said(self) -> None:
        if self._text:
            self._record.note_now("said", text=self._text)
            self._text = ""

    def _tool(self, update: Mapping[str, Any]) -> None:
        key = str(update.get("toolCallId", ""))
        known = self._tools.setdefault(
            key, {"title": "a tool", "input": None, "output": None, "status": None}
        )
        if isinstance(title := update.get("title"), str) and title:
            known["title"] = title
        if given := update.get("rawInput"):
            known["input"] = _cut(given)
        if output := _output(update):
            known["output"] = output[:MOST]
        known["status"] = update.get("status") or known["status"]
        if known["status"] in _ENDED:
            self._done(key)

    def _done(self, key: str) -> None:
        self._record.note_now("tool", id=key, **self._tools.pop(key))


def _cut(given: object) -> object:
    """What a tool was given, no text in it longer than what is kept."""
    if isinstance(given, str):
        return given[:MOST]
    if isinstance(given, dict):
        return {name: _cut(value) for name, value in cast("dict[str, object]", given).items()}
    if isinstance(given, list):
        return [_cut(value) for value in cast("list[object]", given)]
    return given


def _output(update: Mapping[str, Any]) -> str:
    """What a tool gave, as text: its contents, else the raw output where that is a text."""
    contents: object = update.get("content")
    texts: list[str] = []
    for each in cast("list[object]", contents) if isinstance(contents, list) else ():
        known = cast("dict[str, Any]", each) if isinstance(each, dict) else {}
        texts.append(
            text_of(known.get("content")) if known.get("type") == "content" else f"[{known.get('type')}]"
        )
    raw: object = update.get("rawOutput")
    return "\n".join(text for text in texts if text) or (raw if isinstance(raw, str) else "")
