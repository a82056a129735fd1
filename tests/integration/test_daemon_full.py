"""G4, G5: on a full disk what is known is shown, what runs can be ended, and nobody is to blame."""

import shutil
import signal

import pytest

from tests.support.daemon import Roost, alive, roost_in, signal_pid
from tests.support.home import Home
from tests.support.small_disk import fill, fill_with_files, small_disk
from tests.support.wait import wait_until

PATIENCE = 30.0


def awake(roost: Roost, *names: str) -> dict[str, int]:
    """Peers at their prompt, with their agents' process ids."""
    for name in names:
        roost.add(name)
        roost.call("wake", name=name)
    return {name: roost.until_state(name, "idle")["session"]["agent_pid"] for name in names}


def until_known(roost: Roost, name: str, *words: str) -> None:
    wait_until(
        lambda: all(word in roost.row(name)["why"] for word in words),
        timeout=PATIENCE,
        why=f"{name} is shown as it is",
        describe=lambda: roost.row(name),
    )


@pytest.mark.slow
def test_G4_a_full_disk_hides_no_death_and_keeps_nothing_alive(home: Home) -> None:
    with small_disk(home.roost, "8m"), roost_in(home) as roost:
        pids = awake(roost, "a", "b", "c")
        ballast = home.roost / "ballast"
        fill(ballast)
        signal_pid(pids["a"], signal.SIGKILL)
        until_known(roost, "a", "signal 9", "not stored yet", "full")
        assert roost.row("a")["state"] != "idle"
        refused = roost.cli("wake", "a")
        assert (refused.returncode, "full" in refused.stderr) == (1, True), refused
        stopped = roost.cli("stop", "b")
        assert stopped.returncode == 0, stopped
        assert not alive(pids["b"])
        assert roost.row("b")["state"] == "stopped"
        told = "records: not stored yet: what became of a, b; "
        wait_until(lambda: told in roost.cli("doctor").stdout, timeout=PATIENCE, why="doctor names both")
        ballast.unlink()
        death = roost.until_death("a")
        assert (death["cause"], death["signal"], death["counted"]) == ("crashed", 9, True)
        death = roost.until_death("b")
        assert (death["cause"], death["counted"]) == ("operator-stop", False)
        assert roost.ask("a", "hello") == "echo: hello"

        fill(ballast)
        down = roost.cli("down", "--agents")
        assert down.returncode == 0, down
        assert roost.daemon.wait(PATIENCE) == 0
        assert not alive(pids["c"])
        ballast.unlink()
        roost.start()
        assert not roost.until_death("c")["counted"]


def test_G5_without_inodes_an_end_is_bounded_and_a_wake_waits(home: Home) -> None:
    with small_disk(home.roost, "16m", files=200), roost_in(home) as roost:
        pids = awake(roost, "a")
        roost.add("b")
        assert roost.cli("list").returncode == 0  # the native door has its socket
        ballast = home.roost / "ballast"
        fill_with_files(ballast)
        waits = roost.send("b", "hello")["id"]
        until_known(roost, "b", "cannot be started", "inodes")
        assert roost.cli("stop", "a").returncode == 0
        assert not alive(pids["a"])
        assert "files can still be made" in roost.cli("doctor").stdout
        shutil.rmtree(ballast)
        roost.until_message(waits, "done")
        assert [death["counted"] for death in roost.deaths("b")].count(True) == 0
