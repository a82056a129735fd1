"""What a message's body tells the agent to do."""

import re
import signal
from enum import StrEnum
from typing import NamedTuple

ANSWER_MARK = "echo: "
_LINE = re.compile(r"@@([a-z-]+)(?: (.*))?@@")
_PEER_AND_TEXT = re.compile(r"(\S+) (.+)")
_LARGEST_EXIT_CODE = 255


class Act(StrEnum):
    """One thing to do within a turn."""

    SILENT = "silent"
    DELAY = "delay"
    REPLY = "reply"
    SEND = "send"
    THANK = "thank"
    ASK = "ask"
    EXIT = "exit"
    KILL = "kill"
    HANG = "hang"
    FORK = "fork"
    IGNORE = "ignore"
    DROP_ENTER = "drop-enter"
    RECALL = "recall"
    STEER = "steer"
    WRITE = "write"
    RESTORE = "restore"
    COMPLAIN = "complain"


class Directive(NamedTuple):
    """An act with what it needs: seconds or a count in `number`, a recipient in `peer`, words in `text`."""

    act: Act
    text: str = ""
    number: float = 0
    peer: str = ""


_NAMES = {str(act): act for act in Act if act is not Act.COMPLAIN}
_BARE = {Act.SILENT, Act.ASK, Act.HANG, Act.RECALL, Act.STEER, Act.RESTORE}
_COUNTED = {Act.EXIT, Act.FORK, Act.DROP_ENTER}
_SIGNALLED = {Act.KILL, Act.IGNORE}
_ANSWERING = {Act.SILENT, Act.REPLY, Act.RECALL, Act.THANK}


def signal_number(name: str) -> int:
    """Return the number of a signal given as `9`, `KILL` or `SIGKILL`.

    Raises ValueError for an unknown one.
    """
    if name.isdecimal():
        return int(signal.Signals(int(name)))
    upper = name.upper()
    try:
        return int(signal.Signals[upper if upper.startswith("SIG") else f"SIG{upper}"])
    except KeyError as error:
        raise ValueError(name) from error


def _number(act: Act, argument: str) -> float:
    """Return the directive's number; raise ValueError when it makes no sense."""
    if act in _SIGNALLED:
        return signal_number(argument)
    number = int(argument) if act in _COUNTED else float(argument)
    if not 0 <= number < float("inf") or (act is Act.EXIT and number > _LARGEST_EXIT_CODE):
        raise ValueError(argument)
    return number


def directive(line: str) -> Directive | None:
    """Return what one line says, None for an ordinary line; a malformed directive becomes a complaint."""
    match = _LINE.fullmatch(line.strip())
    act = _NAMES.get(match[1]) if match else None
    if match is None or act is None:
        return None
    argument = match[2] or ""
    complaint = Directive(Act.COMPLAIN, f"cannot follow {line.strip()}")
    if act in _BARE:
        return complaint if argument else Directive(act)
    if act is Act.REPLY:
        return Directive(act, text=argument)
    if act is Act.WRITE:
        return Directive(act, text=argument) if argument else complaint
    if act is Act.SEND:
        parts = _PEER_AND_TEXT.fullmatch(argument)
        return Directive(act, text=parts[2], peer=parts[1]) if parts else complaint
    if act is Act.THANK:
        first, *others = argument.split() or [""]
        text = f"@@thank {' '.join((*others, first))}@@"
        return Directive(act, text=text, peer=first) if first else complaint
    try:
        return Directive(act, text=argument, number=_number(act, argument.strip()))
    except ValueError:
        return complaint


def plan(body: str, *, answer: bool = True, reply: bool = False) -> list[Directive]:
    """Return everything a turn does, in order.

    With `answer`, and without `@@silent@@`, `@@reply@@` or `@@recall@@`, it ends with the default answer,
    `echo: <first line>`. A `reply` that is such an echo gets none, or two demo agents would echo each other
    for ever.
    """
    found = [step for line in body.split("\n") if (step := directive(line)) is not None]
    first_line = body.partition("\n")[0]
    if (
        answer
        and not (reply and first_line.startswith(ANSWER_MARK))
        and not any(step.act in _ANSWERING for step in found)
    ):
        found.append(Directive(Act.REPLY, text=f"{ANSWER_MARK}{first_line}"))
    return [step for step in found if step.act is not Act.SILENT]
