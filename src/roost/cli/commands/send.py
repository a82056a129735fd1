"""`send`: a message to one peer, or to several."""

from __future__ import annotations

import os
import sys

from roost.cli.app import App
from roost.cli.command import Argument, Choice, Option, command
from roost.cli.output import harmless, is_terminal, say, show_json, warn
from roost.cli.send_wait import INTERRUPTED, SendWait, lost, mark_read, name_attachments
from roost.client.connection import Answer, ConnectionLostError, Record, RemoteError
from roost.client.once import once
from roost.core.vocabulary.durations import parse_duration
from roost.core.vocabulary.limits import ATTACHMENTS, BODY_BYTES
from roost.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

DEFAULT_WAIT = 600.0
"""Seconds that `--wait` waits unless `--timeout` says otherwise."""


@command(
    "send",
    Argument("to", required=False),
    Argument("body", many=True, required=False),
    Option("--file", "file", metavar="FILE", help="Take the body from this file."),
    Option(
        "--from",
        "sender",
        metavar="NAME",
        help="Send as this mailbox peer (else ROOST_FROM, else `from` in the config file, else `operator`).",
    ),
    Option(
        "--topic", metavar="TEXT", help="What it is about; a topic decides whether a conversation is resumed."
    ),
    Option(
        "--thread",
        metavar="TEXT",
        help="A topic whose members get it, too: all who have written or were written to under it.",
    ),
    Option("--reply-to", metavar="ID", help="The message that this one answers."),
    Option("--attach", metavar="FILE", multiple=True, help="Attach a file; at most 20."),
    Option(
        "--quote",
        metavar="PEER:N-M",
        multiple=True,
        help="Put these turns of a peer's conversation into the message, as `roost transcript` counts them.",
    ),
    Option(
        "--reply-within",
        metavar="DURATION",
        kind=parse_duration,
        help="Be told, once, when no answer has come by then; a later one comes all the same.",
    ),
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
    Option("--yes", help="Send to more than 20 peers, too."),
)
def send_command(  # noqa: PLR0913, PLR0917 -- one for each option
    app: App,
    to: str | None,
    body: tuple[str, ...],
    file: str | None,
    sender: str | None,
    topic: str | None,
    thread: str | None,
    reply_to: str | None,
    attach: tuple[str, ...],
    quote: tuple[str, ...],
    reply_within: float | None,
    ttl: float | None,
    when: str,
    key: str | None,
    wait: str | None,
    timeout: float | None,
    yes: bool,  # noqa: FBT001 -- a flag
) -> int:
    """Send a message.

    Prints its id, or with `--wait replied` the body of the reply; files that are attached to it are named on
    standard error. A later answer comes to your `roost inbox`.

    TO is a peer, or several as `a,b` or `@GROUP,c`; [groups] of config.toml says who a group is. Each
    gets a message of its own, once, and the sender none. Where one of them does not exist or has no room
    for it, no one gets it. Prints a line for each that begins with its id; exit code 3: a wait ran out.

    `--thread` sends to all members of a thread but you, and makes members of those in TO, who may be left
    out: `roost send --thread release "text"`. `roost thread` shows a thread, or leaves it.

    `--when now` goes into the running turn, where the agent program can take it in (claude, codex), and else
    ahead of all that waits; `--when idle` after all of it and without waking a sleeping agent.

    The body is BODY (several words are joined by spaces), the file of --file, or standard input when BODY is
    `-` or left out. It is text in UTF-8. With TRACEPARENT in the environment it goes on with that trace.
    """
    if timeout is not None and wait is None:
        raise UsageError("--timeout limits --wait accepted, done or replied; `send` alone does not wait")
    if timeout is not None and timeout <= 0:
        raise UsageError("--timeout must be longer than nothing")
    if reply_within is not None and reply_within <= 0:
        raise UsageError("--reply-within must be longer than nothing")
    wait = wait or "stored"
    to, body = _meant(to, body, thread, topic, file)
    if ttl is not None and ttl <= 0:
        raise UsageError("--ttl must be longer than nothing")
    params: Record = {
        "to": to,
        "body": _read_body(body, file),
        "words": list(body[:2]),
        "from": sender or app.sender,
        "topic": topic,
        "reply_to": reply_to,
        "attach": _attachments(attach),
        "ttl": ttl,
        "when": when,
        "key": key,
        "wait": wait,
        "timeout": None if wait == "stored" else DEFAULT_WAIT if timeout is None else timeout,
    }
    if reply_within is not None:
        params["reply_within"] = reply_within
    if quote:
        params["quote"] = list(quote)
    if traceparent := os.environ.get("TRACEPARENT"):
        params["traceparent"] = traceparent
    if to is not None and thread is None and "," not in to and not to.startswith("@"):
        return _send(app, params)
    from roost.cli.send_many import send_many

    params |= {"to": to.split(",") if to else [], "yes": yes}
    return send_many(app, params if thread is None else params | {"thread": thread})


def _meant(
    to: str | None, body: tuple[str, ...], thread: str | None, topic: str | None, file: str | None
) -> tuple[str | None, tuple[str, ...]]:
    """The recipients and the words of the body: one word for a thread is its text. Raises UsageError."""
    if thread is None:
        if to is None:
            raise UsageError("missing argument 'TO'; see `roost send --help`")
        return to, body
    if topic is not None:
        raise UsageError("a thread is a topic: give one of --thread and --topic")
    return (None, (to,)) if to is not None and not body and file is None else (to, body)


def _send(app: App, params: Record) -> int:
    waits = params["wait"] != "stored"
    wait = SendWait(params["to"], prints_id=params["wait"] in {"accepted", "done"} and not app.json)
    key = params["key"] or os.urandom(16).hex()

    def ask(method: str, asked: Record) -> Answer:
        return app.call(method, asked, on_event=wait.on_event, patience=None if waits else 30.0)

    try:
        result: Record = once(ask, "send", params, key)
    except ConnectionLostError as error:
        wait.progress.clear()
        if app.json and wait.id is not None:
            show_json({"id": wait.id})
        raise ConnectionLostError(f"{lost(error)}; {_kept(wait, key)}") from error
    except KeyboardInterrupt:
        wait.progress.clear()
        warn(f"roost: no longer waiting; {_kept(wait, key)}")
        return INTERRUPTED
    except RemoteError as error:
        wait.progress.clear()
        known = wait.id or error.facts.get("id")
        if error.status == 3 and known:  # noqa: PLR2004 -- contract: a wait ran out
            if app.json:
                show_json({"id": known})
            state = f"; {wait.state}" if wait.state else ""
            warn(f"roost: {error.message}{state}")
            return error.status
        raise
    wait.progress.clear()
    _show(app, params, result, wait)
    return 0


def _kept(wait: SendWait, key: str) -> str:
    if wait.id:
        state = f" ({wait.state})" if wait.state else ""
        return f"message {wait.id} stays{state}; `roost message {wait.id}` shows what becomes of it"
    return f"the message may have been stored; the same command with --key {key} stores it once"


def _show(app: App, params: Record, result: Record, wait: SendWait) -> None:
    reply: Record | None = result.get("reply")
    if app.json:
        show_json(result)
    elif params["wait"] == "replied" and reply is not None:
        body = str(reply.get("body", ""))
        say(harmless(body) if is_terminal(sys.stdout) else body)
        name_attachments(reply)
    elif wait.id is None:
        say(str(result["id"]))
    mark_read(app, reply)


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
