"""`roost join`: a session that a person has started is a peer for a while (issue 17, H6, P5, L1, L2, N6)."""

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

from roost.client.connection import RemoteError
from roost.core.messages import envelope
from roost.daemon.delivery.hook.channel import UNASKED
from roost.runtimes.claude_joined import WAITER
from tests.support.daemon import Record, Roost, alive, cleared, shared_roost, signal_pid
from tests.support.guest import Guest, guest
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


def joined(who: Guest, *name: str) -> str:
    """It joins; by which name."""
    code, out, error = who.run("join", *name, "--json")
    assert (code, error) == (0, ""), error
    return str(json.loads(out)["name"])


def tree(folder: Path) -> dict[str, tuple[int, bytes]]:
    """All that is there: permissions and bytes."""
    found = (path for path in folder.rglob("*"))
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes() if path.is_file() else b"")
        for path in found
    }


def test_H6_it_is_a_peer_of_its_own_kind_by_the_process_that_its_shell_tool_belongs_to(roost: Roost) -> None:
    with guest(roost, "My Work") as who:
        assert joined(who) == "my-work"
        row = roost.row("my-work")
        assert (row["kind"], row["wake"], row["dir"]) == ("joined", "never", str(who.folder))
        assert row["session"]["agent_pid"] == who.process.pid
        assert row["session"]["conversation"] == who.conversation
        roost.until_state("my-work", "working")
        assert "claude (joined)" in roost.cli("list", environ={"COLUMNS": "120"}).stdout
        assert str(who.process.pid) in roost.cli("show", "my-work").stdout
        # Whatever it starts is that peer, without any token; it may do what agents may.
        assert who.run("send", "operator", "hello")[0] == 0
        assert [item["from"] for item in roost.call("inbox", name="operator")][-1] == "my-work"
        assert "not for agents" in who.run("stop", "--all")[2]
        assert joined(who) == "my-work"  # once more changes nothing
        assert "roost leave" in who.run("join", "other")[2]


def test_P5_nothing_wakes_ends_or_restarts_it_and_stop_lets_go_of_it(roost: Roost) -> None:
    with guest(roost) as who:
        joined(who, "me")
        who.says("idle")
        roost.until_state("me", "idle")
        roost.call("set", name="me", pairs=[["idle", "1ms"]])
        for words in (["sleep", "me"], ["restart", "me"], ["wake", "me", "--fresh"], ["interrupt", "me"]):
            assert roost.cli(*words).returncode == 1, words
        assert "own terminal" in roost.cli("screen", "me").stderr
        assert roost.session("me")["agent_pid"] == who.process.pid
        roost.call("stop", name="me")
        death = roost.until_death("me")
        assert (death["cause"], death["by"], death["signal"]) == ("operator-stop", "operator", None)
        assert "its program goes on" in death["evidence"]
        assert who.shell("echo", "alive")[1] == "alive\n"
        kept = roost.cli("send", "me", "for later")
        assert kept.returncode == 0
        assert "kept" in kept.stderr


def test_17_what_was_written_for_it_is_gone_when_it_has_left(roost: Roost) -> None:
    with guest(roost) as who, guest(roost) as beside:
        before = tree(who.folder), tree(roost.home.user)
        joined(who, "me")
        joined(beside, "too")
        assert who.settings.stat().st_mode & 0o777 == 0o600
        assert str(roost.session("me")["id"])[:8] in who.settings.read_text()
        folder = roost.places.session(str(roost.session("me")["id"]))
        assert folder.is_dir()
        assert who.run("leave")[0] == 0
        assert not folder.exists()
        assert "has not joined" in who.run("leave")[2]
        death = roost.until_death("me")
        assert (death["cause"], death["counted"]) == ("left", False)
        left = json.loads(who.settings.read_text())
        assert len(left["hooks"]["Stop"]) == 2  # those of the other one
        assert beside.run("leave")[0] == 0
        assert (tree(who.folder), tree(roost.home.user)) == before
        assert joined(who) == "me"  # the same conversation has its name again


@pytest.mark.parametrize("text", ['{"permissions":{"allow":[]}}', '{\n\t"hooks": {"Stop": []}\n}\n', "{}"])
def test_17_settings_that_were_there_are_the_same_to_the_byte(roost: Roost, text: str) -> None:
    with guest(roost) as who:
        who.settings.parent.mkdir(exist_ok=True)
        who.settings.write_text(text)
        who.settings.chmod(0o644)
        before = tree(who.folder)
        joined(who, "me")
        assert json.loads(who.settings.read_text()).keys() >= json.loads(text).keys()
        assert who.settings.stat().st_mode & 0o777 == 0o600  # it holds a token now
        who.run("leave")
        assert tree(who.folder) == before
        # What others have changed meanwhile stays.
        joined(who, "me")
        now = {**json.loads(who.settings.read_text()), "model": "other"}
        who.settings.write_text(json.dumps(now))
        who.run("leave")
        kept = json.loads(who.settings.read_text())
        assert kept["model"] == "other"
        assert "roost" not in json.dumps(kept)
        assert "127.0.0.1" not in json.dumps(kept)
        who.settings.unlink()
        who.settings.parent.rmdir()


def test_17_settings_that_cannot_be_read_are_left_alone_and_it_has_not_joined(roost: Roost) -> None:
    with guest(roost) as who:
        who.settings.parent.mkdir(exist_ok=True)
        who.settings.write_text("{")
        code, _, error = who.run("join", "me")
        assert code == 1
        assert "mend it" in error
        assert who.settings.read_text() == "{"
        assert roost.row("me")["session"] is None
        who.settings.unlink()


def test_17_a_name_is_not_taken_over_by_saying_it(roost: Roost) -> None:
    roost.add("worker")
    with guest(roost) as who, guest(roost) as other:
        joined(who, "me")
        assert "somebody else, who is live" in other.run("join", "me")[2]
        assert who.run("leave")[0] == 0
        assert "this conversation is 'me'" in who.run("join", "you")[2]  # nor is it left for a better one
        refused = other.run("join", "me")[2]
        assert "another conversation" in refused
        assert "roost rename me OTHER" in refused
        assert "runs demo" in other.run("join", "worker")[2]
        assert "runs human" in other.run("join", "operator")[2]
        # A conversation that a process above it does not have open is not its own.
        other.claims = "another"
        other.says("busy")
        assert "shell tool" in other.run("join", "you")[2]
        other.claims = ""
        other.says("busy", started="1")  # what another process with this pid has left
        assert "shell tool" in other.run("join", "you")[2]
        outside = roost.cli("join", "you", environ={"CLAUDE_CODE_SESSION_ID": who.conversation})
        assert outside.returncode == 1
        assert "shell tool" in outside.stderr
        roost.cli("rename", "me", "former")
        other.says("busy")
        assert joined(other, "me") == "me"
        assert joined(who) == "former"


def test_17_adopted_it_waits_for_its_conversation_and_gives_way_to_who_joins_with_it(roost: Roost) -> None:
    with guest(roost) as who:
        joined(who, "me")
        assert "away=resume" in who.run("join", "--adopt")[2]  # no agent changes its settings
        who.run("leave")
        roost.until_death("me")
        joined(who, "me", "--adopt")
        assert roost.call("show", name="me")["settings"]["away"] == "resume"
        who.run("leave")
        roost.until_death("me", 2)
        sent = roost.send("me", "go on", when="now")
        row = roost.until_state("me", "blocked")
        assert f"open in process {who.process.pid}" in row["why"]
        assert "away=resume" in roost.cli("refresh", "me").stderr
        joined(who, "me")
        gave_way = roost.until_death("me", 3)
        assert (gave_way["cause"], gave_way["counted"]) == ("left", False)
        assert "has joined" in gave_way["evidence"]
        assert roost.row("me")["kind"] == "joined"
        roost.until_state("me", "working")
        given = who.hook("PostToolUse", tool_name="Bash", tool_use_id="t")["hookSpecificOutput"]
        assert "go on" in given["additionalContext"]
        records_hooked(who, given["additionalContext"])
        who.says("idle")
        roost.until_message(sent["id"], "done")


def test_17_an_agent_that_roost_runs_cannot_join(roost: Roost) -> None:
    roost.add("worker")
    roost.call("wake", name="worker")
    with pytest.raises(RemoteError, match="'worker' already, and roost runs it"):
        roost.call("join", token=roost.token("worker"), name="", dir=str(roost.home.work), environ={})
    with pytest.raises(RemoteError, match="this session has not joined"):
        roost.call("leave", token=roost.token("worker"))
    assert roost.row("worker")["session"] is not None


_WITHIN = """
import json, os, subprocess, sys
pid = os.getpid()
start = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[19]
with open(f"{sys.argv[1]}/{pid}.json", "w") as file:
    json.dump({**json.loads(sys.argv[2]), "pid": pid, "procStart": start}, file)
subprocess.run([sys.executable, "-m", "roost", "join", "me"], check=True, stdout=subprocess.DEVNULL)
print(pid)
"""


def test_17_of_two_programs_above_the_command_the_nearer_one_has_joined(roost: Roost) -> None:
    """A program may have started another that has the conversation open as well."""
    with guest(roost) as who:
        place = roost.home.user / ".claude/sessions"
        told = {"sessionId": who.conversation, "cwd": str(who.folder), "status": "busy"}
        code, out, error = who.shell(sys.executable, "-c", _WITHIN, str(place), json.dumps(told))
        assert code == 0, error
        assert f"process {out.strip()} " in roost.until_death("me")["evidence"]


def test_N6_its_end_closes_the_row_and_takes_back_its_hooks(roost: Roost) -> None:
    with guest(roost) as who:
        before = tree(who.folder)
        joined(who, "me")
        folder = roost.places.session(str(roost.session("me")["id"]))
        assert folder.is_dir()
        signal_pid(who.process.pid, signal.SIGKILL)
        death = roost.until_death("me")
        assert (death["cause"], death["counted"]) == ("program-ended", False)
        assert str(who.process.pid) in death["evidence"]
        assert roost.row("me")["session"] is None
        wait_until(lambda: tree(who.folder) == before, timeout=PATIENCE, why="its hooks are taken back")
        wait_until(lambda: not folder.exists(), timeout=PATIENCE, why="its folder goes")


def test_L3_a_sweep_without_a_daemon_closes_it_and_takes_back_its_hooks(roost: Roost) -> None:
    with guest(roost) as who:
        before = tree(who.folder)
        joined(who, "me")
        roost.kill()
        assert roost.cli("gc").returncode == 0
        assert tree(who.folder) != before  # it lives
        who.process.kill()
        who.process.wait()
        assert roost.cli("gc").returncode == 0
        assert tree(who.folder) == before
        roost.start()
        assert [death["cause"] for death in roost.deaths("me")] == ["program-ended"]


def test_L2_a_daemon_that_is_killed_leaves_it_alone_and_the_next_one_has_it_again(roost: Roost) -> None:
    with guest(roost) as who, guest(roost, "x") as gone:
        before = tree(gone.folder)
        joined(who, "me")
        joined(gone, "gone")
        session = roost.session("me")["id"]
        roost.kill()
        signal_pid(gone.process.pid, signal.SIGKILL)
        os.waitid(os.P_PID, gone.process.pid, os.WEXITED | os.WNOWAIT)
        roost.start()
        assert alive(who.process.pid)
        assert roost.until_death("gone")["cause"] == "program-ended"  # a zombie is dead
        wait_until(lambda: tree(gone.folder) == before, timeout=PATIENCE, why="its hooks are taken back")
        who.says("idle")
        roost.until_state("me", "idle")
        assert roost.session("me")["id"] == session
        assert who.run("send", "operator", "still here")[0] == 0
        signal_pid(who.process.pid, signal.SIGKILL)
        roost.until_death("me")


def test_L2_hooks_that_a_killed_daemon_has_left_are_taken_back_by_the_next_one(roost: Roost) -> None:
    """It had closed the row and was killed before it took them back; those of the living stay."""
    with guest(roost) as who, guest(roost, "x") as gone:
        before = tree(gone.folder)
        joined(who, "me")
        joined(gone, "gone")
        stays, settings = tree(who.folder), gone.settings.read_bytes()
        notes = {place: place.read_bytes() for place in roost.places.hooks.iterdir()}
        assert gone.run("leave")[0] == 0
        assert tree(gone.folder) == before
        roost.kill()
        gone.settings.parent.mkdir()
        gone.settings.write_bytes(settings)
        for place, data in notes.items():
            place.write_bytes(data)
        roost.start()
        wait_until(lambda: tree(gone.folder) == before, timeout=PATIENCE, why="its hooks are taken back")
        assert who.run("send", "operator", "still here")[0] == 0
        assert tree(who.folder) == stays


def records_hooked(who: Guest, text: str, *, ended: bool = True) -> None:
    """Its transcript says that its model was given what a hook answered; `ended`: and its turn is over."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    attached = {"type": "hook_additional_context", "content": [text]}
    end = {"type": "system", "subtype": "turn_duration", "timestamp": now, "sessionId": who.conversation}
    who.records(
        {"type": "attachment", "attachment": attached, "timestamp": now, "sessionId": who.conversation},
        *([end] if ended else []),
    )


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
