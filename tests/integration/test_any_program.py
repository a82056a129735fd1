"""Programs from config.toml that do not show what is pasted, or whose prompt matches whatever stands there.

F29, and "Any terminal program": each message goes in once, with nobody's words in it, whatever happens.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.daemon import Roost, roost_in
from tests.support.home import Home
from tests.support.lines import json_lines
from tests.support.person import attached
from tests.support.victim import Victim
from tests.support.wait import wait_until

PATIENCE = 60.0
PROGRAM = Path(__file__).resolve().parent.parent / "support" / "any_agent.py"
READY = {
    "cooked": "cooked>",
    "raw": "raw>",
    "readline": "(?m)^readline> ",
    "strict": "(?m)^readline> $",
    "banner": "banner>",
}
TABLE = """
[runtimes.{name}]
argv = [{python}, {program}, "{kind}", "{{dir}}/log"{record}]
ready = '{ready}'
blocked = 'Allow\\?'
compact = "/compact"
{log}
turn_done = '"type": "turn_done"'
"""
LOG = 'accept_log = "{dir}/record"'
DUMB = ("raw-dumb", "strict-dumb")
"""The record is named for these, too, which write none."""
DAEMON = PROGRAM.parent / "hasty_daemon.py"
GATED = PROGRAM.parent / "gated_daemon.py"
BODIES = (
    "a line\n" * 85,
    "ünïcödé and a longer line of words\n" * 200,
    "x" * 1023 + "\n" + ("y" * 1023 + "\n") * 99,
)


def config() -> str:
    text = ""
    for name, ready in READY.items():
        for suffix, record in (("", ', "{dir}/record"'), ("-dumb", "")):
            text += TABLE.format(
                name=name + suffix,
                kind="readline" if name == "strict" else name,
                python=json.dumps(sys.executable),
                program=json.dumps(str(PROGRAM)),
                record=record,
                ready=ready,
                log=LOG if record or name + suffix in DUMB else "",
            )
    return text


@pytest.fixture
def unstarted(home: Home) -> Iterator[Roost]:
    home.roost.mkdir(mode=0o700)
    (home.roost / "config.toml").write_text(config())
    with roost_in(home, started=False) as made:
        yield made


@pytest.fixture
def roost(unstarted: Roost) -> Roost:
    return unstarted.start(sys.executable, str(DAEMON))


def logged(roost: Roost, name: str, what: str) -> list[str]:
    return [line[what] for line in json_lines(roost.home.work / name / "log") if what in line]


def taken(roost: Roost, name: str) -> list[str]:
    """The texts that were entered, without the marks of a paste."""
    texts = logged(roost, name, "entered")
    return [text.replace("\x1b[200~", "").replace("\x1b[201~", "").rstrip("\r") for text in texts]


def answers(roost: Roost, name: str) -> list[str]:
    """The keys that its dialog got."""
    return logged(roost, name, "answered")


def types(roost: Roost, name: str, person: int, text: bytes) -> None:
    """Type in a second in which nobody joined, so that tmux tells it from joining, and see it come in."""
    later = int(roost.tmux(name, "display", "-p", "#{@roost-joined}")) + 1
    wait_until(lambda: time.time() >= later, timeout=PATIENCE, why="tmux tells a key from joining")
    os.write(person, text)
    wait_until(
        lambda: int(roost.tmux(name, "display", "-p", "#{session_activity}")) >= later,
        timeout=PATIENCE,
        why="the keys have come in",
    )


def until_taken(roost: Roost, name: str, text: str) -> None:
    """Wait until this, and nothing else, was entered; a program that takes lines may be at it still."""
    wait_until(
        lambda: len("\n".join(taken(roost, name))) >= len(text),
        timeout=PATIENCE,
        why=f"{name} has taken everything",
        describe=lambda: "\n".join(taken(roost, name))[-200:],
    )
    assert "\n".join(taken(roost, name)) == text, name


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_F29_three_messages_go_into_each_program_once(roost: Roost) -> None:
    """600 bytes, 8 KiB, 100 KiB; with a record each is done, without one its sender is told."""
    names = [name + suffix for name in READY for suffix in ("", "-dumb")]
    for name in names:
        roost.add(name, name)
    sent = {name: [roost.send(name, body)["id"] for body in BODIES] for name in names}
    for name in names:
        for message in sent[name]:
            roost.until_message(message, "unknown" if name.endswith("-dumb") else "done")
    for name in names:
        whole = [roost.pasted(each, body) for each, body in zip(sent[name], BODIES, strict=True)]
        until_taken(roost, name, "\n".join(whole))
    roost.call("compact", name="raw")
    wait_until(
        lambda: taken(roost, "raw")[3:] == ["/compact"],
        timeout=PATIENCE,
        why="its command is entered once, too",
        describe=lambda: taken(roost, "raw")[3:],
    )


def until_why(roost: Roost, message: str, part: str) -> None:
    wait_until(
        lambda: part in roost.message(message)["why"],
        timeout=PATIENCE,
        why=f"the reason {part!r} is shown",
        describe=lambda: roost.message(message),
    )


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_an_unseen_draft_is_never_mixed_with_a_message(roost: Roost) -> None:
    """Before a message; the person sends it, and what they typed was all of that prompt."""
    names = ("cooked", "raw", "banner")
    for name in names:
        roost.add(name, name)
        roost.call("wake", name=name)
    with ExitStack() as stack:
        people = {name: stack.enter_context(attached(roost, name)) for name in names}
        for name, person in people.items():
            types(roost, name, person, b"half a thought")
        sent = {name: roost.send(name, "mine")["id"] for name in names}
        for name in names:
            until_why(roost, sent[name], "does not show whether a draft stands")
            assert taken(roost, name) == []
        for person in people.values():
            os.write(person, b"\r")
        for name in names:
            roost.until_message(sent[name], "done")
            until_taken(roost, name, "half a thought\n" + roost.pasted(sent[name], "mine"))


def test_what_a_person_types_behind_a_paste_is_left_to_them(unstarted: Roost) -> None:
    """Between the paste and its Enter, in a program that shows neither; once they send it, it counts."""
    roost, gate = unstarted, unstarted.home.root / "gate"
    paths = os.pathsep.join(path for path in sys.path if path)
    roost.environ |= {"ROOST_GATE": str(gate), "PYTHONPATH": paths}
    roost.start(sys.executable, str(GATED))
    roost.add("raw", "raw")
    roost.call("wake", name="raw")
    before, after, at = (gate.with_suffix(each) for each in (".before", ".after", ".at"))
    before.touch()
    after.touch()
    sent = roost.send("raw", "mine")["id"]
    wait_until(at.exists, timeout=PATIENCE, why="it is about to be pasted")
    with attached(roost, "raw") as person:
        at.unlink()
        wait_until(lambda: not after.exists() and at.exists(), timeout=PATIENCE, why="it is pasted")
        types(roost, "raw", person, b"oops")
        at.unlink()
        until_why(roost, sent, "send or clear it")
        assert taken(roost, "raw") == []
        os.write(person, b"\r")
        roost.until_message(sent, "done")
    assert taken(roost, "raw") == [roost.pasted(sent, "mine") + "oops"]


def test_a_dialog_that_opens_over_a_paste_gets_no_enter(roost: Roost) -> None:
    """A person answers it; then the text gets its Enter, and it is the only one."""
    for name in ("raw", "banner"):
        roost.add(name, name)
        _a_dialog_opens(roost, name)


def _a_dialog_opens(roost: Roost, name: str) -> None:
    sent = roost.send(name, "opensdialog")["id"]
    row = roost.until_state(name, "blocked")
    assert "Allow? (y)" in row["why"]
    wait_until(
        lambda: answers(roost, name) or "a dialog is open" in roost.message(sent)["why"],
        timeout=PATIENCE,
        why="its Enter is held back",
        describe=lambda: roost.message(sent),
    )
    assert answers(roost, name) == []
    with attached(roost, name) as person:
        os.write(person, b"y")
        roost.until_message(sent, "done")
    assert answers(roost, name) == ["y"]
    assert taken(roost, name) == [roost.pasted(sent, "opensdialog").replace("opensdialog", "openedone")]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_N4_a_daemon_that_dies_in_a_delivery_never_pastes_twice(unstarted: Roost) -> None:
    """The terminal itself tells the next daemon what was pasted and entered."""
    victim = Victim(unstarted)
    victim.start()
    for runtime, step in (
        ("raw", "before paste"),
        ("raw", "after paste"),
        ("banner", "after paste"),
        ("strict", "after paste"),
        ("cooked", "after paste"),
        ("raw", "after keys"),
        ("raw-dumb", "after keys"),
    ):
        _dies_in_a_delivery(victim, runtime, step)


def _dies_in_a_delivery(victim: Victim, runtime: str, step: str) -> None:
    roost = victim.roost
    name = roost.add(f"{runtime}-{step.replace(' ', '-')}", runtime)
    roost.call("wake", name=name)
    victim.command(step)
    first = roost.send(name, "one\ntwo")["id"]
    assert roost.daemon.wait(PATIENCE) == -signal.SIGKILL
    victim.start()
    roost.until_message(first, "unknown" if runtime == "raw-dumb" else "done")
    offered = [each["outcome"] for each in roost.message(first)["attempts"]].count("offered")
    assert offered == (2 if step == "before paste" else 1), name
    whole = roost.pasted(first, "one\ntwo")
    if runtime == "cooked":  # it began with the first line; the last one is entered before anything else
        second = roost.send(name, "three")["id"]
        roost.until_message(second, "done")
        whole += "\n" + roost.pasted(second, "three")
    until_taken(roost, name, whole)
