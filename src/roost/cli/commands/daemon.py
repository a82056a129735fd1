"""`up`, `down` and `status`: the daemon itself."""

import click

from roost.cli.app import App
from roost.cli.client import Record
from roost.cli.group import DataCommand, PlainCommand
from roost.cli.output import fields, say, show_json
from roost.errors import NoDaemonError


@click.command("up", cls=PlainCommand)
@click.option("--foreground", is_flag=True, help="Run in this terminal until Ctrl-C.")
@click.pass_obj
def up_command(app: App, foreground: bool) -> None:  # noqa: FBT001 -- click's signature
    """Start the daemon; returns when it answers. Does nothing when it runs already."""
    from roost.cli.launch import run_in_foreground, start

    try:
        status: Record = app.call("status")
    except NoDaemonError:
        if foreground:
            run_in_foreground(app)
        start(app)
        status = app.call("status")
        say(f"roost {status['version']} is up (pid {status['pid']})")
    else:
        say(f"roost {status['version']} is already up (pid {status['pid']})")


@click.command("down", cls=PlainCommand)
@click.option("--agents", is_flag=True, help="End the agents too; without it they live on.")
@click.pass_obj
def down_command(app: App, agents: bool) -> None:  # noqa: FBT001 -- click's signature
    """Stop the daemon; returns when it has ended. Agents live on and are adopted by the next `up`."""
    from roost.cli.launch import wait_until_down

    try:
        app.call("down", {"agents": agents}, patience=None)
    except NoDaemonError:
        if agents:
            raise
        say("the daemon is not running")
        return
    wait_until_down(app)
    say("roost is down" if agents else "roost is down; agents live on")


@click.command("status", cls=DataCommand)
@click.pass_obj
def status_command(app: App) -> None:
    """Show the daemon's health. Exit code 5: it is not running."""
    try:
        status: Record = app.call("status")
    except NoDaemonError:
        if app.json:
            show_json({"running": False})
        raise
    if app.json:
        show_json(status)
        return
    from roost.core.durations import rough_duration

    fields(
        [
            ("version", status.get("version")),
            ("pid", status.get("pid")),
            ("up for", rough_duration(float(status.get("uptime_s") or 0))),
            ("host", status.get("host")),
            ("peers", f"{status.get('peers')} ({status.get('live')} live)"),
            ("queued", status.get("queued")),
            ("schema", status.get("schema")),
        ]
    )
