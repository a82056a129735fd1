"""`join` and `leave`: a session that a person has started becomes a peer, and ceases to be one."""

import os

from roost.cli.app import App
from roost.cli.command import Argument, Option, command
from roost.cli.output import say, show_json
from roost.cli.own_environ import own_environ
from roost.client.connection import Record


@command(
    "join",
    Argument("name", required=False),
    Option("--adopt", help="Once it has ended, mail goes on with its conversation here (away=resume)."),
)
def join_command(app: App, name: "str | None", adopt: bool) -> None:  # noqa: FBT001 -- a flag
    """Become a peer, from inside a session of yours.

    Have the shell tool of a Claude Code or Codex that you have started yourself run this. Messages reach
    it from then on, in a turn, at its end and at its prompt: Claude Code by its hooks, Codex by its server.
    A Codex without that server (`--no-daemon`) is given them in a turn and at its end, if it has started
    after `roost hooks add codex`; else it reads them itself, by `roost listen`. Nothing is typed into its
    terminal, and nothing of roost's ends or restarts it. A name belongs to the conversation that had it
    first. Without NAME it is the one that it had, or its folder's.
    """
    params: Record = {
        "name": name or "",
        "dir": os.getcwd(),  # noqa: PTH109 -- no links resolved
        "environ": own_environ(),
        "adopt": adopt,
    }
    row: Record = app.call("join", params, patience=None)
    if app.json:
        show_json(row)
        return
    say(f"joined as '{row['name']}'; {_how(row)}")
    say(
        f"answer with `roost send PEER TEXT --reply-to ID`, leave with `roost leave`: you are '{row['name']}'"
    )


def _how(row: "Record") -> str:
    """How its messages come in."""
    if row["kind"] != "joined-reader":
        return "messages come in by themselves"
    if row["hooks"]:
        return (
            "messages come in by themselves once one of its hooks has called; where none does, as it began"
            " before they were added or they are not trusted, read messages by `roost listen`"
        )
    return (
        "read messages by `roost listen`, which waits for one; where `roost hooks add codex` was run before"
        " it starts, they come in by themselves"
    )


@command("leave")
def leave_command(app: App) -> None:
    """Cease to be a peer, from inside the session.

    Its hooks are taken back, and it goes on; a thread of a server is followed no more. Messages for its name
    are kept until the same conversation joins again.
    """
    row: Record = app.call("leave", patience=None)
    if app.json:
        show_json(row)
        return
    say(f"'{row['name']}' has left; `roost join` in the same conversation takes the name again")
