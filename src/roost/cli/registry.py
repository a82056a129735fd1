"""The registry as a table."""

from roost.cli.app import App
from roost.cli.client import Record
from roost.cli.output import age, say, show_json, table


def show(app: App) -> None:
    """Print all peers."""
    rows: list[Record] = app.call_or_read("list")
    if app.json:
        show_json(rows)
    elif not rows:
        say("no peers yet; `roost add NAME --runtime R` makes one")
    else:
        show_rows(rows)


def show_rows(rows: list[Record]) -> None:
    """Print peers as a table."""
    table(
        ("NAME", "RUNTIME", "STATE", "SINCE", "QUEUED", "WHY"),
        (
            (row["name"], row["runtime"], row["state"], age(row["since"]), row["queued"], row["why"])
            for row in rows
        ),
        state=2,
    )
