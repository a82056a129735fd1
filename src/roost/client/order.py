"""The order in which peers are shown: what needs a person, then what works, then what rests."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.client.connection import Record

ORDER = ("blocked", "unknown", "quarantined", "working", "starting", "stopping", "idle", "asleep", "stopped")
"""All states."""


def place(row: Record) -> tuple[int, bool, str]:
    """What a row of `list` is sorted by."""
    state = str(row["state"])
    found = ORDER.index(state) if state in ORDER else len(ORDER)
    return found, row["runtime"] == "human", str(row["name"])
