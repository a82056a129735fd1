"""Turns of the demo agent's conversation files."""

from roost.runtimes.turns.entry import time_in
from roost.runtimes.turns.record import Entry
from roost.runtimes.turns.turn import Turns


class DemoReader:
    """Reads one conversation file."""

    def read(self, entry: Entry, turns: Turns) -> None:
        """Take the next line."""
        text, at = str(entry.get("text", "")), time_in(entry, "at")
        match entry.get("type"):
            case "user":
                turns.prompt(text, at)
            case "assistant":
                turns.say(text, at)
            case "compact":
                turns.note("the conversation was compacted", at)
            case "turn_end" if entry.get("status") != "done":
                turns.note(f"the turn was {entry.get('status')}", at)
            case _:
                pass
