"""Turns of Claude Code's transcripts (2.1.332): `projects/FOLDER/ID.jsonl`.

An answer of the model stands there in a line for each block, all under the id of one message. What a tool
gave is a user's line. A prompt that joined a running turn is an attachment `queued_command`. What its helpers
said is in files of their own, or marked (`isSidechain`).
"""

from typing import Any

from roost.runtimes.turns.entry import block, blocks, time_in
from roost.runtimes.turns.record import Entry
from roost.runtimes.turns.turn import Turns
from roost.runtimes.turns.usage import of_claude

_MAIL = "[roost message "
"""How mail begins that a hook in the background has told; its other notifications are no prompts."""


class ClaudeReader:
    """Reads one transcript."""

    def read(self, entry: Entry, turns: Turns) -> None:
        """Take the next line."""
        if entry.get("isSidechain"):
            return
        at = time_in(entry, "timestamp")
        match entry.get("type"):
            case "user":
                _user(entry, turns, at)
            case "assistant":
                _assistant(entry, turns, at)
            case "attachment":
                found = block(entry.get("attachment"))
                text = _text(blocks(found.get("prompt")))
                given = found.get("commandMode") == "prompt" or _MAIL in text
                if found.get("type") == "queued_command" and given:
                    turns.prompt(text, at)
            case "system" if entry.get("subtype") == "compact_boundary":
                turns.note("the conversation was compacted", at)
            case _:
                pass


def _user(entry: Entry, turns: Turns, at: str | None) -> None:
    found = blocks(block(entry.get("message")).get("content"))
    for each in found:
        if each.get("type") == "tool_result":
            failed = each.get("is_error") is True
            turns.result(str(each.get("tool_use_id")), each.get("content"), failed=failed)
    if entry.get("isCompactSummary"):
        turns.note(_text(found), at)
    elif not entry.get("isMeta") and (text := _text(found)):
        turns.prompt(text, at)


def _assistant(entry: Entry, turns: Turns, at: str | None) -> None:
    message = block(entry.get("message"))
    key = str(message.get("id") or entry.get("uuid") or "")
    if "usage" in message and not entry.get("isApiErrorMessage"):
        turns.usage.answer(key, of_claude(block(message.get("usage"))))
    for each in blocks(message.get("content")):
        if each.get("type") == "text" and entry.get("isApiErrorMessage"):
            turns.note(str(each.get("text", "")), at)
        elif each.get("type") == "text":
            turns.say(str(each.get("text", "")), at, key)
        elif each.get("type") in ("tool_use", "server_tool_use", "mcp_tool_use"):
            turns.call(str(each.get("name")), str(each.get("id")), each.get("input"), at, key)


def _text(found: list[dict[str, Any]]) -> str:
    shown = {"text": "", "image": "[image]", "document": "[document]"}
    kinds = ((str(each.get("type")), each) for each in found)
    return "\n".join(
        str(each.get("text")) if kind == "text" else shown[kind] for kind, each in kinds if kind in shown
    )
