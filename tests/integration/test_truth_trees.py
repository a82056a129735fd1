"""Whole process trees end with their session, however they are grown (N7), once, whoever asks (H3)."""

import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.daemon import Roost, alive, cleared, environ_of, shared_roost, signal_pid
from tests.support.home import Home
from tests.support.truth import carriers
from tests.support.wait import wait_until

PATIENCE = 40.0
# A shell-like agent that grows a tree of a kind, says so, and then ignores being asked to leave.
AGENT = r"""
import os, signal, subprocess, sys, time
kind, told = sys.argv[1:]
child = [sys.executable, "-S", "-c"]
quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
deaf = "import signal\nfor n in (1, 2, 15): signal.signal(n, signal.SIG_IGN)\nwhile True: signal.pause()"
pids = []
def start(program, **options):
    pids.append(subprocess.Popen([*child, program], **quiet, **options).pid)
if kind == "deaf":
    start(deaf); start(deaf, start_new_session=True)
elif kind == "stopped":
    start(deaf); os.kill(pids[0], signal.SIGSTOP)
elif kind == "bare":  # sheds its environment and its parent
    reader, writer = os.pipe()
    if os.fork() == 0:
        os.setsid()
        pid = os.fork()
        if pid == 0:
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2): os.dup2(null, fd)
            os.execve(sys.executable, [*child, deaf], {})
        os.write(writer, str(pid).encode()); os._exit(0)
    os.wait(); pids.append(int(os.read(reader, 20)))
elif kind == "forking":  # a hundred generations, each forks its next and leaves
    runs = "import os, time\nfor _ in range(100):\n  if os.fork(): os._exit(0)\n"
    runs += "  os.setsid(); time.sleep(0.02)\n"
    start(runs + deaf, start_new_session=True)
elif kind == "survivor":
    pass
for n in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT): signal.signal(n, signal.SIG_IGN)
open(told + ".new", "w").write(" ".join(map(str, pids))); os.rename(told + ".new", told)
print("tree> ", end="", flush=True)
while True: signal.pause()
"""
KINDS = ("deaf", "stopped", "bare", "forking", "survivor")


def prepare(home: Home) -> None:
    """Make a runtime of each kind."""
    home.roost.mkdir(mode=0o700)
    program = home.root / "grow.py"
    program.write_text(AGENT)
    (home.roost / "config.toml").write_text(
        "".join(
            f"[runtimes.{kind}]\n"
            f"argv = {json.dumps([sys.executable, str(program), kind, '{dir}/told'])}\n"
            "ready = '(?m)^tree> *$'\n"
            for kind in KINDS
        )
    )


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost(prepare) as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        yield made


def grown(roost: Roost, kind: str) -> list[int]:
    """A peer of this kind is up; returns the pids that its agent started and told."""
    roost.add("a", kind)
    roost.call("wake", name="a")
    told = roost.home.work / "a" / "told"
    text = wait_until(lambda: told.exists() and (told.read_text() or " "), timeout=PATIENCE, why="the tree")
    return [int(word) for word in str(text).split()]


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", ["stop", "kill", "server"])
@pytest.mark.parametrize("kind", KINDS)
def test_N7_no_kind_of_tree_outlives_its_session(roost: Roost, kind: str, way: str) -> None:
    pids = grown(roost, kind)
    session = roost.session("a")
    assert all(alive(pid) for pid in pids) or kind == "forking"
    if way == "stop":
        roost.call("stop", name="a")
        assert carriers(session["id"]) == []
    else:
        signal_pid(session["agent_pid" if way == "kill" else "server_pid"], signal.SIGKILL)
    death = roost.until_death("a")
    expected = {"stop": "operator-stop", "kill": "crashed", "server": "server-exit"}[way]
    assert death["cause"] == expected
    wait_until(lambda: not carriers(session["id"]), timeout=PATIENCE, why="nothing of it is left")
    wait_until(lambda: not any(map(alive, pids)), timeout=PATIENCE, why="none of its children is left")
    assert len(roost.events("a", "stopped")) == 1


def test_N7_the_next_session_waits_for_the_tree_of_the_last_one(roost: Roost) -> None:
    """Agent and shim are killed, so the daemon ends the children; the next agent finds none of them."""
    grown(roost, "deaf")
    session = roost.session("a")
    for part in ("shim", "agent"):
        signal_pid(session[f"{part}_pid"], signal.SIGKILL)
    roost.until_death("a")
    roost.call("wake", name="a")
    assert carriers(session["id"]) == []
    assert environ_of(roost.session("a")["agent_pid"])["ROOST_SESSION"] != session["id"]


def test_H3_P9_many_askers_at_once_give_one_death(roost: Roost) -> None:
    roost.add("b", idle="1h")
    roost.call("wake", name="b")
    session = roost.session("b")
    asked = threading.Barrier(5)

    def ask(what: object) -> None:
        asked.wait(PATIENCE)
        with suppress(ProcessLookupError):  # another was quicker, and it is gone
            what()  # pyright: ignore[reportCallIssue]

    askers = [
        threading.Thread(target=ask, args=(what,))
        for what in (
            lambda: roost.call("stop", name="b"),
            lambda: roost.call("stop", name="b"),
            lambda: roost.call("set", name="b", pairs=[["idle", "1ms"]]),
            lambda: signal_pid(session["agent_pid"], signal.SIGKILL),
            lambda: signal_pid(session["server_pid"], signal.SIGKILL),
        )
    ]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(PATIENCE)
    roost.until_state("b", "stopped")
    assert [event["session"] for event in roost.events("b", "stopped")] == [session["id"]]
    assert len(roost.deaths("b")) == 1
    wait_until(lambda: not carriers(session["id"]), timeout=PATIENCE, why="nothing of it is left")


def test_N7_a_leftover_is_ended_by_the_next_daemon(roost: Roost) -> None:
    """The daemon dies with agent and shim: what their children are is known from their markers alone."""
    pids = grown(roost, "deaf")
    session = roost.session("a")
    roost.kill()
    for part in ("shim", "agent", "server"):
        signal_pid(session[f"{part}_pid"], signal.SIGKILL)
    assert any(map(alive, pids))
    roost.start()
    roost.until_death("a")
    wait_until(lambda: not any(map(alive, pids)), timeout=PATIENCE, why="the leftovers are ended")
    assert Path(roost.places.database).exists()
