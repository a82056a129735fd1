"""What stands in the table: the cells of each peer, which of them are shown, and in which order."""

from collections.abc import Iterable, Sequence

from rich.text import Text

from roost.cli.output import age, cells, clip, one_line
from roost.cli.registry import reason
from roost.client.connection import Record
from roost.client.order import place

COLUMNS = ("NAME", "STATE", "SINCE", "QUEUED", "WHY")
FEW = ("NAME", "STATE", "WHY")
"""The columns of a narrow terminal."""
NARROW = 60
"""Columns of a terminal that has no room for all."""
PADDING = 2
"""Columns around each cell."""
STYLES = {
    "idle": "green",
    "working": "cyan",
    "starting": "cyan",
    "blocked": "bold yellow",
    "unknown": "yellow",
    "quarantined": "bold red",
}
"""Of states; what rests is dim."""
ORDERS = ("state", "name", "queue", "since", "host")
"""What the rows can be sorted by."""


def columns(width: int) -> tuple[str, ...]:
    """The columns that are shown in so many of a terminal."""
    return COLUMNS if width >= NARROW else FEW


def lines(rows: Sequence[Record], width: int) -> list[tuple[str, ...]]:
    """The cells of these rows of `list`, no wider together than the terminal: the reason is cut."""
    shown = columns(width)
    found = [_cells(row, shown, width // 3) for row in rows]
    taken = [max(map(cells, column)) for column in zip(shown, *found, strict=True)]
    room = max(width - sum(taken[:-1]) - PADDING * len(shown), len(shown[-1]))
    return [(*line[:-1], clip(line[-1], room)) for line in found]


def _cells(row: Record, shown: tuple[str, ...], longest: int) -> tuple[str, ...]:
    all_of_it = {
        "NAME": clip(one_line(row["name"]), longest),
        "STATE": one_line(row["state"]),
        "SINCE": age(row["since"]),
        "QUEUED": str(row["queued"] or ""),
        "WHY": one_line(reason(row)),
    }
    return tuple(all_of_it[name] for name in shown)


def painted(column: str, cell: str) -> Text:
    """A cell as it is drawn: what others wrote is never read as markup."""
    return Text(cell, STYLES.get(cell, "dim") if column == "STATE" else "", no_wrap=True)


def arranged(rows: Iterable[Record], wanted: str, order: str) -> list[Record]:
    """The rows that hold all the words that are wanted, in an order."""
    words = wanted.lower().split()
    found = [row for row in rows if all(word in _text(row) for word in words)]
    match order:
        case "name":
            return sorted(found, key=lambda row: str(row["name"]))
        case "host":
            return sorted(found, key=lambda row: ("@" in row["name"], str(row["host"]), place(row)))
        case "queue":
            return sorted(found, key=lambda row: (-int(row["queued"] or 0), place(row)))
        case "since":
            return sorted(found, key=lambda row: str(row["since"]), reverse=True)
        case _:
            return sorted(found, key=place)


def _text(row: Record) -> str:
    return f"{row['name']} {row['state']} {row['runtime']} {row['why']}".lower()
