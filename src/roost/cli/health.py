"""The daemon's health."""

from roost.cli.app import App
from roost.cli.client import Record
from roost.cli.output import fields, rough, show_json
from roost.errors import NoDaemonError


def show(app: App) -> None:
    """Print the daemon's status. Raises NoDaemonError (after `{"running": false}` with --json)."""
    try:
        status: Record = app.call("status")
    except NoDaemonError:
        if app.json:
            show_json({"running": False})
        raise
    if app.json:
        show_json(status)
        return
    unknown: list[Record] = status.get("unknown_sessions") or []
    fields(
        [
            ("version", status.get("version")),
            ("pid", status.get("pid")),
            ("up for", rough(float(status.get("uptime_s") or 0))),
            ("host", status.get("host")),
            ("peers", f"{status.get('peers')} ({status.get('live')} live)"),
            ("queued", status.get("queued")),
            ("schema", status.get("schema")),
            ("alarm", status.get("alarm")),
            ("outside", ", ".join(str(each["session"])[:8] for each in unknown)),
        ]
    )
