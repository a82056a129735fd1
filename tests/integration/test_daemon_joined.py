"""`roost join`: a session that a person has started is a peer for a while (issue 17, H6, P5, L1, L2, N6)."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.client.connection import RemoteError
from tests.support.daemon import Roost, alive, cleared, shared_roost, signal_pid
from tests.support.guest import guest, joined, records_hooked
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
