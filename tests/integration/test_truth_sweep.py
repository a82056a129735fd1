"""The registry against what really runs: starts, reboots, `roost gc`, orphans, mass deaths."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from roost.core.vocabulary.session import Processes, Session, SessionState
from roost.present.finding import Code
from roost.store.reader import Reader
from tests.support.cures import Case, Doctor
from tests.support.daemon import Record, Roost, alive, cleared, environ_of, roost_in, shared_roost
from tests.support.home import Home
from tests.support.sweeping import change_sessions, finish, of_boot, sleeper, wipe_out
from tests.support.wait import wait_until

PATIENCE = 30.0
OLD_BOOT = "00000000-0000-4000-8000-00000000b007"


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def gc(roost: Roost, *arguments: str) -> Record:
    done = roost.cli("gc", "--json", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def awake(roost: Roost, *names: str) -> list[Record]:
    """Peers that have answered once, and wait for the next message; their sessions."""
    for name in names:
        roost.add(name)
        assert roost.ask(name, "hello") == "echo: hello"
        roost.until_state(name, "idle")
    return [roost.session(name) for name in names]


def only_stop(roost: Roost, name: str, cause: str) -> None:
    assert [event["cause"] for event in roost.events(name, "stopped")] == [cause]


def contents(roost: Roost) -> str:
    """A digest of all that the store holds."""
    reader = Reader(roost.places.database)
    try:
        held = repr((reader.load(), reader.events(limit=100_000), reader.deaths(limit=100_000)))
    finally:
        reader.close()
    return hashlib.sha256(held.encode()).hexdigest()


@pytest.mark.slow
def test_L3_gc_without_a_daemon_keeps_the_living_and_closes_the_dead_once(roost: Roost) -> None:
    living, dead = awake(roost, "a", "b")
    roost.kill()
    report = gc(roost)
    assert (report["daemon"], report["closed"]) == (False, 0)
    assert {(each["peer"], each["outcome"], each["action"]) for each in report["found"]} == {
        ("a", "alive", "keep"),
        ("b", "alive", "keep"),
    }
    wipe_out([dead])
    before = contents(roost)
    assert [each["action"] for each in gc(roost, "--dry-run")["found"] if each["peer"] == "b"] == ["close"]
    assert contents(roost) == before
    assert gc(roost)["closed"] == 1
    assert gc(roost)["closed"] == 0
    assert alive(living["agent_pid"])
    roost.start()
    only_stop(roost, "b", "shim-lost")
    assert len([event for event in roost.events() if event["kind"] == "gc"]) == 1
    wait_until(lambda: roost.events("a", "adopted"), timeout=PATIENCE, why="the living one is adopted")
    assert roost.session("a")["agent_pid"] == living["agent_pid"]
    assert roost.ask("b", "again") == "echo: again"


def test_L3_gc_imports_the_death_record(roost: Roost) -> None:
    (session,) = awake(roost, "a")
    roost.kill()
    wipe_out([session], shim_first=False)
    assert gc(roost)["closed"] == 1
    death = json.loads(roost.cli("deaths", "a", "--json").stdout)[0]
    assert (death["cause"], death["signal"]) == ("crashed", 9)
    assert death["last_lines"]
    assert "ev=exit" in roost.places.exits_log.read_text()
    assert not list(roost.places.spool.glob("*.json"))


def test_L3_sweep_keeps_a_fresh_row_and_closes_an_old_one_that_nothing_backs(roost: Roost) -> None:
    (session,) = awake(roost, "a")
    roost.kill()
    wipe_out([session])

    def unreported(age: float) -> None:
        change_sessions(
            roost,
            lambda row: replace(
                row, processes=None, state=SessionState.STARTING, started_at=row.started_at - age
            ),
        )

    for path in roost.places.sessions.glob("*/started.json"):
        path.unlink()
    unreported(0)
    (found,) = gc(roost)["found"]
    assert (found["action"], found["why"]) == ("skip", "it is just being launched")
    unreported(3600)
    (found,) = gc(roost)["found"]
    assert (found["action"], found["why"]) == ("close", "no process of it was ever seen")


def test_L3_gc_with_a_daemon_only_reports(roost: Roost) -> None:
    awake(roost, "a")
    before = contents(roost)
    report = gc(roost)
    assert (report["daemon"], report["closed"]) == (True, 0)
    assert [(each["peer"], each["outcome"]) for each in report["found"]] == [("a", "alive")]
    assert contents(roost) == before


def test_L6_no_home_and_no_peers_are_clean(home: Home) -> None:
    roost = Roost(home)
    report = gc(roost)
    assert (report["closed"], report["found"], report["orphans"]) == (0, [], [])
    assert not home.roost.exists()
    with roost_in(home) as started:
        started.down(agents=False)
        assert (gc(started)["closed"], gc(started)["found"]) == (0, [])


def test_L5_list_and_show_never_change_anything(roost: Roost) -> None:
    (session,) = awake(roost, "a")
    roost.down(agents=False)
    wipe_out([session])
    before = contents(roost)
    for words in (["list"], ["show", "a"], ["list", "--json"], ["deaths"], ["events"], ["gc", "--dry-run"]):
        assert roost.cli(*words).returncode == 0
    assert contents(roost) == before


def concurrently(roost: Roost, *commands: list[str]) -> list[int]:
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "roost", *words],
            env=roost.environ,
            cwd=roost.home.work,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for words in commands
    ]
    return [process.wait(4 * PATIENCE) for process in started]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_H2_H3_a_changed_boot_closes_all_rows_once_under_eight_processes(roost: Roost) -> None:
    sessions = awake(roost, "a", "b", "c")
    roost.kill()
    wipe_out(sessions)
    change_sessions(roost, of_boot(OLD_BOOT))
    assert concurrently(roost, *[["gc"]] * 8) == [0] * 8
    roost.start()
    for name in ("a", "b", "c"):
        only_stop(roost, name, "reboot")
        (death,) = roost.deaths(name)
        assert (death["cause"], death["counted"]) == ("reboot", False)
        assert death["last_lines"]
    assert sum(event["data"]["closed"] for event in roost.events() if event["kind"] == "gc") == 3
    roost.call("set", name="a", pairs=[["resume", "always"]])
    assert roost.ask("a", "@@recall@@") == "1"
    assert roost.events("a", "starting")[-1]["cause"] == "parked-always"


def test_H2_H3_a_changed_boot_is_met_by_a_starting_daemon(roost: Roost) -> None:
    sessions = awake(roost, "a", "b")
    roost.kill()
    wipe_out(sessions)
    change_sessions(roost, of_boot(OLD_BOOT))
    roost.start()
    for name in ("a", "b"):
        assert roost.until_death(name)["cause"] == "reboot"
        only_stop(roost, name, "reboot")


def test_B3_only_what_carries_our_marker_is_an_orphan(roost: Roost) -> None:
    """A marker of another home is another daemon's, and a process without a marker is nobody's business."""
    ended = environ_of(awake(roost, "a")[0]["agent_pid"])
    roost.call("stop", name="a")
    roost.call("start", name="a")
    awake_again = roost.call("wake", name="a")["session"]
    roost.down(agents=False)
    marker = {name: ended[name] for name in ("ROOST_SESSION", "ROOST_NONCE")}
    ours = sleeper({**marker, "ROOST_HOME": str(roost.places.home)})
    strangers = [
        sleeper({**marker, "ROOST_HOME": str(roost.places.home) + "-other"}),
        sleeper({"ROOST_SESSION": "", "ROOST_HOME": str(roost.places.home)}),
        sleeper({"ROOST_SESSION": "other", "ROOST_NONCE": "other", "ROOST_HOME": ""}),
    ]
    try:
        (left,) = gc(roost)["orphans"]
        assert (left["session"], left["pids"], left["closed"]) == (ended["ROOST_SESSION"], [ours.pid], True)
        roost.start()
        assert ours.wait(PATIENCE) == -9
        assert gc(roost)["orphans"] == []
        assert [process.poll() for process in strangers] == [None, None, None]
        assert alive(awake_again["agent_pid"])
    finally:
        for process in (ours, *strangers):
            finish(process)


def test_H4_a_row_whose_pid_belongs_to_a_stranger_is_dead_and_the_stranger_lives(roost: Roost) -> None:
    (session,) = awake(roost, "a")
    roost.kill()
    wipe_out([session])
    stranger = sleeper({})
    try:

        def recycled(row: Session) -> Session:
            assert row.processes is not None
            known = row.processes
            assert known.server is not None
            agent, shim, server = (
                replace(process, pid=stranger.pid) for process in (known.agent, known.shim, known.server)
            )
            return replace(row, processes=Processes(agent, shim, server, known.socket))

        change_sessions(roost, recycled)
        (found,) = gc(roost)["found"]
        assert found["action"] == "close"
        assert "belongs to another process now" in found["why"]
        assert stranger.poll() is None
    finally:
        finish(stranger)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_N5_a_fleet_that_dies_without_a_trace_is_held_first_and_closed_in_the_end(roost: Roost) -> None:
    names = [f"p{number}" for number in range(5)]
    for name in names:
        roost.add(name)
    sessions = [roost.call("wake", name=name)["session"] for name in names]
    roost.kill()
    wipe_out(sessions)
    report = gc(roost)
    assert (report["closed"], report["alarm"] is not None) == (0, True)
    assert {each["action"] for each in report["found"]} == {"hold"}
    roost.start()
    roost.until_state("p0", "unknown")
    assert "not believed yet" in roost.row("p0")["why"]
    assert "5 of 5 sessions" in roost.call("status")["alarm"]
    doctor, held = Doctor(roost), Case(Code.DEATHS_HELD)
    (told,) = doctor.sees(held)
    assert told.advice.startswith("wait half a minute")
    assert not any(roost.deaths(name) for name in names)
    wait_until(lambda: all(roost.deaths(name) for name in names), timeout=90, why="the hold is over")
    for name in names:
        only_stop(roost, name, "shim-lost")
    assert [event["cause"] for event in roost.events() if event["kind"] == "alarm"] == ["mass-death", "over"]
    doctor.sees_none(held)
    assert roost.call("status")["alarm"] is None
    assert "ev=alarm" in (roost.places.logs / "lifecycle.log").read_text()
