"""Turns of the records that the client of an ACP agent keeps: see `roost.acp.record`."""

from roost.runtimes.turns.entry import time_in
from roost.runtimes.turns.record import Entry
from roost.runtimes.turns.turn import Turns


class AcpReader:
    """Reads the records of one conversation."""

    def __init__(self) -> None:
        """Nothing was read."""
        self._begun = False

    def read(self, entry: Entry, turns: Turns) -> None:
        """Take the next line. What an agent shows of its past was read already, but for the first record."""
        at = time_in(entry, "at")
        match entry.get("type"):
            case "prompt":
                self._begun = True
                turns.prompt(str(entry.get("text", "")), at)
            case "replayed" if not self._begun:
                turns.prompt(str(entry.get("text", "")), None)
            case "said":
                turns.say(str(entry.get("text", "")), at)
            case "tool":
                key = str(entry.get("id"))
                turns.call(str(entry.get("title")), key, entry.get("input"), at)
                if entry.get("status") in ("completed", "failed"):
                    turns.result(key, entry.get("output"), failed=entry.get("status") == "failed")
            case "turn_end" if entry.get("failed"):
                turns.note(f"the turn failed: {entry['failed']}", at)
            case "turn_end" if entry.get("stop") == "cancelled":
                turns.note("the turn was interrupted", at)
            case "compacted":
                turns.note("the conversation was compacted", at)
            case _:
                pass
