"""Identity (H4): a stranger on a recorded pid is never signalled and never believed; a zombie is dead."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import apsw
import pytest

from roost.core.vocabulary.identity import ProcessId
from roost.host.interfaces.processes import Liveness, Marker
from roost.host.memory.processes import MemoryProcesses
from roost.host.process import SystemProcesses
from tests.support.daemon import Roost, alive, cleared, shared_roost, signal_pid
from tests.support.guest import Guest, guest
from tests.support.home import Home
from tests.support.truth import carriers
from tests.support.wait import wait_until

PATIENCE = 30.0
PARTS = ("agent", "shim", "server")
# Writes down every signal that it can get; the two that it cannot catch would end or stop it.
STRANGER = """
import os, signal, sys
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, lambda got, frame: open(sys.argv[1], "a").write(f"{got} "))
print("ready", flush=True)
while True:
    signal.pause()
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


@pytest.fixture
def stranger(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """A process of nobody's session."""
    command = [sys.executable, "-S", "-c", STRANGER, str(home.root / "signals")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process
        process.kill()


def edit(roost: Roost, session: str, **places: dict[str, Any]) -> None:
    """Change the recorded processes of a session, as only a reused pid could."""
    store = apsw.Connection(str(roost.places.database))
    try:
        (text,) = next(iter(store.execute("SELECT data FROM sessions WHERE id = ?", (session,))))
        data = json.loads(text)
        known = data["processes"] or data["joined"]
        for part, change in places.items():
            known[part].update(change)
        store.execute("UPDATE sessions SET data = ? WHERE id = ?", (json.dumps(data), session))
    finally:
        store.close()


@pytest.mark.parametrize("way", ["start", "stop"])
def test_H4_a_stranger_on_the_recorded_pids_is_left_alone(
    roost: Roost, stranger: subprocess.Popen[bytes], home: Home, way: str
) -> None:
    """All that the store knows of the session are pids that are a stranger's now."""
    roost.add("a")
    roost.ask("a", "hello")
    session = roost.session("a")
    roost.kill()
    for part in PARTS:
        signal_pid(session[f"{part}_pid"], signal.SIGKILL)
    wait_until(lambda: not carriers(session["id"]), timeout=PATIENCE, why="the session is gone")
    edit(roost, session["id"], **{part: {"pid": stranger.pid} for part in PARTS})
    roost.start()
    if way == "stop":
        roost.call("stop", name="a")
    death = roost.until_death("a")
    assert death["session"] == session["id"]
    assert len(roost.events("a", "stopped")) == 1
    assert roost.row("a")["session"] is None
    assert stranger.poll() is None
    assert not (home.root / "signals").exists()


def test_H4_a_stranger_on_one_pid_does_not_hide_the_others(
    roost: Roost, stranger: subprocess.Popen[bytes], home: Home
) -> None:
    """The shim's pid is a stranger's: the session has no witness; its own processes end, no other."""
    roost.add("a")
    roost.ask("a", "hello")
    session = roost.session("a")
    roost.kill()
    edit(roost, session["id"], shim={"pid": stranger.pid})
    roost.start()
    assert roost.until_death("a")["cause"] in ("shim-lost", "crashed")
    wait_until(lambda: not carriers(session["id"]), timeout=PATIENCE, why="the real processes are ended")
    assert stranger.poll() is None
    assert not (home.root / "signals").exists()
    assert roost.ask("a", "again") == "echo: again"


def test_H4_a_recycled_pid_and_start_without_the_marker_is_not_of_the_session() -> None:
    """The perfect impostor: pid and start are those that were recorded; only the marker differs."""
    processes = MemoryProcesses()
    ours = Marker("s", "n")
    agent = processes.spawn(marker=ours)
    processes.end(agent.pid)
    impostor = processes.spawn(pid=agent.pid, start=agent.start, marker=Marker("s", "other"))
    child = processes.spawn(marker=ours)
    assert impostor == agent
    assert processes.tree(None, "s", "n") == [child]


def test_H4_P9_zombies_are_dead_for_probe_watch_and_signal() -> None:
    processes = SystemProcesses()
    with subprocess.Popen(["sleep", "60"]) as child:
        known = processes.identify(child.pid)
        assert known is not None
        child.kill()
        wait_until(lambda: processes.identify(child.pid) is None, timeout=PATIENCE, why="it is a zombie")
        assert os.path.exists(f"/proc/{child.pid}")  # noqa: PTH110 -- unreaped
        assert processes.probe(known).liveness is Liveness.DEAD
        assert processes.signal(known, signal.SIGTERM) is False


def test_H4_N6_a_zombie_agent_whose_shim_hangs_is_noticed_and_reaped(roost: Roost) -> None:
    """The shim is stopped, so nobody reaps the agent: `stop` wakes the shim, which records the true end."""
    roost.add("a")
    roost.ask("a", "hello")
    session = roost.session("a")
    for part in ("server", "shim"):  # tmux continues a pane's process that was stopped
        signal_pid(session[f"{part}_pid"], signal.SIGSTOP)
    signal_pid(session["agent_pid"], signal.SIGKILL)
    wait_until(lambda: not alive(session["agent_pid"]), timeout=PATIENCE, why="the agent is a zombie")
    roost.call("stop", name="a")
    death = roost.deaths("a")[-1]
    assert (death["cause"], death["signal"]) == ("operator-stop", 9)
    assert carriers(session["id"]) == []
    assert len(roost.events("a", "stopped")) == 1


@pytest.mark.slow
@pytest.mark.timeout(90)
def test_P9_N6_an_agent_that_died_under_a_hanging_shim_is_not_shown_as_well(roost: Roost) -> None:
    """Nobody asks for anything: it is unknown within moments, and ends as what it was."""
    roost.add("a")
    roost.ask("a", "hello")
    session = roost.session("a")
    for part in ("server", "shim"):  # tmux continues a pane's process that was stopped
        signal_pid(session[f"{part}_pid"], signal.SIGSTOP)
    signal_pid(session["agent_pid"], signal.SIGKILL)
    assert "its agent has ended" in roost.until_state("a", "unknown")["why"]
    death = roost.until_death("a")
    assert (death["cause"], death["signal"], death["counted"]) == ("crashed", 9, True)
    assert carriers(session["id"]) == []
    assert roost.ask("a", "go on") == "echo: go on"


def test_H4_another_persons_process_is_not_dead_and_a_foreign_boot_is() -> None:
    """EPERM is no death: pid 1 is not ours to signal (unless we are root), and it lives."""
    processes = SystemProcesses()
    first = processes.identify(1)
    assert first is not None
    assert processes.probe(first).liveness is Liveness.ALIVE
    other = ProcessId("another-boot", first.pid, first.start)
    assert processes.probe(other).liveness is Liveness.DEAD
    assert processes.signal(other, signal.SIGTERM) is False


def joined(who: Guest) -> str:
    """It joins as `me`; the session's id."""
    code, _, error = who.run("join", "me")
    assert code == 0, error
    return str(who.roost.session("me")["id"])


def test_H6_a_zombie_of_a_program_that_has_joined_is_dead(roost: Roost) -> None:
    with guest(roost) as who:
        joined(who)
        signal_pid(who.process.pid, signal.SIGKILL)
        assert roost.until_death("me")["cause"] == "program-ended"
        state = os.waitid(os.P_PID, who.process.pid, os.WEXITED | os.WNOWAIT)
        assert state is not None  # nobody has reaped it
        assert roost.row("me")["session"] is None


@pytest.mark.parametrize("of", ["pid", "start"])
def test_H6_a_stranger_on_the_pid_of_a_program_that_has_joined_is_not_believed(
    roost: Roost, stranger: subprocess.Popen[bytes], home: Home, of: str
) -> None:
    """Its row is closed, nothing is sent to the stranger, and what that asks is not the peer's asking."""
    with guest(roost) as who:
        session = joined(who)
        roost.kill()
        if of == "pid":
            who.process.kill()
            who.process.wait()
        other = {"pid": stranger.pid} if of == "pid" else {"start": 1}
        edit(roost, session, process=other)
        roost.start()
        death = roost.until_death("me")
        assert (death["session"], death["cause"]) == (session, "program-ended")
        assert alive(stranger.pid)
        assert not (home.root / "signals").exists()
        if of == "start":
            assert alive(who.process.pid)
            assert who.run("send", "operator", "who am I")[0] == 0
            assert roost.call("inbox", name="operator")[-1]["from"] != "me"
