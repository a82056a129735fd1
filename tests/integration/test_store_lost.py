"""The registry is a sensor like any other (N5): a lost, empty or older store ends no agent (G1, G2, G3)."""

import json
import shutil
import signal
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.daemon import PATIENCE, Record, Roost, StartFailedError, alive, environ_of, roost_in
from tests.support.home import Home
from tests.support.sweeping import finish, sleeper
from tests.support.wait import wait_until


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        try:
            yield made
        finally:  # whatever a test has left outside the registry
            if made.daemon.poll() is None:
                made.call("gc", end=["all"])


def until_noted(roost: Roost) -> None:
    """Wait until the note beside the store speaks of its latest event."""

    def noted() -> bool:
        return json.loads(roost.places.store_note.read_bytes())["seq"] == roost.events()[-1]["seq"]

    wait_until(noted, timeout=PATIENCE, why="the note is up to date")


def awake(roost: Roost, *names: str) -> list[Record]:
    for name in names:
        roost.add(name)
        assert roost.ask(name, "hello") == "echo: hello"
        roost.until_state(name, "idle")
    return [roost.session(name) for name in names]


def pids_of(session: Record) -> list[int]:
    return [session[name] for name in ("agent_pid", "shim_pid", "server_pid")]


def files(roost: Roost) -> list[Path]:
    return [Path(f"{roost.places.database}{suffix}") for suffix in ("", "-wal", "-shm")]


def lose(roost: Roost) -> None:
    for path in files(roost):
        path.unlink(missing_ok=True)


def cut_to_nothing(roost: Roost) -> None:
    lose(roost)
    roost.places.database.touch()


def lose_the_log(roost: Roost) -> None:
    for path in files(roost)[1:]:
        path.unlink(missing_ok=True)


def unknown(roost: Roost) -> list[Record]:
    return roost.call("status")["unknown_sessions"]


def until_told(roost: Roost, count: int) -> list[Record]:
    """Wait until two looks have found that many sessions outside the registry."""

    def told() -> bool:
        events = roost.events(None, "alarm")
        return len([each for each in events if each["cause"] == "unknown-session"]) == count

    wait_until(told, timeout=PATIENCE, why=f"{count} unknown sessions are told", describe=roost.events)
    return unknown(roost)


@pytest.mark.parametrize("loss", [lose, cut_to_nothing])
def test_G1_an_empty_store_ends_no_agent_and_each_is_adopted_with_its_life(
    roost: Roost, loss: Callable[[Roost], None]
) -> None:
    """Seen before: "is up", exit 0, and all live agents killed three seconds later."""
    sessions = awake(roost, "a", "b")
    until_noted(roost)
    roost.kill()
    loss(roost)
    roost.start()
    told = until_told(roost, 2)
    assert {each["peer"] for each in told} == {"a", "b"}
    assert all(alive(pid) for session in sessions for pid in pids_of(session))
    listed = roost.cli("list")
    assert "2 sessions run that are not in the registry" in listed.stderr
    doctor = roost.cli("doctor", "--json")
    wrong = [each for each in json.loads(doctor.stdout) if each["ok"] is False]
    assert [each["check"] for each in wrong if each["check"] != "claude"][:1] == ["store in use"]
    kept = roost.cli("gc")
    assert "is not in the registry and is kept" in kept.stdout

    done = roost.cli("adopt", "--all")
    assert (done.returncode, done.stderr) == (0, "")
    assert unknown(roost) == []
    for name, session in zip(("a", "b"), sessions, strict=True):
        assert roost.session(name)["agent_pid"] == session["agent_pid"]
        roost.until_state(name, "idle")
        assert roost.ask(name, "again") == "echo: again"
        assert roost.ask(name, "@@recall@@") == "2"
    assert roost.events("a", "adopted")[0]["cause"] == "claimed"


def test_G1_a_person_ends_what_the_registry_does_not_know(roost: Roost) -> None:
    """With a daemon and without one: ending needs no store."""
    first, second = awake(roost, "a", "b")
    roost.kill()
    lose(roost)
    done = roost.cli("gc", "--end", first["id"][:8])
    assert (done.returncode, "its tree is empty" in done.stdout) == (0, True), done
    assert not any(map(alive, pids_of(first)))
    assert all(map(alive, pids_of(second)))
    roost.start()
    until_told(roost, 1)
    assert roost.cli("gc", "--end", "0000").returncode == 4
    done = roost.cli("gc", "--end", "all")
    assert done.returncode == 0, done
    assert not any(map(alive, pids_of(second)))
    assert unknown(roost) == []


def test_G1_an_older_copy_starts_nothing_beside_a_session_it_does_not_know(roost: Roost) -> None:
    """The peer's next session would have had the very id of the one that lives (ids are derived)."""
    awake(roost, "a")
    roost.call("stop", name="a")
    roost.down(agents=False)
    copy = roost.home.root / "copy.db"
    shutil.copy(roost.places.database, copy)
    roost.start()
    roost.call("start", name="a")
    roost.call("wake", name="a")
    session = roost.session("a")
    until_noted(roost)
    roost.kill()
    lose(roost)
    shutil.copy(copy, roost.places.database)
    roost.start()
    assert "it is an older copy" in str(roost.call("status")["alarm"])
    (told,) = until_told(roost, 1)
    assert (told["session"], told["peer"]) == (session["id"], "a")
    roost.call("start", name="a")
    sent = roost.send("a", "a question")
    row = roost.until_state("a", "blocked")
    assert "is not in the registry" in row["why"]
    assert row["session"]["id"] != session["id"]
    assert all(map(alive, pids_of(session)))
    roost.call("gc", end=[session["id"]])
    roost.until_message(sent["id"], "done")

    assert roost.cli("adopt", "--store").returncode == 0
    assert roost.call("status")["alarm"] is None
    roost.down(agents=False)
    roost.start()
    assert roost.call("status")["alarm"] is None


def test_G1_what_this_store_has_closed_is_cleared_as_ever(roost: Roost) -> None:
    """B2, N7: leftovers of our own launches go, also those of a removed peer."""
    (session,) = awake(roost, "a")
    marker = environ_of(session["agent_pid"])
    roost.call("remove", name="a", force=True)
    roost.down(agents=False)
    left = sleeper({name: marker[name] for name in ("ROOST_SESSION", "ROOST_NONCE", "ROOST_HOME")})
    try:
        assert [each["closed"] for each in json.loads(roost.cli("gc", "--json").stdout)["orphans"]] == [True]
        roost.start()
        assert left.wait(PATIENCE) == -signal.SIGKILL
    finally:
        finish(left)


def test_G1_files_of_peers_that_an_empty_store_does_not_name_stay(roost: Roost) -> None:
    (session,) = awake(roost, "a")
    roost.kill()
    lose(roost)
    roost.start()
    until_told(roost, 1)
    assert roost.places.pane_log("a").exists()
    assert roost.places.session(session["id"]).is_dir()


def test_G2_a_resting_store_is_whole_in_its_one_file(roost: Roost) -> None:
    """Seen before: no table in roost.db at any age, everything in the log beside it."""
    awake(roost, "a")

    def whole() -> bool:
        copy = roost.home.root / "copy.db"
        shutil.copy(roost.places.database, copy)
        connection = sqlite3.connect(copy)
        try:
            return connection.execute("SELECT name FROM peers WHERE name = 'a'").fetchall() == [("a",)]
        except sqlite3.DatabaseError:
            return False
        finally:
            connection.close()

    wait_until(whole, timeout=PATIENCE, why="the file alone holds everything")
    wait_until(
        lambda: files(roost)[1].stat().st_size == 0, timeout=PATIENCE, why="the log beside it is cut off"
    )
    (session,) = [roost.session("a")]
    roost.kill()
    lose_the_log(roost)
    roost.start()
    wait_until(lambda: roost.events("a", "adopted"), timeout=PATIENCE, why="the agent is adopted")
    assert roost.session("a")["agent_pid"] == session["agent_pid"]


def test_G2_a_store_without_tables_is_called_empty(roost: Roost) -> None:
    roost.down(agents=False)
    cut_to_nothing(roost)
    done = roost.cli("list")
    assert done.returncode == 1
    assert "is empty" in done.stderr
    assert "older" not in done.stderr


@pytest.mark.parametrize("away", ["rm", "mv"])
def test_G3_a_store_that_is_taken_away_under_the_daemon_takes_no_message(roost: Roost, away: str) -> None:
    """Seen before: `send` exit 0, and after `down; up` the message was gone for ever."""
    (session,) = awake(roost, "a")
    kept = roost.home.root / "kept"
    if away == "rm":
        roost.places.database.unlink()
    else:
        kept.mkdir()
        for path in files(roost):
            path.rename(kept / path.name)
    refused = roost.cli("send", "a", "lost?", "--wait", "stored")
    assert refused.returncode == 1
    assert "was moved, removed or replaced" in refused.stderr
    assert refused.stderr.count("\n") == 1
    assert "was moved, removed or replaced" in roost.call("status")["alarm"]
    doctor = roost.cli("doctor")
    assert (doctor.returncode, "WRONG  store in use" in doctor.stdout) == (1, True)
    if away == "mv":
        for path in kept.iterdir():
            path.rename(roost.places.state / path.name)
        assert roost.ask("a", "here again") == "echo: here again"
        assert roost.call("status")["alarm"] is None
        return
    roost.down(agents=False)
    roost.start()
    until_told(roost, 1)
    assert all(map(alive, pids_of(session)))
    assert roost.cli("adopt", session["id"][:6]).returncode == 0
    roost.until_state("a", "idle")
    assert roost.ask("a", "again") == "echo: again"


def test_G6_a_damaged_store_starts_no_daemon_and_ends_no_agent(roost: Roost) -> None:
    (session,) = awake(roost, "a")
    roost.kill()
    roost.places.database.write_bytes(b"garbage" * 1000)
    with pytest.raises(StartFailedError, match="is damaged"):
        roost.start()
    assert all(map(alive, pids_of(session)))
    done = roost.cli("gc", "--end", "all")
    assert (done.returncode, "is damaged" in done.stderr) == (1, True)
    done = roost.cli("gc", "--end", session["id"])
    assert done.returncode == 0, done
    assert not any(map(alive, pids_of(session)))
    lose(roost)
