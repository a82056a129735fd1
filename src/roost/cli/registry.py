"""The registry as a table."""

from roost.cli.app import App
from roost.cli.output import age, one_line, say, show_json
from roost.cli.table import table
from roost.client.connection import DOWN, Record
from roost.client.order import place

_ID = 16
_URGENT = frozenset({"blocked", "unknown", "quarantined"})
"""States that need a person: their reasons are shown whole."""
_MARKS = {
    "own-terminal": " (own)",
    "joined": " (joined)",
    "joined-reader": " (joined, reads itself)",
}
_LAST = "its last session "
"""How the reasons of most peers that rest begin; in a column of such reasons it only takes room."""
_USED = (", last used ", ", not used yet")
"""How the reason of a mailbox ends; SINCE says it too."""


def show(app: App, *, everywhere: bool) -> None:
    """Print all peers; `everywhere`: those of other hosts, too."""
    asked: Record = {"mail": not app.json, "from": app.sender, **({"all": True} if everywhere else {})}
    rows: list[Record] = app.call_or_read("list", asked)
    if app.json:
        show_json(rows)
    elif not rows:
        say("no peers yet; `roost add NAME --runtime R` makes one")
    else:
        show_rows(rows)


def show_rows(rows: list[Record]) -> None:
    """Print peers as a table: those first that need a person, then those that work."""
    rows = sorted(rows, key=place)
    table(
        ("NAME", "RUNTIME", "STATE", "SINCE", "QUEUED", "WHY"),
        (
            (row["name"], _runtime(row), row["state"], age(row["since"]), row["queued"] or "", reason(row))
            for row in rows
        ),
        state="STATE",
        spare=("RUNTIME", "QUEUED", "SINCE"),
        whole=sum(row["state"] in _URGENT and not _unwatched(row) for row in rows),
    )


def _runtime(row: Record) -> str:
    """The program, and that it is in a person's own terminal, or has joined from there."""
    mark = _MARKS.get(str(row.get("kind")), "")
    return f"{row['runtime']}{mark}"


def reason(row: Record) -> str:
    """The reason; of a peer in a turn, what the turn is about."""
    turn: Record | None = row.get("turn")
    if turn is None:
        return _without(str(row["why"]))
    joined = f" and {turn['joined']} more" if turn.get("joined") else ""
    about = f", \u201c{one_line(turn['topic'])}\u201d" if turn.get("topic") else ""
    doing = f"from {turn['from']}, {age(turn['since'])}{about}, {str(turn['message'])[:_ID]}{joined}"
    return doing if row["state"] == "working" else f"{_without(row['why'])} ({doing})"


def _unwatched(row: Record) -> bool:
    """Whether nobody knows what it does, as of all while the daemon is down."""
    return str(row["why"]).startswith(DOWN)


def _without(why: str) -> str:
    """The reason without what is said of all, or in another column."""
    for end in _USED:
        why = why.partition(end)[0]
    return why.removeprefix(f"{DOWN}; ").removeprefix(_LAST)
