"""Ends of real sessions: causes, trees, forensics (P9, P10, N6, N7), crash loops and failed starts (P6)."""

import signal
import time
from collections.abc import Iterator

import pytest

from tests.support.daemon import Roost, cleared, roost_in, shared_roost, signal_pid
from tests.support.home import Home
from tests.support.truth import carriers
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


def only_stop(roost: Roost, name: str, cause: str) -> None:
    """There is exactly one stopped event, with this cause."""
    assert [event["cause"] for event in roost.events(name, "stopped")] == [cause]


def test_P9_N6_N7_a_killed_agent_leaves_one_record_and_no_children(roost: Roost) -> None:
    roost.add("a")
    roost.send("a", "@@silent@@\n@@fork 2@@", wait="done", timeout=PATIENCE)
    session = roost.session("a")
    assert len(carriers(session["id"])) >= 5
    begin = time.monotonic()
    signal_pid(session["agent_pid"], signal.SIGKILL)
    death = roost.until_death("a")
    assert time.monotonic() - begin < 5
    assert (death["cause"], death["signal"], death["exit_code"], death["counted"]) == (
        "crashed",
        9,
        None,
        True,
    )
    assert "signal 9" in death["evidence"]
    wait_until(lambda: carriers(session["id"]) == [], timeout=PATIENCE, why="the tree is empty")
    only_stop(roost, "a", "crashed")
    assert roost.ask("a", "go on") == "echo: go on"
    assert roost.events("a", "starting")[-1]["cause"] == "crash-or-self-close"


def test_P9_the_shim_killed_is_shim_lost(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "hello")
    session = roost.session("a")
    signal_pid(session["shim_pid"], signal.SIGKILL)
    death = roost.until_death("a")
    assert (death["cause"], death["counted"]) == ("shim-lost", True)
    assert carriers(session["id"]) == []
    only_stop(roost, "a", "shim-lost")
    assert roost.ask("a", "again") == "echo: again"


def test_P10_the_tmux_server_killed_leaves_record_and_forensics(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "hello")
    session = roost.session("a")
    signal_pid(session["server_pid"], signal.SIGKILL)
    death = roost.until_death("a")
    assert (death["cause"], death["counted"]) == ("server-exit", True)
    wait_until(lambda: carriers(session["id"]) == [], timeout=PATIENCE, why="the tree is empty")
    only_stop(roost, "a", "server-exit")
    assert "ev=server-exit" in roost.places.exits_log.read_text()
    (report,) = roost.places.forensics.iterdir()
    assert session["id"] in report.read_text()
    assert roost.ask("a", "again") == "echo: again"


def test_P10_with_the_daemon_down_the_shim_still_tells(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "hello")
    session = roost.session("a")
    roost.kill()
    signal_pid(session["server_pid"], signal.SIGKILL)
    wait_until(lambda: any(roost.places.spool.glob("*.json")), timeout=PATIENCE, why="the death record")
    assert "ev=server-exit" in roost.places.exits_log.read_text()
    assert len(list(roost.places.forensics.iterdir())) == 1
    roost.start()
    assert roost.until_death("a")["cause"] == "server-exit"
    only_stop(roost, "a", "server-exit")


def test_P10_a_deliberate_stop_leaves_no_server_exit(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "hello")
    roost.call("stop", name="a")
    assert [death["cause"] for death in roost.deaths("a")] == ["operator-stop"]
    exits = roost.places.exits_log
    assert not exits.exists() or "server-exit" not in exits.read_text()
    assert not list(roost.places.forensics.glob("*"))


def test_P9_exit_codes_are_recorded(roost: Roost) -> None:
    roost.add("a")
    roost.call("wake", name="a")
    roost.keys("a", "@@exit 3@@", "Enter")
    death = roost.until_death("a")
    assert (death["cause"], death["exit_code"], death["signal"]) == ("crashed", 3, None)
    assert death["last_lines"]
    shown = roost.cli("deaths", "a")
    assert shown.returncode == 0
    assert "crashed" in shown.stdout


def test_N2_N4_a_turn_cut_off_by_a_crash_is_driven_once_more_by_a_note(roost: Roost) -> None:
    roost.add("a")
    sent = roost.send("a", "@@delay 60@@\n@@reply survived@@", wait="accepted", timeout=PATIENCE)
    signal_pid(roost.session("a")["agent_pid"], signal.SIGKILL)
    roost.until_death("a")
    wait_until(lambda: len(roost.prompts(sent["id"])) == 2, timeout=PATIENCE, why="it is driven again")
    first, second = roost.prompts(sent["id"])
    assert "@@delay" in first["text"]
    assert "@@delay" not in second["text"]
    assert f"go on with message {sent['id']}" in second["text"]
    notice = wait_until(
        lambda: [item for item in roost.call("inbox", name="operator") if item["notice"]],
        timeout=PATIENCE,
        why="the sender is told (N1)",
    )
    assert notice[0]["notice"]["about"] == sent["id"]
    signal_pid(roost.session("a")["agent_pid"], signal.SIGKILL)
    roost.until_message(sent["id"], "dead-letter")
    assert len(roost.prompts(sent["id"])) == 2


CONFIG = """
[runtimes.broken]
argv = ["sh", "-c", "exit 3"]
ready = '^never'

[runtimes.absent]
argv = ["no-such-program-anywhere", "--flag"]
ready = '^never'
"""


@pytest.fixture
def configured(home: Home) -> Iterator[Roost]:
    home.roost.mkdir(mode=0o700)
    (home.roost / "config.toml").write_text(CONFIG)
    with roost_in(home) as made:
        yield made


def test_P6_three_failed_boots_quarantine_the_peer_and_keep_its_message(configured: Roost) -> None:
    roost = configured
    roost.add("a", "broken")
    sent = roost.send("a", "kept")
    row = roost.until_state("a", "quarantined")
    assert "failed to start" in row["why"]
    deaths = roost.deaths("a")
    assert [(death["cause"], death["exit_code"]) for death in deaths] == [("boot-failed", 3)] * 3
    assert len(roost.events("a", "quarantined")) == 1
    assert roost.message(sent["id"])["state"] == "queued"
    advised = roost.cli("send", "a", "also kept")
    assert advised.returncode == 0
    assert "quarantined" in advised.stderr
    roost.kill()
    roost.start()
    assert roost.row("a")["state"] == "quarantined"
    assert len(roost.deaths("a")) == 3
    roost.call("set", name="a", pairs=[["runtime", "demo"]])
    roost.call("start", name="a")
    roost.until_message(sent["id"], "done")
    assert roost.row("a")["state"] in ("idle", "working")


def test_P6_N2_a_missing_program_is_named_and_the_message_is_kept(configured: Roost) -> None:
    roost = configured
    roost.add("a", "absent")
    sent = roost.send("a", "kept")
    death = roost.until_death("a")
    assert (death["cause"], death["counted"]) == ("not-started", False)
    assert "no-such-program-anywhere" in death["evidence"]
    assert "install it" in death["evidence"]
    woken = roost.cli("wake", "a")
    assert woken.returncode == 1
    assert "no-such-program-anywhere" in woken.stderr
    assert len(woken.stderr.splitlines()) == 1
    roost.call("set", name="a", pairs=[["runtime", "demo"]])
    roost.call("start", name="a")
    roost.until_message(sent["id"], "done")


def test_P6_N2_a_deleted_directory_is_named_and_the_message_is_kept(configured: Roost) -> None:
    roost = configured
    roost.add("a")
    roost.ask("a", "what an earlier session was told")
    roost.call("sleep", name="a")
    roost.until_state("a", "asleep")
    folder = roost.home.work / "a"
    folder.rmdir()
    sent = roost.send("a", "kept")
    death = wait_until(lambda: roost.deaths("a")[1:], timeout=PATIENCE, why="a start that failed")[0]
    assert (death["cause"], death["counted"], death["last_lines"]) == ("not-started", False, [])
    assert str(folder) in death["evidence"]
    folder.write_text("a file")
    assert f"the directory {folder} is a file; move that away" in roost.cli("wake", "a").stderr
    folder.unlink()
    folder.mkdir()
    roost.call("start", name="a")
    roost.until_message(sent["id"], "done")
    assert len(roost.prompts(sent["id"])) == 1


def test_stop_ends_an_agent_that_ignores_being_asked(roost: Roost) -> None:
    roost.add("a")
    for number in ("HUP", "TERM"):
        roost.send("a", f"@@silent@@\n@@ignore {number}@@", wait="done", timeout=PATIENCE)
    roost.send("a", "@@silent@@\n@@fork 1@@", wait="done", timeout=PATIENCE)
    session = roost.session("a")
    roost.call("stop", name="a")
    assert carriers(session["id"]) == []
    assert [death["cause"] for death in roost.deaths("a")] == ["operator-stop"]
