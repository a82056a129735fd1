"""`demo`: the main job, shown on the built-in demo agent."""

from importlib import import_module

from roost.cli.app import App
from roost.cli.command import command


@command("demo", data=False)
def demo_command(_app: App) -> int:
    """Show the main job on the built-in demo agent.

    It runs in a temporary home, and each step is checked.
    """
    # By name: the demo sits above the command line and drives it, so nothing here may depend on it.
    status: int | None = import_module("roost.demo.main").run()
    return status or 0
