"""Turns of what OpenCode keeps in its store (1.18.33): messages, each with its parts.

A message that has changed is given again, under its id, an answer also after the prompts behind it.
"""

from collections import deque
from datetime import UTC, datetime
from typing import Any

from roost.runtimes.opencode_lines import error_of, text_of
from roost.runtimes.turns.entry import block, blocks
from roost.runtimes.turns.record import Entry
from roost.runtimes.turns.turn import Turns
from roost.runtimes.turns.usage import of_opencode

_KNOWN = 256
"""Messages that are remembered: one of them is nothing new, unless it is the latest, or the latest answer."""


class OpencodeReader:
    """Reads the messages of one conversation."""

    def __init__(self) -> None:
        """Nothing was read."""
        self._known = deque[str](maxlen=_KNOWN)
        self._failed = ""

    def read(self, entry: Entry, turns: Turns) -> None:
        """Take the next message."""
        info, parts = block(entry.get("info")), blocks(entry.get("parts"))
        key, at = str(info.get("id")), _time(block(info.get("time")).get("created"))
        if key in self._known and (info.get("role") == "user" or not turns.grows(key)):
            return
        self._known.append(key)
        if info.get("role") == "user":
            turns.prompt(text_of(parts), at, key)
        elif info.get("role") == "assistant":
            texts = [str(part.get("text", "")) for part in parts if part.get("type") == "text"]
            turns.replace("\n".join(text for text in texts if text), at, key)
            if "tokens" in info:
                turns.usage.answer(key, of_opencode(block(info.get("tokens"))))
            for part in parts:
                if part.get("type") == "tool":
                    _tool(part, turns, at, key)
            error = error_of(info.get("error"))
            if error is not None and key != self._failed:
                self._failed = key
                turns.note(f"the turn failed: {error['name']} {error['message']}".rstrip(), at)


def _tool(part: dict[str, Any], turns: Turns, at: str | None, key: str) -> None:
    state, name = block(part.get("state")), str(part.get("callID") or part.get("id"))
    turns.call(str(part.get("tool")), name, state.get("input"), at, key)
    if state.get("status") in ("completed", "error"):
        failed = state.get("status") == "error"
        turns.result(name, state.get("error") if failed else state.get("output"), failed=failed)


def _time(milliseconds: object) -> str | None:
    if not isinstance(milliseconds, int | float):
        return None
    return (
        datetime.fromtimestamp(milliseconds / 1000, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
