"""`inbox`: the mail of a peer without a process."""

from roost.cli.app import App
from roost.cli.command import Argument, Option, command
from roost.cli.output import clock, harmless, local, one_line, paint, say, show_json, show_json_line, wrap
from roost.cli.stdout import deliver
from roost.client.connection import Record
from roost.core.vocabulary.durations import parse_duration


@command(
    "inbox",
    Argument("name", required=False),
    Option("--ack", help="Mark what was shown as read, once it has left for the screen, file or pipe."),
    Option("--follow", help="Go on showing what arrives, until Ctrl-C; with --json one line each."),
    Option("--all", "everything", help="Also what was read before."),
    Option(
        "--since",
        metavar="DURATION",
        kind=parse_duration,
        help="What came in the last 10m, 2h ..., read or not.",
    ),
)
def inbox_command(
    app: App,
    name: str | None,
    ack: bool,  # noqa: FBT001 -- a flag
    follow: bool,  # noqa: FBT001 -- a flag
    everything: bool,  # noqa: FBT001 -- a flag
    since: float | None,
) -> None:
    """Show unread mail, oldest first: yours, or that of NAME, a mailbox.

    Without NAME it is the mailbox that your messages are sent from: that of ROOST_FROM, else of `from` in the
    config file, else `operator`; an agent's own inside its session.
    """
    mine = name or app.sender
    params: Record = {"name": mine, "follow": follow, "all": everything, "since": since}

    def mark(items: list[Record]) -> None:
        """What was shown counts as read, after it was shown."""
        deliver()
        unread = [item["id"] for item in items if not item.get("read_at")]
        if ack and unread:
            app.call("acknowledge", {"name": mine, "ids": unread})

    def show_now(item: Record) -> None:
        if app.json:
            show_json_line(item)
        else:
            show_mail(item)
        mark([item])

    if follow:
        app.call("inbox", params, on_event=show_now, patience=None)
        return
    items: list[Record] = app.call("inbox", params) if ack else app.call_or_read("inbox", params)
    if app.json:
        show_json(items)
    else:
        for item in items:
            show_mail(item)
        if not items:
            say("no messages" if everything or since else "no unread messages")
    if ack:
        mark(items)


def show_mail(item: Record) -> None:
    """One mail, as people read it."""
    read = " (read)" if item.get("read_at") else ""
    say(paint(f"{clock(item.get('at'))}  {one_line(item['id'])} from {one_line(item['from'])}{read}", "bold"))
    if item.get("topic"):
        say(f"  topic: {one_line(item['topic'])}")
    if item.get("reply_to"):
        say(f"  in reply to {one_line(item['reply_to'])}")
    for path in item.get("attachments") or ():
        say(f"  attached: {one_line(path)}")
    if item.get("notice"):
        say(wrap(f"  {local(one_line(item.get('body')))}", 2))
        return
    for line in harmless(str(item.get("body") or "")).splitlines():
        say(f"  {line}")
