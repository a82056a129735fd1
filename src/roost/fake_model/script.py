"""What the fake model does with a text: directives and envelopes in, steps out. Pure.

Directives, each on a line of its own in the user's text:

| directive | effect |
|---|---|
| `@@reply TEXT@@` | answers TEXT |
| `@@silent@@` | ends the turn without answering an envelope |
| `@@recall@@` | answers with the number of earlier user texts of this conversation |
| `@@delay SECONDS@@` | waits |
| `@@tool NAME JSON@@` | calls the tool NAME with these arguments, once; a text `x{N}` is N times an `x` |
| `@@tools N NAME JSON@@` | calls the tool NAME so often in one answer |
| `@@bash COMMAND@@` | calls the runtime's shell so that it has to ask for permission |
| `@@send PEER TEXT@@` | calls `send_message` of the MCP server `roost` |
| `@@error STATUS@@` | answers the request with this HTTP status |

A text inside a roost envelope is answered to its sender by `send_message(reply_to=...)`, any other by a text.
Without a directive that says the answer, it is `echo: <first line>`. What is an echo already gets no answer:
two agents would go on for ever.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import TypeAlias

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from roost.fake_model.conversation import Open

FINAL = "done"
"""The text that ends a turn whose answer went out by `send_message`."""
AGAIN = 1.0
"""Seconds until a message is sent again whose tool is not there yet, as a model does."""
TRIES = 30
"""How often that is tried."""

_ECHO = "echo: "
_DIRECTIVE = re.compile(r"@@([a-z]+)(?: (.*))?@@")
_OPENING = re.compile(r"^\[roost message (?P<id>\S+) from (?P<sender>\S+)(?: [^\n]*)?\]$", re.MULTILINE)
_REPEATED = re.compile(r"x\{([0-9]+)\}")
_PASTED = re.compile(
    r'^\s*<pasted_content id="[^"]*">\n(?P<text>.*)\n</pasted_content id="[^"]*">\s*$', re.DOTALL
)
_STEERED = re.compile(
    r"^The user sent a new message while you were working:\n(?P<text>.*)\n\nThis is how Claude Code ",
    re.DOTALL,
)

_NOT_THERE = re.compile(r"No such tool available|unsupported call: ")
"""As Claude Code 2.1.332 and Codex 0.171.0 say it: on a busy machine the first turn precedes its tools."""

_HOOKED = re.compile(r"^<hook_prompt [^>]*>(?P<text>.*)</hook_prompt>$", re.DOTALL)
"""As Codex 0.171.0 wraps the reason for which a hook has it go on."""


class Say(Struct, frozen=True):
    """A text, after which the turn is over."""

    text: str


class Shell(Struct, frozen=True):
    """A shell command that the runtime must not run without asking."""

    command: str


class Send(Struct, frozen=True):
    """A `send_message` call of the MCP server `roost`."""

    to: str
    body: str
    reply_to: str | None = None

    def arguments(self) -> dict[str, object]:
        """The arguments of the call."""
        given = {"to": self.to, "body": self.body, "reply_to": self.reply_to}
        return {name: value for name, value in given.items() if value is not None}


class Tool(Struct, frozen=True):
    """Any tool by the name the runtime knows it under.

    It is called `times` in one answer, where the dialect can, or one after the other.
    """

    name: str
    arguments: dict[str, object]
    times: int = 1


class Fail(Struct, frozen=True):
    """An HTTP error instead of an answer."""

    status: int


class Delay(Struct, frozen=True):
    """A wait before the next step, in seconds."""

    seconds: float


Call: TypeAlias = Shell | Send | Tool
Step: TypeAlias = Say | Call | Fail | Delay


class Answer(Struct, frozen=True):
    """The answer to one request: one act, after a wait of `delay` seconds."""

    act: Say | Call | Fail
    delay: float = 0.0


class Envelope(Struct, frozen=True):
    """A roost message as the agent sees it."""

    id: str
    sender: str
    body: str


def unpaste(text: str) -> str:
    """The text without what Claude Code puts around it.

    Claude Code 2.1.328 wraps a collapsed paste, 2.1.318 (in its ACP adapter) what comes while it works.
    """
    match = _PASTED.match(text) or _STEERED.match(text) or _HOOKED.match(text)
    return match["text"] if match else text


def envelope(text: str) -> Envelope | None:
    """The first roost message of a text, or None. The body ends at the last closing line with the same id."""
    opening = _OPENING.search(text)
    if opening is None:
        return None
    body = text[opening.end() + 1 :]
    end = body.rfind(f"[end of roost message {opening['id']}")
    return Envelope(opening["id"], opening["sender"], body[: end - 1 if end > 0 else None] if end else "")


def answer(pending: Open) -> Answer:
    """What to do now.

    Only the last of several waiting texts delays or fails the request. The others were steered or queued, so
    their time is over; one that asked for a failure had it, and is not answered again. A message whose tool
    is not there yet is sent again.
    """
    steps = list(_script(pending))
    done, told = pending.results, list(pending.told)
    delay = 0.0
    for step in steps:
        match step:
            case Delay(seconds):
                delay += seconds if done == 0 else 0.0
            case Say() | Fail():
                if done == 0:
                    return Answer(step, delay)
            case Shell() | Send() | Tool():
                missed = _missed(told) if isinstance(step, Send) else 0
                done, told = done - missed, told[missed:]
                times = step.times if isinstance(step, Tool) else 1
                if done < times:
                    left = replace(step, times=times - done) if isinstance(step, Tool) else step
                    return Answer(left, delay + (AGAIN if missed else 0.0))
                done, told = done - times, told[times:]
    return Answer(Say(FINAL), delay)


def _missed(told: Sequence[str]) -> int:
    """How many of the first results say that the tool was not there; the last try counts all the same."""
    missed = list(takewhile(_NOT_THERE.search, told))
    return min(len(missed), TRIES - 1)


def _script(pending: Open) -> Iterator[Step]:
    said: list[str] = []
    for index, text in enumerate(pending.texts):
        last = index == len(pending.texts) - 1
        steps = list(_steps(text, pending.earlier + index))
        if not last and any(isinstance(step, Fail) for step in steps):
            continue
        for step in steps:
            if isinstance(step, Say):
                said.append(step.text)
            elif last or not isinstance(step, Delay | Fail):
                yield step
    yield Say("\n".join(said) or FINAL)


def _steps(text: str, earlier: int) -> Iterator[Step]:
    """The steps of one text, of which `earlier` texts came before."""
    plain = unpaste(text)
    message = envelope(plain)
    body = message.body if message else plain
    answered = False
    for line in body.splitlines():
        match = _DIRECTIVE.fullmatch(line.strip())
        if match is None:
            continue
        for step in _directive(match[1], match[2] or "", earlier):
            answered = answered or isinstance(step, Say)
            yield _addressed(step, message) if isinstance(step, Say) else step
        answered = answered or match[1] == "silent"
    if not answered and not (message and body.startswith(_ECHO)):
        first = next(iter(body.strip("\n").splitlines()), "")
        yield _addressed(Say(_ECHO + first), message)


def _addressed(say: Say, message: Envelope | None) -> Say | Send:
    return say if message is None else Send(message.sender, say.text, message.id)


def _directive(name: str, rest: str, earlier: int) -> Iterator[Step]:
    match name:
        case "reply":
            yield Say(rest)
        case "recall":
            yield Say(str(earlier))
        case "delay":
            yield Delay(float(rest))
        case "bash":
            yield Shell(rest)
        case "send":
            peer, _, body = rest.partition(" ")
            yield Send(peer, body)
        case "tool":
            tool, _, arguments = rest.partition(" ")
            given = msgspec.json.decode(arguments or "{}", type=dict[str, object])
            yield Tool(tool, {key: _repeated(value) for key, value in given.items()})
        case "tools":
            times, _, tool = rest.partition(" ")
            yield from (
                replace(step, times=int(times))
                for step in _directive("tool", tool, earlier)
                if isinstance(step, Tool)
            )
        case "error":
            yield Fail(int(rest))
        case _:
            return


def _repeated(value: object) -> object:
    """A text that is too long for a directive, written out."""
    match = _REPEATED.fullmatch(value) if isinstance(value, str) else None
    return "x" * int(match[1]) if match else value
