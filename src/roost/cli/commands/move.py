"""`move`: a peer goes to live on another host of the fleet."""

from roost.cli.app import App
from roost.cli.command import Argument, Option, command
from roost.cli.output import remark, say, show_json
from roost.client.connection import Record
from roost.errors import UsageError


@command(
    "move",
    Argument("name"),
    Argument("host", required=False),
    Option("--dir", metavar="DIR", help="Its folder on that host; default: the same path."),
    Option("--force", help="End its session first when it has one."),
    Option("--cancel", help="Call a move off that has not come to its end."),
)
def move_command(
    app: App,
    name: str,
    host: str | None,
    dir: str | None,  # noqa: A002 -- the option's name
    force: bool,  # noqa: FBT001 -- a flag
    cancel: bool,  # noqa: FBT001 -- a flag
) -> None:
    """Have a peer live on another host of the fleet.

    Its settings, its waiting mail and its conversation go along. At no moment it lives on both. Until that
    host has all of it, it stays a peer of this one, without a session; a host that cannot take it leaves it
    as it was. A conversation goes along where its record can be copied (Claude Code); else the peer begins a
    new one there. That host allows it by `move` in [fleet.grants] of its config file.
    """
    if cancel == (host is not None):
        raise UsageError("name the host that it moves to, or --cancel")
    asked: Record = {"name": name, "host": host, "dir": dir or "", "force": force}
    moved: Record = app.call("move", asked, patience=None)
    if app.json:
        show_json(moved)
    elif cancel:
        say(f"{name} stays here")
    else:
        say(f"{name} lives on {host} now; it is {moved['name']} here")
        if moved["left"]:
            remark("its conversation stays here: its record cannot be copied; it begins a new one there")
