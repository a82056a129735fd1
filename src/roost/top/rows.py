"""What stands in the table: the cells of each peer, which of them are shown, and in which order."""

from collections.abc import Iterable

from rich.text import Text

from roost.cli.output import age, one_line
from roost.cli.registry import reason
from roost.client.connection import Record
from roost.client.order import place

COLUMNS = ("NAME", "STATE", "SINCE", "QUEUED", "WHY")
STYLES = {
    "idle": "green",
    "working": "cyan",
    "starting": "cyan",
    "blocked": "bold yellow",
    "unknown": "yellow",
    "quarantined": "bold red",
}
"""Of states; what rests is dim."""
ORDERS = ("state", "name", "queue", "since")
"""What the rows can be sorted by."""


def cells(row: Record) -> tuple[Text, ...]:
    """The cells of a row of `list`."""
    state = str(row["state"])
    return (
        Text(one_line(row["name"])),
        Text(one_line(state), STYLES.get(state, "dim")),
        Text(age(row["since"])),
        Text(str(row["queued"] or ""), justify="right"),
        Text(one_line(reason(row)), no_wrap=True, overflow="ellipsis"),
    )


def arranged(rows: Iterable[Record], wanted: str, order: str) -> list[Record]:
    """The rows that hold all the words that are wanted, in an order."""
    words = wanted.lower().split()
    found = [row for row in rows if all(word in _text(row) for word in words)]
    match order:
        case "name":
            return sorted(found, key=lambda row: str(row["name"]))
        case "queue":
            return sorted(found, key=lambda row: (-int(row["queued"] or 0), place(row)))
        case "since":
            return sorted(found, key=lambda row: (str(row["since"]), place(row)), reverse=True)
        case _:
            return sorted(found, key=place)


def _text(row: Record) -> str:
    return f"{row['name']} {row['state']} {row['runtime']} {row['why']}".lower()
