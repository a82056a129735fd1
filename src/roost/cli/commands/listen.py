"""`listen`: a script waits for mail."""

from __future__ import annotations

from roost.cli.app import App
from roost.cli.command import Argument, Number, Option, command
from roost.cli.commands.inbox import show_mail
from roost.cli.output import show_json_line
from roost.cli.stdout import deliver
from roost.client.connection import PATIENCE
from roost.core.vocabulary.durations import parse_duration
from roost.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.client.connection import Record


@command(
    "listen",
    Argument("name", required=False),
    Option(
        "--timeout",
        metavar="DURATION",
        kind=parse_duration,
        help="Give up when no mail has come by then, with exit code 3; 0s only looks.",
    ),
    Option("--from", "sender", metavar="NAME", help="Only mail from this peer."),
    Option("--topic", metavar="TEXT", help="Only mail of this topic."),
    Option("--reply-to", metavar="ID", help="Only answers to this message."),
    Option("--limit", kind=Number(1), metavar="N", help="At most so many; the others stay for the next."),
)
def listen_command(
    app: App,
    name: str | None,
    timeout: float | None,
    sender: str | None,
    topic: str | None,
    reply_to: str | None,
    limit: int | None,
) -> None:
    """Wait for mail of a mailbox, print it and mark it as read.

    A session that has joined and reads its mail itself leaves NAME out, or gives its own.

    Prints what waits already at once, else the first that comes. Mail counts as read once it has left for the
    screen, file or pipe; where that is cut off it comes again. Of several that listen at a time each message
    is given to one; who prints nothing for a minute leaves the rest to the others. --json prints one object
    per line.
    """
    if timeout is not None and timeout < 0:
        raise UsageError("--timeout is a time from now on")
    params: Record = {
        "name": name,
        "from": sender,
        "topic": topic,
        "reply_to": reply_to,
        "limit": limit,
        "timeout": timeout,
    }

    def show(item: Record) -> None:
        if app.json:
            show_json_line(item)
        else:
            show_mail(item)
        deliver()
        app.call("acknowledge", {"name": name, "ids": [item["id"]]})

    app.call("listen", params, on_event=show, patience=None if timeout is None else timeout + PATIENCE)
