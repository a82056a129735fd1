"""`top`: the fleet, full-screen."""

import sys
from importlib import import_module
from importlib.util import find_spec

from roost.cli.app import App
from roost.cli.command import command
from roost.cli.output import follow_terminal, is_terminal
from roost.errors import RoostError, UsageError


@command("top", data=False)
def top_command(app: App) -> int:
    """Show all peers full-screen as they change.

    Keys write to them, wake, stop, join and answer them. F1 shows the keys; q ends it.
    """
    if not (sys.stdin.isatty() and is_terminal(sys.stdout)):
        raise UsageError("`top` needs a terminal that can be drawn on; `roost list` prints the same once")
    if find_spec("textual") is None:
        raise RoostError("`roost top` needs one package more: `pip install 'roost[top]'`")
    follow_terminal()
    # By name: the view sits above the command line and uses it, so nothing here may depend on it.
    status: int = import_module("roost.top.main").run(app)
    return status
