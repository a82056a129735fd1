"""The damage matrix: no live agent is ended, what is lost is said, and each cure works."""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.daemon import PATIENCE, Record, Roost, StartFailedError, alive, roost_in
from tests.support.home import Home
from tests.support.sweeping import wipe_out
from tests.support.wait import wait_until


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        try:
            yield made
        finally:
            if made.daemon.poll() is None:
                made.call("gc", end=["all"])


def files(roost: Roost) -> list[Path]:
    return [Path(f"{roost.places.database}{suffix}") for suffix in ("", "-wal", "-shm")]


def deleted(roost: Roost) -> None:
    for path in files(roost):
        path.unlink(missing_ok=True)


def zero_bytes(roost: Roost) -> None:
    deleted(roost)
    roost.places.database.touch()


def no_tables(roost: Roost) -> None:
    deleted(roost)
    connection = sqlite3.connect(roost.places.database)
    connection.execute("PRAGMA application_id = 1")
    connection.close()


def no_log(roost: Roost) -> None:
    for path in files(roost)[1:]:
        path.unlink(missing_ok=True)


def older_copy(roost: Roost) -> None:
    deleted(roost)
    shutil.copy(roost.home.root / "early.db", roost.places.database)


def newer_schema(roost: Roost) -> None:
    connection = sqlite3.connect(roost.places.database)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def flipped_pages(roost: Roost) -> None:
    no_log(roost)
    data = bytearray(roost.places.database.read_bytes())
    for at in range(4096, len(data), 4096):
        data[at : at + 512] = bytes(byte ^ 0xA5 for byte in data[at : at + 512])
    roost.places.database.write_bytes(data)


def garbage(roost: Roost) -> None:
    deleted(roost)
    roost.places.database.write_bytes(b"no database at all" * 1000)


def moved(roost: Roost) -> None:
    for path in files(roost):
        if path.exists():
            path.rename(roost.home.root / path.name)


REFUSED = (newer_schema, flipped_pages, garbage)
"""With these no daemon starts, and it says what to do."""
DAMAGES = [deleted, zero_bytes, no_tables, no_log, older_copy, moved, *REFUSED]


def backed_up(roost: Roost) -> tuple[list[Record], str]:
    """Two peers that work, an early and a late backup; their sessions, an acknowledged message."""
    for name in ("a", "b"):
        roost.add(name)
        if name == "a":
            assert roost.cli("backup", str(roost.home.root / "early.db")).returncode == 0
        assert roost.ask(name, "hello") == "echo: hello"
        roost.until_state(name, "idle")
    sent = roost.ask("a", "remember this")
    assert sent == "echo: remember this"
    acknowledged = roost.call("messages", name="a")[-1]["id"]
    done = roost.cli("backup", str(roost.home.root / "late.db"))
    assert done.returncode == 0, done
    return [roost.session(name) for name in ("a", "b")], acknowledged


def pids_of(session: Record) -> list[int]:
    return [session[name] for name in ("agent_pid", "shim_pid", "server_pid")]


@pytest.mark.parametrize("agents", ["alive", "dead"])
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
def test_G6_damage_while_the_daemon_is_down(
    roost: Roost, damage: Callable[[Roost], None], agents: str
) -> None:
    sessions, acknowledged = backed_up(roost)
    roost.down(agents=False)
    if agents == "dead":
        wipe_out(sessions)
    damage(roost)
    doctor = roost.cli("doctor")
    if damage not in (no_log, moved, deleted, older_copy):
        assert "WRONG  store" in doctor.stdout
    if damage in REFUSED:
        with pytest.raises(StartFailedError, match=r"restore|upgrade"):
            roost.start()
    else:
        roost.start()
        # Two looks have been at all that runs.
        expected = [] if agents == "dead" or damage is no_log else sessions
        wait_until(
            lambda: len(roost.call("status")["unknown_sessions"]) == len(expected),
            timeout=PATIENCE,
            why="what the registry does not know is shown",
        )
        lost = damage is not no_log
        assert bool(roost.call("status")["alarm"]) is lost
        roost.down(agents=False)
    if agents == "alive":
        assert all(alive(pid) for session in sessions for pid in pids_of(session))

    cured = roost.cli("restore", str(roost.home.root / "late.db"))
    assert cured.returncode == 0, cured
    roost.start()
    assert roost.message(acknowledged)["state"] == "done"
    assert roost.call("status")["alarm"] is None
    for name, session in zip(("a", "b"), sessions, strict=True):
        if agents == "alive":
            wait_until(
                lambda name=name: roost.events(name, "adopted"), timeout=PATIENCE, why="it is taken over"
            )
            assert roost.session(name)["agent_pid"] == session["agent_pid"]
        assert roost.ask(name, "again") == "echo: again"


@pytest.mark.parametrize("damage", [deleted, moved, older_copy, garbage], ids=lambda each: each.__name__)
def test_G3_damage_under_a_running_daemon_is_told_and_cured(
    roost: Roost, damage: Callable[[Roost], None]
) -> None:
    """The daemon still has the files that were taken away: what they hold is not lost."""
    sessions, acknowledged = backed_up(roost)
    damage(roost)
    refused = roost.cli("send", "a", "lost?", "--wait", "stored")
    assert (refused.returncode, "nothing is stored" in refused.stderr) == (1, True)
    saved = roost.home.root / "saved.db"
    assert roost.cli("backup", str(saved)).returncode == 0
    assert "daemon is running" in roost.cli("restore", str(saved)).stderr
    roost.down(agents=False)
    assert roost.cli("restore", str(saved)).returncode == 0
    roost.start()
    assert roost.message(acknowledged)["state"] == "done"
    for name, session in zip(("a", "b"), sessions, strict=True):
        assert roost.session(name)["agent_pid"] == session["agent_pid"]
        assert roost.ask(name, "again") == "echo: again"


def test_backup_and_restore_refuse_what_would_destroy(roost: Roost) -> None:
    roost.add("a")
    copy = roost.home.root / "copy.db"
    assert roost.cli("backup", str(copy)).returncode == 0
    assert copy.stat().st_mode & 0o777 == 0o600
    again = roost.cli("backup", str(copy))
    assert (again.returncode, "already" in again.stderr) == (1, True)
    roost.down(agents=False)
    offline = roost.cli("backup", str(roost.home.root / "offline.db"), "--json")
    assert (offline.returncode, '"peers"' in offline.stdout) == (0, True)
    before = roost.places.database.read_bytes()
    newer = roost.home.root / "newer.db"
    shutil.copy(copy, newer)
    connection = sqlite3.connect(newer)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    empty = roost.home.root / "empty.db"
    empty.touch()
    (roost.home.root / "text").write_text("not a backup" * 1000)
    for name, why in (
        ("newer.db", "newer roost"),
        ("empty.db", "no tables"),
        ("text", "damaged"),
        ("x", "no file"),
    ):
        done = roost.cli("restore", str(roost.home.root / name))
        assert (done.returncode, why in done.stderr) == (1, True), done
    assert roost.places.database.read_bytes() == before
    done = roost.cli("restore", str(copy))
    assert "what was there before is kept as" in done.stdout
    kept = Path(done.stdout.split()[-1])
    assert kept.read_bytes() == before
