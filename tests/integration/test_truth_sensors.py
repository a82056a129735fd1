"""Senses that fail (N5): nothing healthy is killed, what is not known is shown as unknown, all recovers."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.client.connection import RemoteError
from tests.support.daemon import Roost, alive, cleared, roost_in, signal_pid
from tests.support.home import make_home
from tests.support.processes import kept
from tests.support.wait import wait_until

PATIENCE = 40.0
TURN = "@@delay 600@@"
DAEMON = Path(__file__).resolve().parent.parent / "support" / "sensor_daemon.py"


class Senses:
    """A roost whose daemon loses senses on order."""

    def __init__(self, roost: Roost) -> None:
        self.roost = roost
        self.order = roost.home.root / "senses"
        roost.environ |= {
            "ROOST_SENSORS": str(self.order),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }

    def start(self) -> None:
        """Start the daemon, with the senses that it has now."""
        self.roost.start(sys.executable, str(DAEMON))

    def lose(self, *words: str) -> None:
        """From now on these fail, and no other."""
        fresh = self.order.with_suffix(".new")
        fresh.write_text(" ".join(words))
        fresh.rename(self.order)


@pytest.fixture(scope="module")
def shared() -> Iterator[Senses]:
    with make_home() as home, kept(home.mark), roost_in(home, started=False) as roost:
        made = Senses(roost)
        made.start()
        yield made


@pytest.fixture
def senses(shared: Senses) -> Iterator[Senses]:
    with cleared(shared.roost):
        try:
            yield shared
        finally:
            shared.lose()


@pytest.mark.slow
@pytest.mark.parametrize("sense", ["tmux-errors", "tmux-empty", "proc"])
def test_N5_a_lost_sense_ends_nobody_and_loses_nothing(senses: Senses, sense: str) -> None:
    roost = senses.roost
    roost.add("idle", idle="1s")
    roost.add("busy", idle="1h")
    # A turn keeps it from its sleep until the sense is lost, and from then on that alone.
    roost.send("idle", TURN, wait="accepted", timeout=PATIENCE)
    roost.call("wake", name="busy")
    pids = {name: roost.session(name)["agent_pid"] for name in ("idle", "busy")}
    senses.lose(sense)
    roost.keys("idle", "Escape")
    sent = ""
    if sense != "proc":
        sent = roost.send("busy", "meanwhile")["id"]
        wait_until(
            lambda: len(roost.message(sent)["attempts"]) >= 2 or roost.row("busy")["state"] == "unknown",
            timeout=PATIENCE,
            why="the offer meets the lost sense",
        )
    else:
        with pytest.raises(RemoteError, match="who asks cannot be told"):  # it could be an agent
            roost.send("busy", "meanwhile")
        wait_until(
            lambda: "not put to sleep" in roost.row("idle")["why"] or "looked at" in roost.row("idle")["why"],
            timeout=PATIENCE,
            why="the sleep is put off",
            describe=lambda: roost.row("idle"),
        )
    assert all(map(alive, pids.values()))
    assert [roost.deaths(name) for name in pids] == [[], []]
    turns = len(roost.happened("prompt"))
    roost.keys("idle", TURN, "Enter")
    wait_until(lambda: len(roost.happened("prompt")) > turns, timeout=PATIENCE, why="it is in a turn again")
    senses.lose()
    roost.call("set", name="idle", pairs=[["idle", "1h"]])
    if not sent:
        sent = roost.send("busy", "meanwhile")["id"]
    assert roost.until_message(sent, "done")["state"] == "done"
    assert len(roost.prompts(sent)) == 1
    assert {name: roost.session(name)["agent_pid"] for name in pids} == pids
    assert [roost.deaths(name) for name in pids] == [[], []]


@pytest.mark.slow
@pytest.mark.parametrize("sense", ["tmux-errors", "proc"])
def test_N5_N8_a_daemon_that_starts_without_a_sense_shows_unknown_and_adopts_later(
    senses: Senses, sense: str
) -> None:
    roost = senses.roost
    roost.add("a")
    roost.ask("a", "hello")
    pid = roost.session("a")["agent_pid"]
    roost.kill()
    senses.lose(sense)
    senses.start()
    row = roost.until_state("a", "unknown")
    assert "refuses" in row["why"] or "cannot be read" in row["why"]
    assert alive(pid)
    assert roost.deaths("a") == []
    senses.lose()
    assert roost.ask("a", "there again") == "echo: there again"
    assert roost.session("a")["agent_pid"] == pid
    assert roost.deaths("a") == []


def test_N5_P9_a_death_without_a_process_table_is_believed_when_it_can_be_seen(senses: Senses) -> None:
    roost = senses.roost
    roost.add("a")
    roost.ask("a", "hello")
    session = roost.session("a")
    senses.lose("proc")
    signal_pid(session["agent_pid"], signal.SIGKILL)
    wait_until(lambda: not alive(session["shim_pid"]), timeout=PATIENCE, why="it is over")
    senses.lose()
    assert roost.until_death("a")["cause"] == "crashed"
    assert len(roost.events("a", "stopped")) == 1


def test_N5_a_mute_tmux_is_unknown_and_goes_on_when_it_speaks_again(senses: Senses) -> None:
    """A real tmux server that hangs: SIGSTOP."""
    roost = senses.roost
    roost.add("a")
    roost.ask("a", "hello")
    session = roost.session("a")
    signal_pid(session["server_pid"], signal.SIGSTOP)
    sent = roost.send("a", "meanwhile")["id"]
    row = roost.until_state("a", "unknown")
    assert "tmux" in row["why"]
    assert alive(session["agent_pid"])
    signal_pid(session["server_pid"], signal.SIGCONT)
    roost.until_message(sent, "done")
    assert len(roost.prompts(sent)) == 1
    assert roost.session("a")["agent_pid"] == session["agent_pid"]
    assert roost.deaths("a") == []


def test_N5_N8_a_store_that_takes_nothing_forgets_nothing(senses: Senses) -> None:
    roost = senses.roost
    for name in ("a", "b"):
        roost.add(name)
        roost.call("wake", name=name)
    session, pid = roost.session("a"), roost.session("b")["agent_pid"]
    senses.lose("store")
    refused = roost.cli("send", "b", "not stored")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    signal_pid(session["agent_pid"], signal.SIGKILL)
    wait_until(lambda: not alive(session["shim_pid"]), timeout=PATIENCE, why="it is over")
    assert alive(pid)
    senses.lose()
    assert roost.until_death("a")["cause"] == "crashed"
    assert len(roost.events("a", "stopped")) == 1
    assert roost.deaths("b") == []
    assert roost.ask("a", "again") == "echo: again"


@pytest.mark.parametrize("place", ["spool", "forensics", "exits_log"])
def test_N5_P12_a_place_that_cannot_be_written_stops_no_reaping_and_no_wake(
    senses: Senses, place: str
) -> None:
    """A file where a directory should be, and the other way round: it fails for every user."""
    roost = senses.roost
    roost.add("a")
    roost.ask("a", "hello")
    path: Path = getattr(roost.places, place)
    if path.exists():
        path.rename(path.with_name(f"{path.name}.aside"))
    if place == "exits_log":
        path.mkdir()
    else:
        path.touch()
    session = roost.session("a")
    signal_pid(session["server_pid"], signal.SIGKILL)
    death = roost.until_death("a")
    assert death["cause"] in ("server-exit", "shim-lost")
    assert len(roost.events("a", "stopped")) == 1
    path.rmdir() if place == "exits_log" else path.unlink()
    assert roost.ask("a", "again") == "echo: again"
