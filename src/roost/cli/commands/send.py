"""`send`: one message to one peer."""

from __future__ import annotations

import os
import sys

from roost.cli.app import App
from roost.cli.client import Record, RemoteError
from roost.cli.command import Argument, Choice, Option, command
from roost.cli.output import Progress, harmless, is_terminal, say, show_json, warn
from roost.core.durations import parse_duration
from roost.core.limits import ATTACHMENTS, BODY_BYTES
from roost.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

DEFAULT_WAIT = 600.0
"""Seconds that `--wait` waits unless `--timeout` says otherwise."""
INTERRUPTED = 130


@command(
    "send",
    Argument("to"),
    Argument("body", many=True, required=False),
    Option("--file", "file", metavar="FILE", help="Take the body from this file."),
    Option("--from", "sender", metavar="NAME", help="Send as this mailbox peer (default: as the operator)."),
    Option(
        "--topic", metavar="TEXT", help="What it is about; a topic decides whether a conversation is resumed."
    ),
    Option("--reply-to", metavar="ID", help="The message that this one answers."),
    Option("--attach", metavar="FILE", multiple=True, help="Attach a file; at most 20."),
    Option("--ttl", metavar="DURATION", kind=parse_duration, help="Give up when it was not taken by then."),
    Option(
        "--when",
        kind=Choice(("now", "next", "idle")),
        default="next",
        help="When a busy agent gets it: in the running turn, in order, or when nothing else waits.",
    ),
    Option("--key", metavar="TEXT", help="Your own key: the same key and body again is the same message."),
    Option(
        "--wait",
        kind=Choice(("stored", "accepted", "done", "replied")),
        help="Return when this has happened.  [default: stored]",
    ),
    Option(
        "--timeout",
        metavar="DURATION",
        kind=parse_duration,
        help="How long --wait waits; the message stays when it runs out.  [default: 10m]",
    ),
)
def send_command(  # noqa: PLR0913, PLR0917 -- one for each option
    app: App,
    to: str,
    body: tuple[str, ...],
    file: str | None,
    sender: str | None,
    topic: str | None,
    reply_to: str | None,
    attach: tuple[str, ...],
    ttl: float | None,
    when: str,
    key: str | None,
    wait: str | None,
    timeout: float | None,
) -> int:
    """Send a message.

    Prints its id, or with `--wait replied` the body of the reply.

    `--when now` goes into the running turn, where the agent program can take it in (claude, codex), and else
    ahead of all that waits; `--when idle` after all of it and without waking a sleeping agent.

    The body is BODY (several words are joined by spaces), the file of --file, or standard input when BODY is
    `-` or left out. It is text in UTF-8.
    """
    if timeout is not None and wait is None:
        raise UsageError("--timeout limits --wait accepted, done or replied; `send` alone does not wait")
    if timeout is not None and timeout <= 0:
        raise UsageError("--timeout must be longer than nothing")
    wait = wait or "stored"
    if ttl is not None and ttl <= 0:
        raise UsageError("--ttl must be longer than nothing")
    params: Record = {
        "to": to,
        "body": _read_body(body, file),
        "from": sender,
        "topic": topic,
        "reply_to": reply_to,
        "attach": _attachments(attach),
        "ttl": ttl,
        "when": when,
        "key": key,
        "wait": wait,
        "timeout": None if wait == "stored" else DEFAULT_WAIT if timeout is None else timeout,
    }
    return _send(app, params)


def _send(app: App, params: Record) -> int:
    progress = Progress()
    known: Record = {}

    def on_event(event: Record) -> None:
        if event.get("id"):
            known["id"] = event["id"]
        progress.show(f"{params['to']}: {event.get('state', '')}: {event.get('why') or ''}".rstrip(": "))

    waits = params["wait"] != "stored"
    try:
        result: Record = app.call("send", params, on_event=on_event, patience=None if waits else 30.0)
    except KeyboardInterrupt:
        progress.clear()
        warn(f"roost: no longer waiting; {_kept(known)}")
        return INTERRUPTED
    except RemoteError as error:
        progress.clear()
        known = {"id": error.facts.get("id"), **known}
        if error.status == 3 and known["id"]:  # noqa: PLR2004 -- contract: a wait ran out
            if app.json:
                show_json({"id": known["id"]})
            elif params["wait"] != "replied":
                say(str(known["id"]))
            warn(f"roost: {error.message}")
            return error.status
        raise
    progress.clear()
    _show(app, params, result)
    return 0


def _kept(known: Record) -> str:
    if known:
        return f"message {known['id']} stays queued, `roost message {known['id']}` shows what became of it"
    return "the message may have been stored, `roost messages` shows it"


def _show(app: App, params: Record, result: Record) -> None:
    reply: Record | None = result.get("reply")
    if app.json:
        show_json(result)
    elif params["wait"] == "replied" and reply is not None:
        body = str(reply.get("body", ""))
        say(harmless(body) if is_terminal(sys.stdout) else body)
    else:
        say(str(result["id"]))


def _read_body(words: tuple[str, ...], file: str | None) -> str:
    """The one body that was given; UsageError when there is none, more than one, or it is not text."""
    if words and file is not None:
        raise UsageError("the body was given twice: as words and by --file; use one of them")
    if file is not None:
        try:
            with open(file, "rb") as stream:  # noqa: PTH123 -- start-up time
                return _read(stream, f"'{file}'")
        except OSError as error:
            raise UsageError(f"cannot read --file '{file}': {error.strerror}") from error
    if words and words != ("-",):
        return _decode(os.fsencode(" ".join(words)), "the body")
    if not words and sys.stdin.isatty():
        raise UsageError("no body: give it as words, by --file FILE, or `-` to type it and end with Ctrl-D")
    return _read(sys.stdin.buffer, "standard input")


def _read(stream: BinaryIO, name: str) -> str:
    return _decode(stream.read(BODY_BYTES + 1), name)


def _decode(data: bytes, name: str) -> str:
    if len(data) > BODY_BYTES:
        raise UsageError("the body is over 1 MiB; send a file with --attach instead")
    if not data.strip():
        raise UsageError(f"the body is empty: {name} holds no text")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{name} is not UTF-8 (byte {error.start}); send such a file with --attach"
        ) from error


def _attachments(paths: tuple[str, ...]) -> list[str]:
    if len(paths) > ATTACHMENTS:
        raise UsageError(f"{len(paths)} attachments; a message takes at most {ATTACHMENTS}")
    for path in paths:
        if not os.path.isfile(path):  # noqa: PTH113 -- start-up time
            what = "is not a regular file" if os.path.exists(path) else "does not exist"  # noqa: PTH110
            raise UsageError(f"attachment '{path}' {what}")
        if not os.access(path, os.R_OK):
            raise UsageError(f"attachment '{path}' cannot be read")
    return [os.path.abspath(path) for path in paths]  # noqa: PTH100 -- start-up time
