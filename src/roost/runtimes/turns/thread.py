"""Turns of a thread as its Codex app-server tells them (0.171.0): the items of `thread/turns/list`."""

from collections.abc import Sequence
from datetime import UTC, datetime

from roost.runtimes.turns.entry import block, blocks
from roost.runtimes.turns.record import Entry
from roost.runtimes.turns.turn import Turns


class ThreadRecord:
    """What the server has told, all at once: it is bounded by how many turns are asked for."""

    def __init__(self, where: str, told: Sequence[Entry]) -> None:
        """`told`: its turns, the eldest first."""
        self.where = where
        self.skipped = 0
        self._told = list(told)

    def read(self) -> Sequence[Entry] | None:
        """All of it, once."""
        told, self._told = self._told, []
        return told or None

    def news(self) -> str | None:
        """Nothing."""
        return None

    def close(self) -> None:
        """Nothing is held open."""


class ThreadReader:
    """Reads the turns of one thread."""

    def read(self, entry: Entry, turns: Turns) -> None:
        """Take the next turn of the server's: a prompt, and all that came of it."""
        for item in blocks(entry.get("items")):
            _item(item, turns)
        error = block(entry.get("error"))
        if error:
            turns.note(f"the turn failed: {error.get('message')}", _time(entry.get("completedAt"), 1.0))
        elif entry.get("status") == "interrupted":
            turns.note("the turn was interrupted", _time(entry.get("completedAt"), 1.0))


def _item(item: Entry, turns: Turns) -> None:
    at, key = _time(item.get("startedAtMs"), 1000.0), str(item.get("id"))
    match item.get("type"):
        case "userMessage":
            texts = (str(part.get("text", f"[{part.get('type')}]")) for part in blocks(item.get("content")))
            turns.prompt("\n".join(texts), at)
        case "agentMessage":
            turns.say(str(item.get("text", "")), at)
        case "contextCompaction":
            turns.note("the conversation was compacted", at)
        case "commandExecution":
            turns.call("command", key, {"command": item.get("command"), "cwd": item.get("cwd")}, at)
            if item.get("status") != "inProgress":
                failed = item.get("exitCode") not in (0, None) or item.get("status") == "declined"
                turns.result(key, item.get("aggregatedOutput"), failed=failed)
        case "mcpToolCall":
            turns.call(f"{item.get('server')}.{item.get('tool')}", key, item.get("arguments"), at)
            if item.get("status") != "inProgress":
                gave = item.get("error") or block(item.get("result")).get("content")
                turns.result(key, gave, failed=item.get("error") is not None)
        case "fileChange" | "webSearch":
            turns.call(str(item.get("type")), key, item.get("changes", item.get("query")), at)
        case _:
            pass


def _time(value: object, per_second: float) -> str | None:
    if not isinstance(value, int | float):
        return None
    at = datetime.fromtimestamp(value / per_second, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
