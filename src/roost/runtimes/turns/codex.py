"""Turns of Codex's rollouts (0.171.0): `sessions/YYYY/MM/DD/rollout-TIME-ID.jsonl`, also packed.

What was said stands there twice, as an event and as an item of the model's; what tools were given and gave
is whole in the latter alone. Older rollouts tell what was said by `user_message` and `agent_message`.
"""

from typing import Any, cast

from roost.runtimes.turns.entry import block, blocks, time_in
from roost.runtimes.turns.record import Entry, entry_of
from roost.runtimes.turns.turn import Turns
from roost.runtimes.turns.usage import of_codex


class CodexReader:
    """Reads the rollouts of one thread."""

    def read(self, entry: Entry, turns: Turns) -> None:
        """Take the next line."""
        payload, at = block(entry.get("payload")), time_in(entry, "timestamp")
        if entry.get("type") == "event_msg":
            total = block(block(payload.get("info")).get("total_token_usage"))
            if payload.get("type") == "token_count" and total:
                turns.usage.so_far(of_codex(total))
            _event(payload, turns, at)
        elif entry.get("type") == "response_item":
            _item(payload, turns, at)


def _event(payload: dict[str, Any], turns: Turns, at: str | None) -> None:
    match payload.get("type"):
        case "item_completed":
            item = block(payload.get("item"))
            if item.get("type") == "UserMessage":
                turns.prompt(_text(item.get("content")), at)
            elif item.get("type") == "AgentMessage":
                turns.say(_text(item.get("content")), at)
            elif item.get("type") == "ContextCompaction":
                turns.note("the conversation was compacted", at)
        case "user_message":
            turns.prompt(str(payload.get("message", "")), at)
        case "agent_message":
            turns.say(str(payload.get("message", "")), at)
        case "context_compacted":
            turns.note("the conversation was compacted", at)
        case "turn_aborted":
            turns.note("the turn was interrupted", at)
        case "task_complete" if error := block(payload.get("error")):
            turns.note(f"the turn failed: {error.get('message')}", at)
        case _:
            pass


def _item(payload: dict[str, Any], turns: Turns, at: str | None) -> None:
    key = str(payload.get("call_id") or payload.get("id"))
    match payload.get("type"):
        case "function_call" | "custom_tool_call":
            space = payload.get("namespace")
            name = str(payload.get("name"))
            given = payload.get("arguments", payload.get("input"))
            known = entry_of(given) if isinstance(given, str) else None
            turns.call(f"{space}.{name}" if space else name, key, known if known is not None else given, at)
        case "function_call_output" | "custom_tool_call_output":
            output: object = payload.get("output")
            told = block(output)
            turns.result(key, told.get("content", output), failed=told.get("success") is False)
        case "local_shell_call" | "web_search_call":
            action = block(payload.get("action"))
            words: object = action.get("command")
            command = " ".join(map(str, cast("list[object]", words))) if isinstance(words, list) else words
            said = {**action, "command": command}
            turns.call(str(payload.get("type")).removesuffix("_call"), key, said, at)
        case _:
            pass


def _text(content: object) -> str:
    parts = ((str(part.get("type", "")).lower(), part) for part in blocks(content))
    return "\n".join(str(part.get("text", "")) if kind == "text" else f"[{kind}]" for kind, part in parts)
