"""Turns of Gemini CLI's records (0.61.0): `tmp/PROJECT/chats/session-TIME-ID.jsonl`.

A message is told again under its id when there is more to it. A conversation that is gone on with is
written there once more, from its context on, before a `$set` of its messages: nothing new was said.
"""

from collections.abc import Mapping
from typing import Any

from roost.runtimes import gemini_chats
from roost.runtimes.lines import text_of
from roost.runtimes.turns.entry import block, blocks, time_in
from roost.runtimes.turns.record import Entry
from roost.runtimes.turns.turn import Turns
from roost.runtimes.turns.usage import of_gemini


class GeminiReader:
    """Reads one record."""

    def __init__(self) -> None:
        """Nothing was read."""
        self._replayed = False
        self._summary: str | None = None

    def read(self, entry: Entry, turns: Turns) -> None:
        """Take the next line."""
        messages = gemini_chats.messages_set(entry)
        if messages is not None:
            self._replayed = False
            summary = gemini_chats.summary_in(messages)
            if summary is not None and summary != self._summary:
                turns.note(
                    f"the conversation was compacted:\n{summary}",
                    time_in(block(entry["$set"]), "lastUpdated"),
                )
            self._summary = summary
        elif "$rewindTo" in entry:
            turns.note("a person went back to an earlier message")
        elif not self._replayed:
            self._message(entry, turns)

    def _message(self, entry: Entry, turns: Turns) -> None:
        at, content = time_in(entry, "timestamp"), entry.get("content")
        text = text_of(content)
        match entry.get("type"):
            case "user" if text.startswith(gemini_chats.CONTEXT):
                self._replayed = True
            case "user":
                if not any("functionResponse" in part for part in blocks(content)):
                    turns.prompt(text, at)
            case "gemini":
                key = str(entry.get("id"))
                turns.replace(text, at, key)
                if "tokens" in entry:
                    turns.usage.answer(key, of_gemini(block(entry.get("tokens"))))
                for call in blocks(entry.get("toolCalls")):
                    _tool(call, turns, at, key)
            case "info" | "warning" | "error":
                turns.note(text, at)
            case _:
                pass


def _tool(call: Mapping[str, Any], turns: Turns, at: str | None, key: str) -> None:
    name = str(call.get("id"))
    turns.call(str(call.get("name")), name, call.get("args"), at, key)
    answers = [
        block(block(part.get("functionResponse")).get("response")) for part in blocks(call.get("result"))
    ]
    if answers:
        failed = call.get("status") in ("error", "cancelled")
        turns.result(
            name, "\n".join(str(a.get("output", a.get("error", ""))) for a in answers), failed=failed
        )
