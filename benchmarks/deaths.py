"""Ends of agents among 1,000 watched processes: how soon the row is closed, and whether every exit is known.

Each session is a real one: a small program in a shell, its shim, its tmux server; the daemon watches all.
"""

import asyncio
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import apsw

from benchmarks.home import PATIENCE, Home, daemon, folder, until
from benchmarks.mortal import CONFIG, ENDS
from benchmarks.result import Result, p50, p99
from roost.cli.output import warn
from roost.client.connection import Client
from roost.core.vocabulary.identity import ProcessId
from roost.errors import RoostError
from roost.host.limits import raise_open_files
from roost.host.process import SystemProcesses
from roost.host.watcher import SystemProcessWatcher

SESSIONS = 334
WATCHED = SESSIONS * 3
STARTERS = 4
ALONE = 100
PAUSE = 0.2
"""Deaths one after the other, and seconds from one to the next: what a death leaves is cleared meanwhile."""
BURST = 20
KILLS = 400
P50_TARGET = 3.0
P99_TARGET = 50.0


@dataclass(frozen=True, slots=True)
class Deaths:
    """What was measured: milliseconds of each death, of the shim's part in it, and of the bare floor."""

    took: Sequence[float]
    shims: Sequence[float]
    bare: Sequence[float]
    right: int
    wrong: Sequence[str]


class Follower:
    """The daemon's journal as a client follows it: when each `stopped` event came (monotonic seconds)."""

    def __init__(self, home: Home) -> None:
        self.stopped: dict[str, float] = {}
        self._client = Client(str(home.places.socket), None, warn)
        self._after = max(event["seq"] for event in home.events())
        threading.Thread(target=self._follow, daemon=True).start()

    def _follow(self) -> None:
        try:
            asked = {"after": self._after, "follow": True}
            self._client.call("events", asked, on_event=self._note, patience=None)
        except RoostError:
            return  # the daemon has ended

    def _note(self, event: dict[str, Any]) -> None:
        if event["kind"] == "stopped":
            self.stopped[event["session"]] = time.monotonic()


@cache
def measure() -> Deaths:
    """Start the sessions once for all that is asked of them."""
    raise_open_files()
    floor = asyncio.run(bare(WATCHED, ALONE))
    with daemon(CONFIG) as home:
        names = [f"mortal{number}" for number in range(SESSIONS)]
        for name in names:
            home.add(name, "mortal")
        _wake(home, names)
        follower = Follower(home)
        waiting = iter(_sessions(home, names))
        took, shims = zip(*(_one(session, follower) for session in islice(waiting, ALONE)), strict=True)
        expected = _bursts(waiting, follower, KILLS)
        again = names[: KILLS - len(expected)]
        _wake(home, again)
        expected |= _bursts(iter(_sessions(home, again)), follower, KILLS)
        right, wrong = _judge(home, expected)
    return Deaths(took, shims, floor, right, wrong)


def death() -> Result:
    """The usual case."""
    found = measure()
    return Result(
        name="death",
        what=f"an agent killed -> its row closed and committed, as a follower of the journal hears it,"
        f" {WATCHED} processes of {SESSIONS} sessions watched, {ALONE} deaths",
        unit="ms",
        measured=p50(found.took),
        floor=p50(found.bare),
        floor_is=f"a pidfd's callback among {WATCHED}, then one durable apsw commit",
        judged_as="p50",
        judged=p50(found.took),
        target=P50_TARGET,
        details={
            "agent's end -> shim's end p50 ms": p50(found.shims),
            "shim's end -> told p50 ms": p50([a - b for a, b in zip(found.took, found.shims, strict=True)]),
        },
    )


def death_worst() -> Result:
    """The unlucky case."""
    found = measure()
    return Result(
        name="death-p99",
        what="the same, the slowest of a hundred",
        unit="ms",
        measured=p99(found.took),
        floor=p99(found.bare),
        floor_is="the same",
        judged_as="p99",
        judged=p99(found.took),
        target=P99_TARGET,
    )


def exits() -> Result:
    """No exit is lost, however close they are."""
    found = measure()
    for line in found.wrong:
        warn(line)
    return Result(
        name="exits",
        what=f"ends of agents, {BURST} at a time as fast as they can be sent: code or signal recorded right",
        unit="of",
        measured=found.right,
        floor=KILLS,
        floor_is="the ends that were sent",
        judged_as="right",
        judged=found.right,
        target=KILLS,
        more_is_better=True,
    )


def _wake(home: Home, names: Sequence[str]) -> None:
    with ThreadPoolExecutor(STARTERS) as pool:
        list(pool.map(lambda name: home.client.call("wake", {"name": name}, patience=None), names))


def _sessions(home: Home, names: Sequence[str]) -> list[dict[str, Any]]:
    rows = {row["name"]: row["session"] for row in home.ask("list")}
    return [rows[name] for name in names]


def _agent(session: dict[str, Any]) -> ProcessId:
    agent = SystemProcesses().identify(session["agent_pid"])
    if agent is None:
        raise RuntimeError(f"the agent of session {session['id']} was gone before it was killed")
    return agent


def _kill(agent: ProcessId, number: int) -> None:
    if not SystemProcesses().signal(agent, number):
        raise RuntimeError(f"the agent {agent} was gone before it was killed")


def _one(session: dict[str, Any], follower: Follower) -> tuple[float, float]:
    """Milliseconds from the kill of one agent until its death is told, and until its shim was gone."""
    shim, agent = os.pidfd_open(session["shim_pid"]), _agent(session)
    try:
        begun = time.monotonic()
        _kill(agent, signal.SIGKILL)
        select.select([shim], [], [], PATIENCE)
        left = time.monotonic() - begun
    finally:
        os.close(shim)
    told = until(lambda: follower.stopped.get(session["id"]), "the death is told") - begun
    time.sleep(PAUSE)
    return told * 1000, left * 1000


def _bursts(
    waiting: Iterator[dict[str, Any]], follower: Follower, most: int
) -> dict[str, tuple[int | None, int | None]]:
    """End these agents in bursts; returns what has to be recorded of each session."""
    expected: dict[str, tuple[int | None, int | None]] = {}
    ends = cycle(ENDS)
    while len(expected) < most and (burst := list(islice(waiting, BURST))):
        for session in burst:
            sent, code, number = next(ends)
            _kill(_agent(session), sent)
            expected[session["id"]] = (code, number)
        until(lambda: all(each["id"] in follower.stopped for each in burst), "the burst is told")
    return expected


def _judge(home: Home, expected: dict[str, tuple[int | None, int | None]]) -> tuple[int, list[str]]:
    recorded = (each for number in range(SESSIONS) for each in home.ask("deaths", name=f"mortal{number}"))
    found = {each["session"]: (each["exit_code"], each["signal"]) for each in recorded}
    wrong = [
        f"session {session}: expected {end}, recorded {found.get(session)}"
        for session, end in expected.items()
        if found.get(session) != end
    ]
    return len(expected) - len(wrong), wrong


async def bare(watched: int, killed: int) -> list[float]:
    """Milliseconds from a kill to the end of a durable commit, by as little as can do it."""
    machine, watcher = SystemProcesses(), SystemProcessWatcher()
    took: list[float] = []
    with folder() as root, _sleepers(watched) as sleepers, _database(root / "db") as commit:
        for sleeper in sleepers:
            process = machine.identify(sleeper.pid)
            if process is None:
                raise RuntimeError("a sleeper has ended by itself")
            watcher.watch(process, lambda: None)
        for number, sleeper in enumerate(sleepers[:killed]):
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            process = machine.identify(sleeper.pid)
            if process is None:
                raise RuntimeError("a sleeper has ended by itself")

            def gone(number: int = number, done: "asyncio.Future[None]" = done) -> None:
                commit(number)
                done.set_result(None)

            watcher.watch(process, gone)
            begun = time.monotonic()
            machine.signal(process, signal.SIGKILL)
            await done
            took.append((time.monotonic() - begun) * 1000)
    return took


@contextmanager
def _sleepers(count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    try:
        while len(started) < count:
            started.append(subprocess.Popen(["sleep", "600"]))
        yield started
    finally:
        for sleeper in started:
            sleeper.kill()
        for sleeper in started:
            sleeper.wait()


@contextmanager
def _database(path: Path) -> Iterator[Any]:
    connection = apsw.Connection(str(path))
    try:
        execute = connection.cursor().execute
        execute("PRAGMA journal_mode = WAL")
        execute("PRAGMA synchronous = FULL")
        execute("CREATE TABLE sessions (id INTEGER PRIMARY KEY, state TEXT)")
        yield lambda number: execute("INSERT INTO sessions VALUES (?, 'stopped')", (number,))
    finally:
        connection.close()
