"""The daemon killed at every step of a whole story, the steps found by running it and counting (N4, N8).

A step is either side of every commit and of every effect on the machine (tests/support/crash_daemon.py). Each
story first runs undisturbed and counts; then it runs once for each point. There are 20 to 80 points in a
story; each costs a start of the daemon. Of a delivery to an agent that is up each is tried that leaves
something else behind: between the end of a step and the beginning of the next one nothing happens outside of
the daemon, and of those two the former is tried. Of such a delivery over OpenCode's API, which differs from
the other call in the machine alone, each side of what is done there is. Of the others it is by default an
evenly spaced part; `ROOST_CRASH_POINTS=all` tries every one of all (some minutes; `-n` spreads the stories),
`ROOST_CRASH_POINTS=7/20` every 20th, beginning with the 7th. `-rP` shows how many there were.
"""

import contextlib
import os
import re
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from roost.client.connection import ConnectionLostError, NoDaemonError
from tests.support.daemon import Roost, alive, roost_in
from tests.support.home import Home
from tests.support.victim import WITHOUT_END, Victim, points
from tests.support.wait import wait_until

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0
DEFAULT = 5
"""How many points of a story are tried by default."""
ASKED = os.environ.get("ROOST_CRASH_POINTS", "")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def run(victim: Victim, story: "Story", number: int, step: int) -> list[str]:
    """Tell the story once, the daemon dying at `step`, until all is settled; returns the steps."""
    roost = victim.roost
    victim.command(step, skip=story.skip)
    with contextlib.suppress(ConnectionLostError):
        story.tell(roost, number)
    wait_until(
        lambda: roost.daemon.poll() is not None or settled(roost, story),
        timeout=PATIENCE,
        why="the daemon dies or all is settled",
        describe=lambda: (victim.seen(), roost.call("list"), roost.call("messages")),
    )
    if roost.daemon.poll() is None:
        roost.kill()
    assert roost.daemon.wait(PATIENCE) == -signal.SIGKILL
    victim.order.unlink(missing_ok=True)
    seen = victim.seen()
    victim.start()
    return seen


def settled(roost: Roost, story: "Story") -> bool:
    """Whether nothing is left to do."""
    with contextlib.suppress(ConnectionLostError, NoDaemonError):
        rows = {row["name"]: row for row in roost.call("list")}
        if any(rows[name]["state"] != rest or rows[name]["queued"] for name, rest in story.rests.items()):
            return False
        mail = [one for name in story.rests for one in roost.call("messages", name=name)]
        return bool(mail) and all(one["state"] == "done" for one in mail) and story.over(roost)
    return False


@dataclass(frozen=True)
class Story:
    """`tell` sends what begins run `number`; `judge` says what must be true in the end.

    `rests` are the peers with the state in which they come to rest. The steps count from the first body that
    is stored, or from a later one. With `whole` each point is tried by default, with `around` each side of
    such steps. `kinds` are among its steps. `prepare` comes before the daemon. `over`: whether what follows
    by itself has come.
    """

    peers: dict[str, dict[str, str]]
    rests: dict[str, str]
    tell: Callable[[Roost, int], object]
    judge: Callable[[Roost, int], None]
    skip: int = 0
    whole: bool = False
    around: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset({"commit", "paste", "keys"})
    prepare: Callable[[Roost], None] = lambda _roost: None
    over: Callable[[Roost], bool] = lambda _roost: True


def sent(roost: Roost, to: str, body: str, key: str, when: str = "next") -> str:
    """The id of a message sent under a key, again if the first call was cut off."""
    return roost.send(to, body, key=key, when=when)["id"]


def shown_once(roost: Roost, message_id: str) -> dict[str, object]:
    """The one prompt of a message."""
    (prompt,) = roost.prompts(message_id)
    return prompt


def answered_once(roost: Roost, message_id: str, text: str) -> None:
    """One reply came to the operator."""
    mail = [item["body"] for item in roost.call("inbox", name="operator") if item["reply_to"] == message_id]
    assert mail == [text]


# one delivery to an agent that is up


def tell_delivery(roost: Roost, number: int) -> str:
    return sent(roost, "a", f"run {number}", f"a{number}")


def judge_delivery(roost: Roost, number: int) -> None:
    message_id = tell_delivery(roost, number)
    roost.until_message(message_id, "done")
    shown_once(roost, message_id)
    answered_once(roost, message_id, f"echo: run {number}")
    assert len(roost.happened("start")) == 1
    assert alive(roost.session("a")["agent_pid"])


# one delivery over OpenCode's API: its stand-in answers nobody


def stand_in_for_opencode(roost: Roost) -> None:
    """A program `opencode`, the first on the path, that serves its API and logs as the demo agent does."""
    program = roost.home.root / "tools/opencode"
    program.parent.mkdir()
    log = shlex.quote(roost.environ["ROOST_DEMO_LOG"])
    run = f"{shlex.quote(sys.executable)} -m tests.support.fake_opencode"
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} ROOST_DEMO_LOG={log} exec {run} "$@"\n'
    )
    program.chmod(0o755)
    roost.environ["PATH"] = f"{program.parent}:{roost.environ['PATH']}"


def judge_opencode(roost: Roost, number: int) -> None:
    message_id = tell_delivery(roost, number)
    roost.until_message(message_id, "done")
    shown_once(roost, message_id)
    assert not roost.happened("again"), "nor is the same id given to it once more"
    assert len(roost.happened("start")) == 1
    assert alive(roost.session("a")["agent_pid"])


# two tasks of an ephemeral peer: two fresh sessions, in order, both ended


def tell_tasks(roost: Roost, number: int) -> list[str]:
    return [sent(roost, "e", f"{word} {number}", f"{word}{number}") for word in ("first", "second")]


def judge_tasks(roost: Roost, number: int) -> None:
    both = tell_tasks(roost, number)
    for message_id, word in zip(both, ("first", "second"), strict=True):
        roost.until_message(message_id, "done")
        answered_once(roost, message_id, f"echo: {word} {number}")
    one, two = (shown_once(roost, message_id) for message_id in both)
    assert one["session"] != two["session"]
    assert str(one["ts"]) < str(two["ts"])
    sessions = {one["session"], two["session"]}
    wait_until(
        lambda: {death["session"] for death in roost.deaths("e")} >= sessions,
        timeout=PATIENCE,
        why="both sessions have ended",
        describe=lambda: (roost.row("e"), roost.deaths("e")),
    )
    row = roost.until_state("e", "asleep")
    assert (row["queued"], row["session"]) == (0, None)
    deaths = roost.deaths("e")
    assert len(deaths) == len({death["session"] for death in deaths})
    # A session whose launch was cut short took no task; every other one ended as it should.
    assert {death["cause"] for death in deaths if death["session"] in sessions} == {"ephemeral-done"}
    assert {death["cause"] for death in deaths} <= {"ephemeral-done", "unknown"}
    assert not [death for death in deaths if death["counted"]]
    stopped = [event["session"] for event in roost.events("e", "stopped")]
    assert {session: stopped.count(session) for session in sessions} == dict.fromkeys(sessions, 1)
    assert len(stopped) == len(set(stopped))
    assert not [each for each in roost.happened("start") if alive(each["pid"])]


# an agent asks another one, which replies through MCP; counted from the question


def tell_reply(roost: Roost, number: int) -> str:
    return sent(roost, "a", f"@@silent@@\n@@send b ask {number}@@", f"r{number}")


def judge_reply(roost: Roost, number: int) -> None:
    roost.until_message(tell_reply(roost, number), "done")
    question = one_prompt(roost, "a", f"ask {number}")
    roost.until_message(question, "done")
    (reply,) = roost.message(question)["replies"]
    roost.until_message(reply, "done")
    assert one_prompt(roost, "b", f"echo: ask {number}") == reply
    assert len(roost.happened("start")) == 2
    for name in ("a", "b"):
        row = roost.until_state(name, "idle")
        assert row["queued"] == 0
        assert alive(row["session"]["agent_pid"])


def one_prompt(roost: Roost, sender: str, body: str) -> str:
    """The id of the message with this body, which was shown once, by one prompt."""
    head = re.compile(r"\[roost message (\S+) from (\S+) ")

    def shown() -> list[str]:
        heads = [head.match(one["text"]) for one in roost.happened("prompt") if f"\n{body}\n" in one["text"]]
        return [found[1] for found in heads if found is not None and found[2] == sender]

    (message_id,) = wait_until(shown, timeout=PATIENCE, why=f"{body!r} from {sender} is shown")
    return message_id


# an urgent message to an agent in a turn that takes it in; counted from the urgent one


def tell_urgent(roost: Roost, number: int) -> list[str]:
    first = sent(roost, "a", "@@steer@@\n@@delay 1@@\n@@reply first@@", f"u{number}")
    with contextlib.suppress(ConnectionLostError, NoDaemonError):
        wait_until(
            lambda: roost.row("a")["state"] == "working" or roost.message(first)["state"] == "done",
            timeout=PATIENCE,
            why="the turn runs, or has run before",
            describe=lambda: (roost.row("a"), roost.message(first)),
        )
    return [first, sent(roost, "a", "@@reply second@@", f"v{number}", when="now")]


def judge_urgent(roost: Roost, number: int) -> None:
    for message_id, answer in zip(tell_urgent(roost, number), ("first", "second"), strict=True):
        roost.until_message(message_id, "done")
        shown_once(roost, message_id)
        answered_once(roost, message_id, answer)
    assert len(roost.happened("start")) == 1


# an agent that watches another is told when that one has come to rest

WATCHES: dict[int, str] = {}
"""The watch of each run."""


def tell_watch(roost: Roost, number: int) -> str:
    if number not in WATCHES:
        WATCHES[number] = roost.call("watch", name="a", kind="idle", watcher="b", once=True, ttl=3600)["id"]
    return sent(roost, "a", "@@delay 0.2@@", f"w{number}")


def told_of(roost: Roost, watch: str) -> int:
    """How often the watcher was told."""
    return sum(f"(watch {watch})" in one["text"] for one in roost.happened("prompt"))


def all_told(roost: Roost) -> bool:
    return all(told_of(roost, watch) for watch in WATCHES.values())


def judge_watch(roost: Roost, number: int) -> None:
    roost.until_message(tell_watch(roost, number), "done")
    wait_until(lambda: all_told(roost), timeout=PATIENCE, why="the watcher is told")
    assert [told_of(roost, watch) for watch in WATCHES.values()] == [1] * len(WATCHES)
    assert roost.call("watches") == []


STORIES = {
    "one delivery": Story({"a": {}}, {"a": "idle"}, tell_delivery, judge_delivery, whole=True),
    "one delivery by a call": Story(
        {"a": {"runtime": "demo-acp"}},
        {"a": "idle"},
        tell_delivery,
        judge_delivery,
        whole=True,
        kinds=frozenset({"commit", "submit"}),
    ),
    "one delivery by OpenCode's call": Story(
        {"a": {"runtime": "opencode"}},
        {"a": "idle"},
        tell_delivery,
        judge_opencode,
        around=frozenset({"submit", "post"}),
        kinds=frozenset({"commit", "submit", "post"}),
        prepare=stand_in_for_opencode,
    ),
    "two ephemeral tasks": Story(
        {"e": {"wake": "ephemeral", "quiet": "50ms"}}, {"e": "asleep"}, tell_tasks, judge_tasks
    ),
    "a reply between agents": Story(
        {"a": {}, "b": {}}, {"a": "idle", "b": "idle"}, tell_reply, judge_reply, skip=1
    ),
    "what a watch tells": Story(
        {"a": {}, "b": {}}, {"a": "idle", "b": "idle"}, tell_watch, judge_watch, over=all_told
    ),
    "an urgent message in a turn": Story({"a": {}}, {"a": "idle"}, tell_urgent, judge_urgent, skip=1),
}


def chosen(steps: list[str], story: Story) -> Sequence[int]:
    """The points to try, by the steps of a run without a death."""
    count = len(steps)
    if ASKED == "all":
        return range(1, count + 1)
    if story.whole and not ASKED:
        return points(steps)
    if story.around and not ASKED:
        return [number for number, step in enumerate(steps, 1) if step.split()[1] in story.around]
    first, _, every = ASKED.partition("/")
    if every:
        return range(int(first), count + 1, int(every))
    return range(1, count + 1, max(1, count // DEFAULT))


@pytest.mark.parametrize("name", STORIES)
def test_N4_N8_P4_killed_at_points_of_a_whole_story(home: Home, name: str) -> None:
    """Shown once, answered once, in order, queue drained, the registry true, whichever step was the last."""
    story = STORIES[name]
    with roost_in(home, started=False) as roost:
        victim = Victim(roost)
        story.prepare(roost)
        victim.start()
        for peer, settings in story.peers.items():
            roost.add(peer, **settings)
            if "wake" not in settings:
                roost.call("wake", name=peer)
        steps = run(victim, story, 0, WITHOUT_END)
        story.judge(roost, 0)
        tried = chosen(steps, story)
        reached = 0
        for step in tried:
            seen = run(victim, story, step, step)
            reached += len(seen) == step
            try:
                story.judge(roost, step)
            except Exception as error:
                error.add_note(f"the daemon was killed at step {step} of {len(steps)}: {seen[-1]}")
                raise
        sys.stdout.write(f"{name}: {len(steps)} points, {len(tried)} tried, {reached} reached\n")
        assert reached >= len(tried) - max(2, len(tried) // 4), "the story's end varies by a few steps"
        kinds = {step.split()[1] for step in steps}
        assert kinds >= story.kinds, kinds
