"""The daemon's health."""

from roost.cli.app import App
from roost.cli.output import counted, fields, local, one_line, rough, show_json
from roost.client.connection import Record
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
            ("peers", _peers(status)),
            ("waiting", _waiting(status)),
            ("schema", status.get("schema")),
            ("alarm", status.get("alarm")),
            ("notify", _failing(status)),
            ("outside", ", ".join(str(each["session"])[:8] for each in unknown)),
        ]
    )


def _peers(status: Record) -> str:
    """How many there are, and what of them is awake."""
    mailboxes, awake, live = (int(status.get(key) or 0) for key in ("mailboxes", "awake", "live"))
    agents = int(status.get("peers") or 0) - mailboxes
    sessions = f" in {live} sessions" if live != awake else ""
    return (
        f"{counted(agents, 'agent')}, {awake} awake{sessions}; {counted(mailboxes, 'mailbox', 'mailboxes')}"
    )


def _failing(status: Record) -> str:
    """The rules of [[notify]] that fail."""
    rules: list[Record] = status.get("notify") or []
    return "; ".join(
        f"{one['rule']} fails since {local(one['failing_since'])}: {one_line(one['error'])}"
        for one in rules
        if one.get("error")
    )


def _waiting(status: Record) -> str:
    return (
        f"{counted(int(status.get('queued') or 0), 'message')} for agents, {status.get('unread') or 0} unread"
    )
