"""The checks of a probe, in order. Each does something to a live agent and returns what was seen of it."""

import signal
from collections.abc import Callable
from typing import NamedTuple

from roost.client.connection import Record
from roost.errors import RoostError
from roost.probe.subject import FINAL, NAME, Subject
from roost.stage.errors import StepError

_ASKS = 3
"""How often it may ask again."""
_RESTS = "3s"
"""What a program still does after a turn would speak against its sleep, and that for a minute."""


class NotTriedError(RoostError):
    """A check that this runtime, or this probe, has no use for; the message says why."""

    code = "not-tried"


class Check(NamedTuple):
    """A name for the table, and what to do."""

    name: str
    run: Callable[[Subject], str]


def start(subject: Subject) -> str:
    """It starts and comes to its prompt."""
    subject.stage.ask("wake", name=NAME)
    row = subject.until("idle")
    return f"{row['state']}: {row['why']}"


def resume(subject: Subject) -> str:
    """Killed in a turn, it goes on with its conversation and with that turn."""
    subject.done(subject.send(subject.words.line("before the kill")))
    subject.until("idle")
    before = subject.session
    message_id = subject.send(subject.words.pause())
    subject.takes(message_id)
    subject.stage.kill(subject.stage.agent(NAME), signal.SIGKILL)
    message = subject.ends(message_id)
    after = subject.session
    if after["id"] == before["id"]:
        raise StepError("its death was not noticed")
    if not after["resumed"]:
        raise NotTriedError("it cannot go on with a conversation; the next message begins a fresh one")
    if after["conversation"] != before["conversation"]:
        raise StepError(f"another conversation: {after['conversation']}, not {before['conversation']}")
    if message["state"] != "done":
        raise StepError(f"its message is {message['state']}: {message['why']}")
    return f"generation {after['generation']} went on with its conversation and its turn"


def whole(subject: Subject) -> str:
    """Bodies of several sizes arrive as they were sent, once each."""
    told: list[str] = []
    for size in subject.words.fills:
        body = subject.words.line(_filler(size))
        message_id = subject.send(body)
        subject.done(message_id)
        texts = subject.texts(message_id)
        if not texts:
            raise NotTriedError(f"{size} bytes: done, but nothing tells what came to it")
        if len(texts) != 1:
            raise StepError(f"{size} bytes came {len(texts)} times")
        if (want := subject.expected(message_id, body)) != texts[0]:
            raise StepError(f"{size} bytes: {_difference(want, texts[0])}")
        told.append(f"{size}")
    return f"{', '.join(told)} bytes, each whole and once"


def order(subject: Subject) -> str:
    """Two messages, sent at once, come one after the other."""
    first = subject.send(subject.words.line("the first of two"))
    second = subject.send(subject.words.line("the second of two"))
    accepted = [subject.done(each)["accepted_at"] for each in (first, second)]
    if accepted != sorted(accepted):
        raise StepError(f"the second was taken first: {accepted}")
    return "the first, then the second"


def interrupt(subject: Subject) -> str:
    """It is seen to work, and an interrupt ends its turn."""
    subject.until("idle")
    message_id = subject.send(subject.words.busy())
    seen = subject.takes(message_id)
    result: Record = subject.stage.ask("interrupt", name=NAME)
    if not result["done"]:
        raise StepError(f"working ({seen['why']}), then: {result['note']}")
    subject.until("idle")
    ended = subject.ends(message_id)
    if ended["state"] == "done":
        raise StepError(f"its turn was not cut short: {ended['why']}")
    return f"working ({seen['why']}), then {ended['why']}"


def permission(subject: Subject) -> str:
    """What it asks is shown and never answered by a delivery."""
    made = subject.folder / "made-by-permission"
    asked = subject.words.asks(made)
    if asked is None:
        raise NotTriedError("not tried with a real model: what it asks for is its own decision")
    subject.send(asked)
    row = subject.until("blocked")
    waiting = subject.send(subject.words.line("not an answer"))
    after = subject.stage.until(
        lambda: subject.stage.ask("message", id=waiting)["state"], "the next message is stored"
    )
    if made.exists() or after != "queued" or subject.row["state"] != "blocked":
        raise StepError(f"the next message is {after}, it is {subject.row['state']}")
    subject.stage.ask("interrupt", name=NAME)
    _comes(subject, waiting)
    if made.exists():
        raise StepError("what it asked for was done without an answer")
    return f"blocked: {row['why']}; the next message waited, and came after the interrupt"


def _comes(subject: Subject, message_id: str) -> None:
    """Wait until the message has come; a model that goes on to ask what it had asked is stopped again.

    Gemini CLI 0.61.0 over ACP keeps a text whose turn was cancelled at a permission.
    """
    for _ in range(_ASKS):
        if subject.ends_or_asks(message_id)["state"] in FINAL:
            return
        subject.stage.ask("interrupt", name=NAME)
    subject.ends(message_id)


def sleep(subject: Subject) -> str:
    """Idle, it goes to sleep and nothing of it runs."""
    agent = subject.stage.agent(NAME)
    subject.stage.ask("set", name=NAME, pairs=[["idle", _RESTS]])
    subject.until("asleep")
    if subject.stage.live_sessions(agent):
        raise StepError(f"asleep, and its process {agent.pid} lives")
    deaths: list[Record] = subject.stage.ask("deaths", name=NAME)
    return f"asleep: {deaths[-1]['cause']}"


CHECKS = (
    Check("start", start),
    Check("kill and resume", resume),
    Check("whole messages", whole),
    Check("order", order),
    Check("busy and interrupt", interrupt),
    Check("permission", permission),
    Check("idle sleep", sleep),
)
"""All but the last, the empty tree, which is seen as the stage is taken down.

The kill comes before all that is not to be asked again, and while the conversation to go on with is short.
"""


def _filler(size: int) -> str:
    """A text of so many bytes that shows where some of it is missing, with lines that look like commands.

    A backslash is its last character: before an Enter some programs take that for a line that goes on.
    """
    lines = (
        'line {:05} of a message: "quotes", $HOME, `id`, \N{OWL}, \N{HEBREW LETTER SHIN}\n',
        "--flag {:05} -p; #{{pane_id}} %H | & < > \\n back\\slash \\\n",
        "/quit {:05}\n!echo shell\n\n",
    )
    text = "".join(lines[number % 3].format(number) for number in range(1 + size // 20))
    return text.encode()[: size - 1].decode("utf-8", "ignore").rstrip() + "\\"


def _difference(want: str, came: str) -> str:
    """Where two texts part."""
    place = next((at for at, (one, other) in enumerate(zip(want, came, strict=False)) if one != other), None)
    at = min(len(want), len(came)) if place is None else place
    shown = f"{want[at : at + 40]!r}, not {came[at : at + 40]!r}"
    return f"{len(want)} characters were sent, {len(came)} came; at {at}: {shown}"
