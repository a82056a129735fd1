"""`roost top`: the view in this terminal until it is left."""

import asyncio
import signal
import sys

from roost.cli.app import App
from roost.cli.offline import read
from roost.client.connection import Record
from roost.client.daemon import Daemon
from roost.errors import DeniedError, NoDaemonError
from roost.top.view import View

_ENDS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def run(app: App) -> int:
    """Show it; returns the exit code. Raises DeniedError inside an agent."""
    if app.token is not None:
        raise DeniedError("`roost top` is for operators, not for agents")
    known: list[Record] = []
    try:
        app.call("metrics")  # the operator's: an agent whose environment was emptied is refused, too
    except NoDaemonError:  # it may be started while this is open
        known = read(app.places, "list", {"mail": True, "from": app.sender})
    home = ["--home", app.chosen_home] if app.chosen_home else []
    roost = [sys.executable, "-P", "-m", "roost", *home]
    return asyncio.run(_shown(View(Daemon(app.socket), roost, app.sender, known)))


async def _shown(view: View) -> int:
    loop = asyncio.get_running_loop()
    for number in _ENDS:  # whoever ends it gets the terminal back as it was
        loop.add_signal_handler(number, view.end, number)
    await view.run_async(mouse=False)  # the terminal's own selecting and scrolling stay
    return view.return_code or 0
