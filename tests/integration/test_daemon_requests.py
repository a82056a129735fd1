"""Requests of operators and agents, on real parts: wake table, refresh, fresh, failing wakes (P3, P6-P8)."""

import shutil
import signal
import threading
from collections.abc import Iterator

import pytest

from tests.support.daemon import Roost, alive, cleared, roost_in, shared_roost, signal_pid
from tests.support.home import Home
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


def causes(roost: Roost, name: str = "a") -> list[str]:
    """Why each session began, as it was decided before the launch."""
    return [event["cause"] for event in roost.events(name, "starting")]


def logged_before_the_agent_started(roost: Roost) -> None:
    """Every `starting` line stands in lifecycle.log, and each agent started after its own."""
    lines = (roost.places.logs / "lifecycle.log").read_text().splitlines()
    decided = roost.events(None, "starting")
    began = f"ts={decided[0]['ts']}"
    logged = [line for line in lines if "ev=starting" in line and line >= began]
    assert len(logged) == len(decided)
    started = {one["session"]: one["ts"] for one in roost.happened("start")}
    for line, event in zip(logged, decided, strict=True):
        assert f"cause={event['cause']}" in line
        assert started.get(event["session"], "9") > event["ts"]


def test_P3_the_wake_table_on_the_demo_agent(roost: Roost) -> None:
    roost.add("a", resume="always")
    roost.ask("a", "hello")
    roost.call("restart", name="a")
    assert roost.ask("a", "@@recall@@") == "0"
    roost.call("stop", name="a")
    roost.call("start", name="a")
    roost.call("wake", name="a", mode="resume")
    assert roost.ask("a", "@@recall@@") == "1"
    roost.call("refresh", name="a")
    roost.call("stop", name="a")
    roost.call("start", name="a")
    assert roost.ask("a", "@@recall@@") == "0"
    cut = roost.send("a", "@@delay 60@@", wait="accepted", timeout=PATIENCE)["id"]
    roost.until_state("a", "working")
    signal_pid(roost.session("a")["agent_pid"], signal.SIGKILL)
    roost.until_death("a", 4)
    wait_until(lambda: len(causes(roost)) == 5, timeout=PATIENCE, why="it is woken for the cut turn")
    assert roost.message(cut)["state"] in ("accepted", "offered")
    roost.until_state("a", "working")
    roost.call("restart", name="a")
    roost.keys("a", "@@exit 0@@", "Enter")
    roost.until_death("a", 6)
    assert roost.ask("a", "@@recall@@") == "0"
    assert causes(roost) == [
        "first-wake",
        "operator-fresh",
        "operator-resume",
        "refresh",
        "redrive",
        "operator-fresh",
        "crash-or-self-close",
    ]
    logged_before_the_agent_started(roost)


def test_P7_refresh_of_all_and_show(roost: Roost) -> None:
    roost.add("a")
    roost.add("mail", "human")
    done = roost.cli("refresh", "--all")
    assert (done.returncode, done.stdout) == (0, "a begins a new conversation at its next wake\n")
    assert "begins anew at its next wake" in roost.cli("show", "a").stdout
    refused = roost.cli("refresh", "mail")
    assert refused.returncode == 1
    assert "mailbox" in refused.stderr
    assert roost.cli("refresh").returncode == 2
    roost.kill()
    roost.start()
    roost.ask("a", "hello")
    assert causes(roost) == ["refresh"]
    assert "begins anew" not in roost.cli("show", "a").stdout


def test_P7_an_agent_asks_for_a_fresh_session_of_itself(roost: Roost) -> None:
    roost.add("a", resume="always")
    roost.ask("a", "hello")
    inside = {"ROOST_TOKEN": roost.token("a")}
    outside = roost.cli("fresh")
    assert outside.returncode == 2
    assert "roost restart" in outside.stderr
    done = roost.cli("fresh", environ=inside)
    assert done.returncode == 0, done.stderr
    death = roost.until_death("a")
    assert (death["cause"], death["by"], death["counted"]) == ("restart", "a", False)
    assert roost.until_state("a", "asleep")["fresh_next"]
    assert roost.ask("a", "@@recall@@") == "0"
    assert causes(roost) == ["first-wake", "refresh"]
    denied = roost.cli("fresh", environ=inside)
    assert denied.returncode == 1


def test_P6_quarantine_and_its_counters_survive_a_restart_of_the_daemon(roost: Roost) -> None:
    roost.add("a", restarts="3", args="--no-such-option")
    sent = roost.send("a", "hello")["id"]
    roost.until_death("a")
    roost.kill()
    roost.start()
    roost.until_state("a", "quarantined")
    assert [death["cause"] for death in roost.deaths("a")] == ["boot-failed"] * 3
    row = roost.row("a")
    assert "failed to start: exit code 2: " in row["why"]
    assert "unknown argument --no-such-option" in row["why"], "F28: the line that tells"
    assert "until 2" in row["why"]
    roost.kill()
    roost.start()
    assert roost.row("a")["state"] == "quarantined"
    shown = roost.cli("show", "a").stdout
    assert "roost start a" in shown
    assert "exit code 2" in shown
    assert "3 in a row" in shown
    assert "exit code 2" in roost.cli("deaths", "a").stdout
    (told,) = [mail["notice"] for mail in roost.call("inbox", name="operator")]
    assert (told["about"], told["outcome"]) == (sent, "fails to start")
    assert "is quarantined until" in told["why"], "one trouble, one notice, with how it ended"
    assert "exit code 2" in told["why"]
    assert "`roost start a`" in told["why"]
    assert any("fails to start" in one["what"] for one in roost.message(sent)["story"])
    roost.call("set", name="a", pairs=[["args", ""]])
    roost.call("start", name="a")
    roost.until_message(sent, "done")
    assert roost.call("show", name="a")["failures"] == 0


def test_N1_a_missing_program_is_told_when_it_stays_away(home: Home) -> None:
    program = home.work / "agent"
    home.roost.mkdir(mode=0o700)
    (home.roost / "config.toml").write_text(f'[runtimes.mine]\nargv = ["{program}"]\nready = "^$"\n')
    with roost_in(home) as roost:
        roost.add("a", "mine")
        roost.send("a", "hello")
        wait_until(lambda: roost.call("inbox", name="operator"), timeout=PATIENCE, why="the sender is told")
        (mail,) = roost.call("inbox", name="operator")
        assert mail["notice"]["outcome"] == "cannot be woken"
        assert f"the program '{program}'" in mail["notice"]["why"]
        assert str(program) in roost.row("a")["why"]


def test_P8_sends_and_wakes_at_once_give_one_session(roost: Roost) -> None:
    roost.add("a")
    sent: list[str] = []
    threads = [threading.Thread(target=roost.call, args=("wake",), kwargs={"name": "a"}) for _ in range(4)]
    threads += [threading.Thread(target=lambda: sent.append(roost.send("a", "hi")["id"])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    for message_id in sent:
        roost.until_message(message_id, "done")
    assert len(sent) == 8
    assert len(roost.happened("start")) == 1


def test_P7_a_stop_wins_against_a_racing_wake(roost: Roost) -> None:
    roost.add("a")
    for _ in range(3):
        roost.send("a", "hello")
        row = roost.call("stop", name="a")[0]
        assert row["state"] == "stopped"
        assert row["session"] is None
        pids = [one["pid"] for one in roost.happened("start")]
        wait_until(lambda: not any(map(alive, pids)), timeout=PATIENCE, why="no agent is left")  # noqa: B023
        roost.call("start", name="a")
    wait_until(
        lambda: all(one["state"] == "done" for one in roost.call("messages", name="a")),
        timeout=PATIENCE,
        why="everything was delivered",
    )


def test_P7_a_restart_during_the_start_gives_one_fresh_session(roost: Roost) -> None:
    roost.add("a")
    sent = roost.send("a", "hello")["id"]
    row = roost.call("restart", name="a")
    assert row["state"] in ("idle", "working")
    roost.until_message(sent, "done")
    assert causes(roost)[-1] == "operator-fresh"
    assert len(roost.deaths("a")) == len(causes(roost)) - 1
    living = [one["pid"] for one in roost.happened("start") if alive(one["pid"])]
    assert living == [roost.session("a")["agent_pid"]]


def test_P7_an_always_peer_comes_back_and_ever_more_slowly(roost: Roost) -> None:
    roost.add("a", wake="always")
    for count in (1, 2):
        wait_until(lambda: roost.row("a")["state"] == "idle", timeout=PATIENCE, why="it is up")
        signal_pid(roost.session("a")["agent_pid"], signal.SIGKILL)
        roost.until_death("a", count)
        assert roost.call("show", name="a")["failures"] == count
    stopped, started = roost.events("a", "stopped"), roost.events("a", "starting")
    wait_until(lambda: len(roost.events("a", "starting")) == 3, timeout=PATIENCE, why="it is started again")
    assert len(stopped) == 2
    assert len(started) >= 2
    roost.call("stop", name="a")


@pytest.mark.slow
def test_P3_a_folder_that_comes_back_needs_no_person(roost: Roost) -> None:
    roost.add("a", restarts="9")
    shutil.rmtree(roost.home.work / "a")
    sent = roost.send("a", "hello")["id"]
    roost.until_death("a")
    (roost.home.work / "a").mkdir()
    roost.until_message(sent, "done")
