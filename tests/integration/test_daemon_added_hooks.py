"""`roost hooks`: hooks that a person adds to their Codex, and what joins with them (issue 17)."""

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.client.connection import RemoteError
from tests.support.codex_guest import codex
from tests.support.daemon import Roost, cleared, shared_roost, signal_pid
from tests.support.wait import wait_until

PATIENCE = 30.0
TURN = {"type": "task_started", "turn_id": "1"}


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made
        file = made.home.user / ".codex/hooks.json"
        made.cli("hooks", "remove", "codex")
        file.unlink(missing_ok=True)


def tokens(roost: Roost) -> Path:
    return roost.home.roost / "state/joined"


def test_17_hooks_are_added_beside_a_persons_own_and_the_file_is_what_it_was_without_them(
    roost: Roost,
) -> None:
    file = roost.home.user / ".codex/hooks.json"
    file.parent.mkdir(exist_ok=True)
    own = '{"hooks": {"Stop": [{"hooks":[{"type":"command","command":"echo"}]}]},\n\n "more": 1}'
    file.write_text(own)
    file.chmod(0o640)
    assert f"codex  not added to {file}" in roost.cli("hooks").stdout
    first = roost.cli("hooks", "add", "codex", "--json")
    assert json.loads(first.stdout) == {"program": "codex", "path": str(file), "added": True, "changed": True}
    told = json.loads(file.read_text())
    assert (told["more"], len(told["hooks"]["Stop"])) == (1, 2)
    assert told["hooks"]["Stop"][0] == json.loads(own)["hooks"]["Stop"][0]
    held = file.read_bytes()
    assert "they stand in" in roost.cli("hooks", "add", "codex").stdout  # twice is once
    assert file.read_bytes() == held
    assert [row["added"] for row in json.loads(roost.cli("hooks", "show", "--json").stdout)] == [True]
    assert f"taken out of {file}" in roost.cli("hooks", "remove", "codex").stdout
    assert (file.read_text(), file.stat().st_mode & 0o777) == (own, 0o640)
    assert "no hooks of roost stood in" in roost.cli("hooks", "remove", "codex").stdout


def test_17_what_is_in_the_way_of_hooks_is_said_and_nothing_is_changed(roost: Roost) -> None:
    file = roost.home.user / ".codex/hooks.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text("{ not JSON")
    broken = roost.cli("hooks", "add", "codex")
    assert (broken.returncode, "cannot be read as JSON" in broken.stderr) == (1, True)
    assert file.read_text() == "{ not JSON"
    other = file.with_name("elsewhere.json")
    file.replace(other)
    file.symlink_to(other)
    linked = roost.cli("hooks", "add", "codex")
    assert (linked.returncode, f"is a link to {other}" in linked.stderr) == (1, True)
    assert other.read_text() == "{ not JSON"
    other.unlink()
    claude = roost.cli("hooks", "add", "claude")
    assert (claude.returncode, "codex" in claude.stderr) == (2, True)
    with pytest.raises(RemoteError, match="takes no hooks for good"):
        roost.call("hooks_add", program="claude", environ={"HOME": str(roost.home.user)})
    assert roost.cli("hooks", "add").returncode == 2
    assert roost.cli("hooks", "show", "codex").returncode == 2


def test_17_who_has_joined_is_handed_its_mail_from_the_first_hook_on_that_calls(roost: Roost) -> None:
    roost.cli("hooks", "add", "codex")
    with codex(roost) as who:
        assert who.hook("Stop") == (0, "", "")  # nobody has joined: the shell answers
        _, out, error = who.run("join", "me")
        assert ("once one of its hooks has called" in out, error) == (True, "")
        assert roost.row("me")["kind"] == "joined-reader"
        sent = roost.send("me", "what waited")
        assert "reads its mail itself" in roost.message(sent["id"])["why"]
        who.records(TURN)
        other = "00000000-0000-4000-8000-000000000000"
        assert who.hook("PostToolUse", other) == (0, "{}", "")  # of a session that has not joined
        code, out, error = who.hook("Stop")
        assert (code, out, error.count("what waited")) == (2, "", 1)
        row = roost.row("me")
        assert (row["kind"], row["session"]["agent_pid"]) == ("joined", who.process.pid)
        who.takes(error)
        roost.until_message(sent["id"], "done")
        roost.until_state("me", "idle")
        # within the next turn
        who.records(TURN)
        roost.until_state("me", "working")
        now = roost.send("me", "at once", when="now")
        code, out, _ = who.hook("PostToolUse")
        assert (code, "at once" in json.loads(out)["hookSpecificOutput"]["additionalContext"]) == (0, True)
        assert who.hook("PostToolUse") == (0, "{}", "")
        who.takes(f"{json.loads(out)['hookSpecificOutput']['additionalContext']}")
        roost.until_message(now["id"], "done")
        assert who.run("leave")[0] == 0
        assert not tokens(roost).exists()
        assert who.hook("Stop") == (0, "", "")


def test_17_its_end_is_seen_and_no_hook_finds_it_any_more_also_after_a_death_of_the_daemon(
    roost: Roost,
) -> None:
    roost.cli("hooks", "add", "codex")
    with codex(roost) as who, codex(roost, "v") as beside:
        who.run("join", "me")
        beside.run("join", "too")
        (mine,) = [place for place in tokens(roost).iterdir() if place.name == who.thread]
        assert mine.stat().st_mode & 0o777 == 0o600
        roost.kill()
        assert who.hook("Stop") == (0, "{}", "")  # no daemon: nothing is said, at once
        signal_pid(beside.process.pid, signal.SIGKILL)
        roost.start()
        assert roost.until_death("too")["cause"] == "program-ended"
        wait_until(lambda: [*tokens(roost).iterdir()] == [mine], timeout=PATIENCE, why="one is left")
        assert who.hook("Stop")[0] == 0
        wait_until(lambda: roost.row("me")["kind"] == "joined", timeout=PATIENCE, why="its hook has called")
        signal_pid(who.process.pid, signal.SIGKILL)
        roost.until_death("me")
        wait_until(lambda: not tokens(roost).exists(), timeout=PATIENCE, why="no hook finds it")


def test_17_hooks_that_cannot_be_read_leave_who_joins_a_reader(roost: Roost) -> None:
    file = roost.home.user / ".codex/hooks.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text("{ not JSON")
    with codex(roost) as who:
        code, out, error = who.run("join", "me")
        assert (code, error, "read messages by `roost listen`" in out) == (0, "", True)
        assert roost.row("me")["kind"] == "joined-reader"


def test_L2_what_hooks_would_find_of_a_session_that_nobody_knows_is_gone_with_the_next_daemon(
    roost: Roost,
) -> None:
    roost.kill()
    tokens(roost).mkdir(mode=0o700)
    (tokens(roost) / "conversation").write_text("http://127.0.0.1:1 token session\n")
    roost.start()
    wait_until(lambda: not tokens(roost).exists(), timeout=PATIENCE, why="it is taken back")


def test_17_an_agent_adds_no_hooks(roost: Roost) -> None:
    roost.cli("hooks", "add", "codex")
    with codex(roost) as who:
        who.run("join", "me")
        code, _, error = who.run("hooks", "remove", "codex")
        assert (code, "operator" in error) == (1, True), error
    assert roost.cli("hooks", "show", "--json").stdout.count('"added": true') == 1
