"""`inbox`: the mail of a peer without a process."""

import sys

from roost.cli.app import App
from roost.cli.client import Record
from roost.cli.command import Argument, Option, command
from roost.cli.output import clock, harmless, one_line, paint, say, show_json, show_json_line, wrap


@command(
    "inbox",
    Argument("name"),
    Option("--ack", help="Mark what was shown as read."),
    Option("--follow", help="Go on showing what arrives, until Ctrl-C; with --json one line each."),
)
def inbox_command(app: App, name: str, ack: bool, follow: bool) -> None:  # noqa: FBT001 -- a flag
    """Show the unread mail of a peer of runtime `human`, oldest first."""
    params: Record = {"name": name, "ack": ack, "follow": follow}
    if follow:
        show = show_json_line if app.json else _show_now
        app.call("inbox", params, on_event=show, patience=None)
        return
    items: list[Record] = app.call("inbox", params) if ack else app.call_or_read("inbox", params)
    if app.json:
        show_json(items)
        return
    for item in items:
        _show(item)
    if not items:
        say("no unread messages")


def _show_now(item: Record) -> None:
    _show(item)
    sys.stdout.flush()


def _show(item: Record) -> None:
    say(paint(f"{clock(item.get('at'))}  {one_line(item['id'])} from {one_line(item['from'])}", "bold"))
    if item.get("topic"):
        say(f"  topic: {one_line(item['topic'])}")
    if item.get("reply_to"):
        say(f"  in reply to {one_line(item['reply_to'])}")
    notice: Record | None = item.get("notice")
    if notice:
        # The body of a notice says the same to an agent.
        about, outcome = one_line(notice["about"]), one_line(notice["outcome"])
        say(wrap(f"  your message {about} {outcome}: {one_line(notice['why'])}", 2))
        return
    for line in harmless(str(item.get("body") or "")).splitlines():
        say(f"  {line}")
