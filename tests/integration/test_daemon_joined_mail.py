"""Mail into a session that has joined: by its hooks, at rest, once, whoever is killed (H6, N1, N4, P5)."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from roost.core.messages import envelope
from roost.daemon.delivery.hook.channel import UNASKED
from roost.runtimes.claude_joined import WAITER
from tests.support.daemon import Record, Roost, alive, cleared, shared_roost, signal_pid
from tests.support.guest import Guest, guest, joined, records_hooked
from tests.support.wait import wait_until

PATIENCE = 30.0


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def test_17_mail_goes_to_the_main_agents_hooks_of_this_conversation_alone(roost: Roost) -> None:
    with guest(roost) as who:
        joined(who, "me")
        roost.until_state("me", "working")
        sent = roost.send("me", "body of it", when="now")
        tool = {"tool_name": "Bash", "tool_use_id": "t"}
        assert who.hook("PostToolUse", **{**tool, "session_id": "another"}) == {}
        sub = {"agent_id": "a1", "agent_type": "Explore"}
        assert who.hook("SubagentStart", **sub) == {}
        assert who.hook("SubagentStart", session_id="another", agent_id="b2", agent_type="Plan") == {}
        assert who.hook("PostToolUse", **tool, **sub) == {}
        (seen,) = roost.call("show", name="me")["subagents"]
        assert (seen["id"], seen["kind"]) == ("a1", "Explore")
        assert "Explore a1" in roost.cli("show", "me").stdout
        assert roost.cli("send", "a1", "hello").returncode != 0
        given = who.hook("PostToolUse", **tool)["hookSpecificOutput"]["additionalContext"]
        assert "body of it" in given
        assert f"roost send operator TEXT --reply-to {sent['id']}" in given
        assert envelope.marks(given)
        assert who.hook("PostToolUse", **tool) == {}  # once
        records_hooked(who, given)
        who.says("idle")
        roost.until_message(sent["id"], "done")
        who.hook("SubagentStop", **sub)
        assert roost.call("show", name="me")["subagents"] == []


def test_N1_who_asked_it_hears_of_its_death(roost: Roost) -> None:
    with guest(roost) as who:
        joined(who, "me")
        roost.until_state("me", "working")
        asked = roost.send("me", "look", when="now", reply_within=600.0)["id"]
        tool = {"tool_name": "Bash", "tool_use_id": "t"}
        given = who.hook("PostToolUse", **tool)["hookSpecificOutput"]["additionalContext"]
        records_hooked(who, given, ended=False)
        roost.until_message(asked, "accepted")
        signal_pid(who.process.pid, signal.SIGKILL)
        roost.until_death("me")

    def told() -> list[str]:
        mail = [item["notice"] for item in roost.call("inbox", name="operator") if item["notice"]]
        return [each["why"] for each in mail if each["about"] == asked]

    wait_until(told, timeout=PATIENCE, why="the operator hears of it")
    assert told()[0].startswith("in the middle of the turn its session ended with its program")


def test_17_at_rest_one_waiter_is_handed_the_message_whole(roost: Roost) -> None:
    with guest(roost) as who:
        joined(who, "me")
        entry = json.loads(who.settings.read_text())["hooks"]["Stop"][1]["hooks"][0]
        assert entry["args"][3] == str(WAITER)
        command = [entry["command"], *entry["args"]]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as waiter:
            pipe = Path(entry["args"][-1])
            wait_until(pipe.exists, timeout=PATIENCE, why="the pipe")
            wait_until(lambda: _reads(waiter.pid, pipe), timeout=PATIENCE, why="it waits")
            assert subprocess.run(command, timeout=PATIENCE, check=False).returncode == 0  # one waits already
            who.says("idle")
            sent = roost.send("me", "wake up")
            told = waiter.communicate(timeout=PATIENCE)[1]
            assert waiter.returncode == 2
        assert "wake up" in told
        assert told.endswith("]")
        assert sent["id"] in told
        records_hooked(who, told)
        roost.until_message(sent["id"], "done")


def test_17_mail_at_rest_that_nothing_waits_for_is_kept_with_a_word_until_the_next_turn(roost: Roost) -> None:
    with guest(roost) as who:
        joined(who, "me")
        who.says("idle")
        roost.until_state("me", "idle")
        sent = roost.send("me", "later", when="now")
        told = wait_until(
            lambda: next(
                (each["why"] for each in roost.message(sent["id"])["attempts"] if each["why"] == UNASKED),
                None,
            ),
            timeout=PATIENCE,
            why="nothing took it",
        )
        assert told
        assert "next turn" in told
        assert roost.message(sent["id"])["state"] == "queued"
        assert roost.row("me")["queued"] == 1
        assert UNASKED in roost.cli("message", sent["id"]).stdout
        who.says("busy")
        given = who.hook("PostToolUse", tool_name="Bash", tool_use_id="t")["hookSpecificOutput"]
        assert "later" in given["additionalContext"]
        assert who.hook("PostToolUse", tool_name="Bash", tool_use_id="t") == {}  # once
        records_hooked(who, given["additionalContext"])
        who.says("idle")
        roost.until_message(sent["id"], "done")
        folder = roost.places.session(str(roost.session("me")["id"]))
        assert folder.is_dir()
        wait_until(lambda: not list(folder.glob("pipe.*")), timeout=PATIENCE, why="no claim is left")


def test_17_what_a_lost_answer_held_is_given_again_though_its_person_never_rests(roost: Roost) -> None:
    """The hook was killed: its turn ends without a record of it, and the next turn begins at once."""
    with guest(roost) as who:
        joined(who, "me")
        roost.until_state("me", "working")
        sent = roost.send("me", "once", when="now")
        tool = {"tool_name": "Bash", "tool_use_id": "t"}
        assert sent["id"] in json.dumps(who.hook("PostToolUse", **tool))

        def again() -> str:
            who.says("idle")
            roost.until_state("me", "idle")
            who.says("busy")
            roost.until_state("me", "working")
            return who.hook("PostToolUse", **tool).get("hookSpecificOutput", {}).get("additionalContext", "")

        given = wait_until(again, timeout=PATIENCE, why="it is given again")
        assert sent["id"] in given
        records_hooked(who, given)
        who.says("idle")
        roost.until_message(sent["id"], "done")


def queued(who: Guest, mode: str, text: str) -> None:
    """Its transcript says that a text of its queue has joined the running turn."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    attached = {"type": "queued_command", "commandMode": mode, "prompt": text}
    who.records(
        {"type": "attachment", "attachment": attached, "timestamp": now, "sessionId": who.conversation}
    )


def turn_ended(who: Guest) -> None:
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    who.records(
        {"type": "system", "subtype": "turn_duration", "timestamp": now, "sessionId": who.conversation}
    )


def test_17_what_woke_it_while_a_turn_began_is_taken_in_that_turn(roost: Roost) -> None:
    """Claude Code 2.1.332 puts it into its queue then, from where it joins the turn as a notification."""
    with guest(roost) as who:
        joined(who, "me")
        roost.until_state("me", "working")
        sent = roost.send("me", "woken", when="now")
        tool = {"tool_name": "Bash", "tool_use_id": "t"}
        given = who.hook("PostToolUse", **tool)["hookSpecificOutput"]["additionalContext"]
        queued(who, "task-notification", f"<task-notification>\n{given}")
        roost.until_message(sent["id"], "accepted")
        evidence = [step["what"] for step in roost.message(sent["id"])["story"]]
        assert any("it stands in its transcript" in what for what in evidence), evidence
        turn_ended(who)
        who.says("idle")
        roost.until_message(sent["id"], "done")


def test_17_what_the_record_holds_in_a_way_not_known_is_done_with_the_next_turn(roost: Roost) -> None:
    """The look for a message that was in doubt finds it, and not where: it does not wait for ever."""
    with guest(roost) as who:
        joined(who, "me")
        roost.until_state("me", "working")
        sent = roost.send("me", "somehow", when="now")
        tool = {"tool_name": "Bash", "tool_use_id": "t"}
        given = who.hook("PostToolUse", **tool)["hookSpecificOutput"]["additionalContext"]
        queued(who, "of-tomorrow", given)
        turn_ended(who)
        who.says("idle")
        roost.until_message(sent["id"], "accepted")
        turn_ended(who)
        roost.until_message(sent["id"], "done")


@contextmanager
def reader(who: Guest) -> Iterator[Callable[[], tuple[str, str]]]:
    """Somebody waits at its pipe in place of a hook: what is read there, the claim and the text."""
    entry = json.loads(who.settings.read_text())["hooks"]["Stop"][1]["hooks"][0]
    pipe = Path(entry["args"][-1])
    os.mkfifo(pipe)
    descriptor = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    told = b""

    def whole() -> bool:
        nonlocal told
        with suppress(BlockingIOError):
            told += os.read(descriptor, 65536)
        return told.endswith(b"\x04")

    def read() -> tuple[str, str]:
        wait_until(whole, timeout=PATIENCE, why="it is written")
        claim, _, text = told[:-1].decode().partition("\n")
        return f"{pipe}.{claim}", text

    try:
        yield read
    finally:
        os.close(descriptor)
        pipe.unlink()


def _taken_back(roost: Roost, sent: Record) -> bool:
    """Whether it is known for certain that its reader has not read it."""
    return any(
        each["outcome"] == "not pasted" and "ended before it had read it" in each["why"]
        for each in roost.message(sent["id"])["attempts"]
    )


def outcomes(roost: Roost, sent: Record) -> list[str]:
    return [step["outcome"] for step in roost.message(sent["id"])["attempts"]]


def test_17_a_text_that_its_reader_has_claimed_is_not_given_again_however_slow_its_program_is(
    roost: Roost,
) -> None:
    """One that nobody has claimed is: its reader is dead, or is told so when it comes to it."""
    with guest(roost) as slow, guest(roost, "x") as killed:
        joined(slow, "slow")
        joined(killed, "killed")
        for each, name in ((slow, "slow"), (killed, "killed")):
            each.says("idle")
            roost.until_state(name, "idle")
        with reader(slow) as read:
            sent = roost.send("slow", "claimed")
            slow_claim, text = read()
            Path(slow_claim).rename(f"{slow_claim}.taken")
        wait_until(lambda: "unclear" in outcomes(roost, sent), timeout=PATIENCE, why="it is in doubt")
        with reader(killed) as read:
            lost = roost.send("killed", "not claimed")
            claim, _ = read()
        wait_until(lambda: _taken_back(roost, lost), timeout=PATIENCE, why="it is taken back")
        assert not Path(claim).exists()
        killed.says("busy")
        again = killed.hook("Stop")["reason"]
        assert lost["id"] in again
        assert (
            outcomes(roost, sent).count("offered") == 1
        )  # for longer than it took to give the other one again
        records_hooked(slow, text)
        roost.until_message(sent["id"], "done")
        for each in (slow_claim, claim):
            folder = Path(each).parent
            assert folder.is_dir()
            wait_until(
                lambda at=folder: not list(at.glob("pipe.*")), timeout=PATIENCE, why="no claim is left"
            )


def test_L2_a_text_that_nobody_has_claimed_is_taken_back_before_the_next_daemon_looks_for_it(
    roost: Roost,
) -> None:
    """As long as its program works it is looked for, and its reader may be about to come to it."""
    with guest(roost) as who:
        joined(who, "me")
        who.says("idle")
        roost.until_state("me", "idle")
        with reader(who) as read:
            sent = roost.send("me", "not claimed")
            claim, _ = read()
            roost.kill()
        who.says("busy")
        roost.start()
        wait_until(lambda: not Path(claim).exists(), timeout=PATIENCE, why="it is taken back")
        who.says("idle")
        again = wait_until(
            lambda: str(who.hook("Stop").get("reason", "")), timeout=PATIENCE, why="it is given again"
        )
        assert sent["id"] in again
        records_hooked(who, again)
        roost.until_message(sent["id"], "done")


def _reads(pid: int, pipe: Path) -> bool:
    return _open_at(pid, pipe) > 0


def _open_at(pid: int, pipe: Path) -> int:
    """How often the process has it open."""
    return [each.resolve() for each in Path(f"/proc/{pid}/fd").iterdir()].count(pipe.resolve())


def test_17_a_waiter_goes_with_its_program(roost: Roost, tmp_path: Path) -> None:
    del roost
    pipe = tmp_path / "pipe"
    code = "import subprocess, sys; print(subprocess.Popen(sys.argv[1:]).pid, flush=True); input()"
    waiting = [sys.executable, "-S", "-E", "-I", str(WAITER), str(pipe)]
    with subprocess.Popen(
        [sys.executable, "-c", code, *waiting], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        waiter = int(program.stdout.readline())
        wait_until(lambda: pipe.exists() and _reads(waiter, pipe), timeout=PATIENCE, why="it waits")
        program.kill()
    wait_until(lambda: not alive(waiter), timeout=PATIENCE, why="it goes")


def test_17_a_waiter_goes_when_its_session_has_left(tmp_path: Path) -> None:
    """Its program runs on, and nothing is written to it."""
    pipe = tmp_path / "pipe"
    command = [sys.executable, "-S", "-E", "-I", str(WAITER), str(pipe)]

    def waits() -> bool:  # the lock, and what it reads from
        return _open_at(waiter.pid, pipe) == 2

    with subprocess.Popen(command, stderr=subprocess.PIPE) as waiter:
        try:
            wait_until(waits, timeout=PATIENCE, why="it waits")
            pipe.unlink()
            assert waiter.communicate(timeout=PATIENCE)[1] == b""
            assert waiter.returncode == 0
        finally:
            waiter.kill()
