"""`messages` and `message`: queue and history, and one message's whole story."""

import sys

from roost.cli.app import App
from roost.cli.command import Argument, Choice, Number, Option, command
from roost.cli.output import (
    age,
    clock,
    fields,
    harmless,
    is_terminal,
    local,
    one_line,
    say,
    show_json,
    wrap,
)
from roost.cli.table import table
from roost.client.connection import Record
from roost.core.vocabulary.durations import parse_duration, rough_duration
from roost.core.vocabulary.limits import PREFIX_LEAST
from roost.errors import NotFoundError, UsageError

WAITING = ("queued", "offered", "accepted", "unknown")
"""States of a message whose further way depends on its recipient."""
SHORT_ID = 16
"""Digits of an id that a table shows: they tell messages apart, and `message` takes them."""
_ROOM = 24
"""Columns for what a message is about before its sender has to make room."""
STATES = ("queued", "offered", "accepted", "done", "expired", "refused", "dead-letter", "unknown")


@command(
    "messages",
    Argument("name", required=False),
    Option("--to", metavar="NAME", help="Only messages to this peer, as NAME."),
    Option("--from", "sender", metavar="NAME", help="Only messages of this sender."),
    Option("--topic", metavar="TEXT", help="Only messages of this topic."),
    Option("--state", kind=Choice(STATES), help="Only messages in this state."),
    Option("--since", metavar="DURATION", kind=parse_duration, help="Only messages of the last 10m, 2h ..."),
    Option("--grep", "text", metavar="TEXT", help="Only messages that hold this text."),
    Option("--limit", kind=Number(1), default=50, help="The latest so many."),
)
def messages_command(  # noqa: PLR0913, PLR0917 -- one for each option
    app: App,
    name: str | None,
    to: str | None,
    sender: str | None,
    topic: str | None,
    state: str | None,
    since: float | None,
    text: str | None,
    limit: int,
) -> None:
    """Show queue and history, of all peers or of messages to NAME.

    What needs a person stands first, then what is under way, then what ended; each group from old to new.
    """
    if name is not None and to not in {None, name}:
        raise UsageError(f"messages to '{name}' or to '{to}'? name one of them")
    params: Record = {"name": name or to, "from": sender, "topic": topic, "state": state}
    params |= {"since": since, "text": text, "limit": limit}
    messages: list[Record] = app.call_or_read("messages", params)
    if app.json:
        show_json(messages)
    elif not messages:
        say("no messages")
    else:
        show_messages(messages, to=name)


def show_messages(messages: list[Record], to: str | None = None) -> None:
    """Messages as a table: those in doubt first, then those under way. `to`: all are to this peer."""
    show_in_order(sorted(messages, key=_place), to)


def show_in_order(messages: list[Record], to: str | None = None) -> None:
    """Messages as a table, in the order in which they are given. `to`: all are to this peer."""
    recipient = () if to is not None else ("TO",)
    table(
        ("ID", "FROM", *recipient, "STATE", "AGE", "ABOUT"),
        (
            (
                str(message["id"])[:SHORT_ID],
                message["from"],
                *(message["to"] for _ in recipient),
                message["state"],
                age(message.get("created_at")),
                _about(message),
            )
            for message in messages
        ),
        state="STATE",
        spare=("AGE", "FROM"),
        roomy=_ROOM,
        whole=sum(message["state"] == "unknown" for message in messages),
    )


def _place(message: Record) -> int:
    """Its group; within one the order stays."""
    state = str(message["state"])
    return 0 if state == "unknown" else 1 if state in WAITING else 2


def _about(message: Record) -> str:
    """Topic, beginning and, unless all is well, the reason of its state."""
    topic = f"[{message['topic']}] " if message.get("topic") else ""
    text = f"{topic}{message.get('text') or ''}".strip()
    well = message["state"] in {"done", "accepted"} or not message.get("why")
    return text if well else f"{message['why']}: {text}" if text else str(message["why"])


@command(
    "message",
    Argument("id"),
    Option("--body", help="Print its body alone, as it was sent."),
    Option("--trace", help="Print its trace: what was done with it, when, and how long each step took."),
    Option("--resend", help="Send it again: it is in doubt, or ended without being taken."),
    Option("--drop", help="Give it up: it is in doubt, or waits. Its sender is told."),
)
def message_command(
    app: App,
    id: str,  # noqa: A002 -- the argument's name in the help
    body: bool,  # noqa: FBT001 -- a flag
    trace: bool,  # noqa: FBT001 -- a flag
    resend: bool,  # noqa: FBT001 -- a flag
    drop: bool,  # noqa: FBT001 -- a flag
) -> None:
    """Show one message's whole story. The first digits of its ID are enough, from four on.

    A message is in doubt (`unknown`) when nobody can tell whether the agent took it; look at the agent,
    then decide. `--resend` offers it again under the same ID. One that expired or is a dead letter is sent
    once more as a new message, whose ID is printed. One that was taken is never sent again.
    """
    if [body, trace, resend, drop].count(True) > 1:
        raise UsageError("--body, --trace, --resend and --drop exclude each other")
    if len(id) < PREFIX_LEAST:
        raise NotFoundError(f"'{id}' is too short: give at least {PREFIX_LEAST} digits of a message's id")
    if resend or drop:
        _decide(app, "resend" if resend else "drop", id)
        return
    params: Record = {"id": id, "body": body, **({"trace": True} if trace else {})}
    message: Record = app.call_or_read("message", params)
    if app.json:
        show_json(message)
        return
    if trace:
        from roost.cli.trace_tree import show_trace

        show_trace(message)
        return
    if body:
        text = str(message["body"])
        say(harmless(text) if is_terminal(sys.stdout) else text)
        return
    _show_story(message)


def _decide(app: App, how: str, message: str) -> None:
    decided: Record = app.call(how, {"id": message})
    if app.json:
        show_json(decided)
    else:
        say(str(decided["id"]))


def _show_story(message: Record) -> None:
    attachments: list[str] = message.get("attachments") or []
    fields(
        [
            ("message", message["id"]),
            ("from", message["from"]),
            ("to", message["to"]),
            ("topic", message.get("topic")),
            ("reply to", message.get("reply_to")),
            ("text", one_line(message.get("text"))),
            ("state", message["state"]),
            ("why", message.get("why")),
            ("attachments", "\n".join(attachments)),
            ("reply by", local(one_line(message.get("reply_by")))),
            ("replies", "\n".join(message.get("replies") or [])),
        ]
    )
    story: list[Record] = message.get("story") or []
    if story:
        say()
    for step in story:
        took = f"+{rough_duration(step['took'])}" if step.get("took") is not None else ""
        say(wrap(f"{clock(step.get('at'))}  {took:>6}  {local(one_line(step.get('what')))}", 29))
    recipient: Record | None = message.get("recipient")
    if recipient is not None and message["state"] in WAITING:
        say(
            wrap(
                f"{'now':<27}  {message['to']} is {recipient['state']}: {local(one_line(recipient['why']))}",
                29,
            )
        )
