"""`probe`: whether a runtime keeps every promise with the program that is installed now."""

from importlib import import_module

from roost.cli.app import App
from roost.cli.command import Argument, Option, command


@command(
    "probe",
    Argument("runtime", metavar="RUNTIME"),
    Option("--live", help="with your own account and a real model: some short turns"),
)
def probe_command(app: App, runtime: str, *, live: bool) -> int:
    """Try a runtime with the program that is installed now.

    It runs a roost of its own with one agent in a temporary folder: start, kill and resume, whole messages,
    order, interrupt, permission, idle sleep, an empty tree at the end. The agent talks to a fake model on
    this machine, unless told otherwise. `roost doctor` shows what came of the latest probe.
    """
    # By name: the probe sits above the command line and drives it, so nothing here may depend on it.
    status: int | None = import_module("roost.probe.main").run(
        app.places, runtime, live=live, as_json=app.json
    )
    return status or 0
