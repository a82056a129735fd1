"""`send` and `list` of roost beside those of hcom: as many registered names, in turn, in one run."""

import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psutil

from benchmarks.comparison import Comparison, pair
from benchmarks.hcom import Hcom, hcom
from benchmarks.home import Home, daemon, program
from benchmarks.result import clocked
from roost.demo_agent.mcp import Client

NAMES = 100
"""Registered in each: one that sends, the others are mailboxes without a process."""
MANY = 1000
"""Then registered in each, for a longer list."""
ROUNDS = 40
_BODY = "x" * 200
_DELIVERY = """delivery: roost puts a message into the agent's terminal and waits for evidence that it was
taken; hcom's agents get it from a hook or when they ask. Here both only store it."""
_DAEMON = "the daemon: roost's runs already; hcom has none, each of its commands opens the database."
_KEPT = """what is kept: roost keeps each message's state and attempts and a journal; hcom keeps an event and
a full-text index of it."""


@dataclass(frozen=True, slots=True)
class _Act:
    """What both do in round N, and milliseconds of each round."""

    name: str
    how: str
    roost: Callable[[int], object]
    hcom: Callable[[int], object]
    ours: list[float] = field(default_factory=list[float])
    theirs: list[float] = field(default_factory=list[float])


def run() -> Comparison:
    """Raises RuntimeError when hcom cannot be installed, and when a message was not stored."""
    with hcom() as rival, daemon() as home:
        boxes = [f"box{number}" for number in range(NAMES - 1)]
        for box in boxes:
            home.add(box, "human")
        sender, *others = [rival.join() for _ in range(NAMES)]
        acts = _acts(home, rival, boxes, sender, others)
        _measure(acts)
        _judge("roost", {row["name"]: row["queued"] for row in home.ask("list")}, boxes)
        _judge("hcom", rival.unread(), others)
        for number in range(NAMES - 1, MANY - 1):
            home.add(f"box{number}", "human")
        for _ in range(MANY - NAMES):
            rival.join()
        longer = _list(home, rival, f"list of {MANY:,}")
        _measure([longer])
        for whose, shown in (("roost", len(home.ask("list"))), ("hcom", len(rival.unread()))):
            if shown < MANY:
                raise RuntimeError(f"{whose} lists {shown} of {MANY} names")
        acts.append(longer)
        return Comparison(
            peer="hcom",
            version=rival.run("--version").strip(),
            what=f"{NAMES} registered names in each, then {MANY:,}, {ROUNDS} times in turn",
            pairs=tuple(pair(act.name, act.how, act.ours, act.theirs) for act in acts),
            apart=(_DELIVERY, _DAEMON, _KEPT),
        )


def _acts(home: Home, rival: Hcom, boxes: list[str], sender: str, others: list[str]) -> list[_Act]:
    agent = _agent(home)
    python = [sys.executable, "-c", "pass"]
    return [
        _Act(
            "send",
            "a whole command, to a name without a process; each ends once the message is committed"
            " with fsync (hcom 0.7.31: 5 fsyncs, seen with strace).",
            lambda number: _run(home, [*program(), "send", boxes[number], _BODY]),
            lambda number: rival.run("send", "--from", "bench", f"@{others[number]}", "--", _BODY),
        ),
        _list(home, rival, "list"),
        _Act(
            "agent's send",
            "as a running agent does it: roost's calls an MCP tool over loopback HTTP, hcom's runs the"
            " command with its name.",
            lambda number: agent.call("send_message", {"to": boxes[number], "body": _BODY}),
            lambda number: rival.run("send", "--name", sender, f"@{others[number]}", "--", _BODY),
        ),
        _Act(
            "nothing",
            "what a command costs that does nothing: `python -c pass`, `hcom --version`.",
            lambda _: _run(home, python),
            lambda _: rival.run("--version"),
        ),
    ]


def _list(home: Home, rival: Hcom, name: str) -> _Act:
    return _Act(
        name,
        "a whole command.",
        lambda _: _run(home, [*program(), "list"]),
        lambda _: rival.run("list"),
    )


def _measure(acts: Sequence[_Act]) -> None:
    """Each act by both in turn, round after round."""
    for number in range(ROUNDS + 1):
        for act in acts:
            ours = clocked(lambda act=act, number=number: act.roost(number))
            theirs = clocked(lambda act=act, number=number: act.hcom(number))
            if number:  # The first round warms both up.
                act.ours.append(ours)
                act.theirs.append(theirs)


def _agent(home: Home) -> Client:
    """The MCP client of a live session, with that session's own token."""
    home.add("agent", "demo")
    home.client.call("wake", {"name": "agent"}, patience=None)
    environment = psutil.Process(home.row("agent")["session"]["agent_pid"]).environ()
    return Client(environment["ROOST_URL"], environment["ROOST_TOKEN"])


def _run(home: Home, command: list[str]) -> None:
    subprocess.run(command, env=home.environment, capture_output=True, check=True)


def _judge(whose: str, waiting: dict[str, int], boxes: list[str]) -> None:
    """Two messages wait in every mailbox that had its round."""
    wrong = [box for box in boxes[: ROUNDS + 1] if waiting.get(box) != 2]
    if wrong:
        raise RuntimeError(f"{whose} does not hold the two messages of {', '.join(wrong)}")
