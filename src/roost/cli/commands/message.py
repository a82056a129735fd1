"""`messages` and `message`: queue and history, and one message's whole story."""

from roost.cli.app import App
from roost.cli.client import Record
from roost.cli.command import Argument, Choice, Number, Option, command
from roost.cli.output import age, clock, fields, one_line, say, show_json, table, wrap
from roost.core.durations import rough_duration
from roost.errors import UsageError

WAITING = ("queued", "offered", "accepted", "unknown")
"""States of a message whose further way depends on its recipient."""
SHORT_ID = 16
"""Digits of an id that a table shows: they tell messages apart, and `message` takes them."""
STATES = ("queued", "offered", "accepted", "done", "expired", "refused", "dead-letter", "unknown")


@command(
    "messages",
    Argument("name", required=False),
    Option("--state", kind=Choice(STATES), help="Only messages in this state."),
    Option("--limit", kind=Number(1), default=50, help="The latest so many."),
)
def messages_command(app: App, name: str | None, state: str | None, limit: int) -> None:
    """Show queue and history, of all peers or of messages to NAME."""
    messages: list[Record] = app.call_or_read("messages", {"name": name, "state": state, "limit": limit})
    if app.json:
        show_json(messages)
    elif not messages:
        say("no messages")
    else:
        show_messages(messages)


def show_messages(messages: list[Record]) -> None:
    """Messages as a table."""
    table(
        ("ID", "FROM", "TO", "STATE", "AGE", "WHY"),
        (
            (
                str(message["id"])[:SHORT_ID],
                message["from"],
                message["to"],
                message["state"],
                age(message.get("created_at")),
                message.get("why"),
            )
            for message in messages
        ),
        state=3,
    )


@command(
    "message",
    Argument("id"),
    Option("--resend", help="Send it again: it is in doubt, or ended without being taken."),
    Option("--drop", help="Give it up: it is in doubt, or waits. Its sender is told."),
)
def message_command(
    app: App,
    id: str,  # noqa: A002 -- the argument's name in the help
    resend: bool,  # noqa: FBT001 -- a flag
    drop: bool,  # noqa: FBT001 -- a flag
) -> None:
    """Show one message's whole story. The digits of its ID that `messages` shows are enough.

    A message is in doubt (`unknown`) when nobody can tell whether the agent took it; look at the agent,
    then decide. `--resend` offers it again under the same ID. One that expired or is a dead letter is sent
    once more as a new message, whose ID is printed. One that was taken is never sent again.
    """
    if resend and drop:
        raise UsageError("--resend and --drop exclude each other")
    if resend or drop:
        decided: Record = app.call("resend" if resend else "drop", {"id": id})
        if app.json:
            show_json(decided)
        else:
            say(str(decided["id"]))
        return
    message: Record = app.call_or_read("message", {"id": id})
    if app.json:
        show_json(message)
        return
    attachments: list[str] = message.get("attachments") or []
    fields(
        [
            ("message", message["id"]),
            ("from", message["from"]),
            ("to", message["to"]),
            ("topic", message.get("topic")),
            ("reply to", message.get("reply_to")),
            ("state", message["state"]),
            ("why", message.get("why")),
            ("attachments", "\n".join(attachments)),
            ("replies", "\n".join(message.get("replies") or [])),
        ]
    )
    story: list[Record] = message.get("story") or []
    if story:
        say()
    for step in story:
        took = f"+{rough_duration(step['took'])}" if step.get("took") is not None else ""
        say(wrap(f"{clock(step.get('at'))}  {took:>6}  {one_line(step.get('what'))}", 29))
    recipient: Record | None = message.get("recipient")
    if recipient is not None and message["state"] in WAITING:
        say(wrap(f"{'now':<27}  {message['to']} is {recipient['state']}: {one_line(recipient['why'])}", 29))
