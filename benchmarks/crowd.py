"""One daemon with 100 live demo sessions: what it costs while idle, what they weigh, how they are adopted."""

import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import psutil

from benchmarks import page, top
from benchmarks.home import Home, daemon, folder, until
from benchmarks.result import Result, p50
from roost.core.vocabulary.identity import ProcessId
from roost.host.environment import child_environment
from roost.host.process import SystemProcesses

SESSIONS = 100
STARTERS = 4
RESTARTS = 5
"""Restarts of both daemons, in turn."""
WINDOW = 31.0
"""Seconds for which the idle processes are watched: a little more than the longest period of what they do.

A quiet session is looked at, and its shim takes a sample, every 30 s: a shorter window misses that by chance.
"""
IDLE_TARGET = 1.0
TOP_TARGET = 2.0
WATCHED_TARGET = 2.0
MEMORY_TARGET = 12.0
ADOPT_TARGET = 1.0


@dataclass(frozen=True, slots=True)
class Crowd:
    """What was measured. Processor time in percent of one core, weights in MB (PSS) of all sessions."""

    idle: Mapping[str, float]
    idle_without: float
    with_top: Mapping[str, float]
    with_page: Mapping[str, float]
    weights: Mapping[str, float]
    bare: float
    adopted: float
    started_without: float


@cache
def measure() -> Crowd:
    """Start the crowd once for all that is asked of it."""
    with folder() as root:
        bare = _bare(root)
    with daemon() as empty, daemon() as home:
        start(home)
        groups = _processes(home)
        alone = [int(empty.ask("status")["pid"])]
        idle = shares({**groups, "none": alone})
        without = idle.pop("none")
        with top.opened(home) as shown:
            with_top = shares({"daemon": groups["daemon"], "top": [shown.pid]})
        with page.served(home) as web, page.open_page(web):
            with_page = shares({"daemon": groups["daemon"], "page": [web.process.pid]})
        weights = {name: sum(map(_pss, pids)) for name, pids in groups.items() if name != "agents"}
        rounds = [(_adopt(home), _restart(empty)) for _ in range(RESTARTS)]
        adopted, started = zip(*rounds, strict=True)
        return Crowd(idle, without, with_top, with_page, weights, bare, p50(adopted), p50(started))


def idle() -> Result:
    """Processor time of the daemon while nothing happens."""
    crowd = measure()
    return Result(
        name="idle",
        what=f"processor time of a daemon with {SESSIONS} idle demo sessions, over {WINDOW:g} s",
        unit="%",
        measured=crowd.idle["daemon"],
        floor=crowd.idle_without,
        floor_is="a daemon without any session, over the same time",
        judged_as="% of a core",
        judged=crowd.idle["daemon"],
        target=IDLE_TARGET,
        details={f"{name} %": share for name, share in crowd.idle.items() if name != "daemon"},
    )


def topped() -> Result:
    """Processor time of the daemon and of `roost top` while nothing happens and somebody looks."""
    return _looked_at("top-idle", "one `roost top`", measure().with_top, TOP_TARGET)


def watched() -> Result:
    """Processor time of daemon and page while nothing happens and somebody looks."""
    return _looked_at("page-idle", "`roost web` with one page open", measure().with_page, WATCHED_TARGET)


def _looked_at(name: str, by: str, shares: Mapping[str, float], target: float) -> Result:
    """What the daemon takes together with what looks at it."""
    both = sum(shares.values())
    return Result(
        name=name,
        what=f"processor time of the daemon and of {by}, {SESSIONS} idle sessions, {WINDOW:g} s",
        unit="%",
        measured=both,
        floor=measure().idle["daemon"],
        floor_is="the same daemon with nobody looking, over the same time",
        judged_as="% of a core",
        judged=both,
        target=target,
        details={f"{part} %": share for part, share in shares.items()},
    )


def memory() -> Result:
    """What one live session weighs beside its agent."""
    crowd = measure()
    ours = {name: weight / SESSIONS for name, weight in crowd.weights.items() if name != "daemon"}
    return Result(
        name="memory",
        what=f"PSS of what is ours in a live session, mean of {SESSIONS} sessions",
        unit="MB",
        measured=sum(ours.values()),
        floor=crowd.bare,
        floor_is="a bare tmux server whose pane runs `python -S -E -I` that does nothing",
        judged_as="PSS",
        judged=sum(ours.values()),
        target=MEMORY_TARGET,
        details={
            **{f"{name} MB": weight for name, weight in sorted(ours.items())},
            "daemon, all in all, MB": crowd.weights["daemon"],
        },
    )


def adopt() -> Result:
    """How long a restarted daemon takes to have every session again."""
    crowd = measure()
    over = crowd.adopted - crowd.started_without
    return Result(
        name="adopt",
        what=f"daemon killed by SIGKILL: from `roost up` until the last of {SESSIONS} sessions is adopted,"
        f" {RESTARTS} times in turn with the floor",
        unit="s",
        measured=crowd.adopted,
        floor=crowd.started_without,
        floor_is="`roost up` of a daemon that was killed too and has no session",
        judged_as="over floor",
        judged=over,
        target=ADOPT_TARGET,
    )


def start(home: Home, sessions: int = SESSIONS) -> None:
    """Start so many sessions."""
    names = [f"agent{number}" for number in range(sessions)]
    for name in names:
        home.add(name, "demo")
    with ThreadPoolExecutor(STARTERS) as pool:
        list(pool.map(lambda name: home.client.call("wake", {"name": name}, patience=None), names))


def _processes(home: Home) -> dict[str, list[int]]:
    """The pids of every kind of process."""
    groups: dict[str, list[int]] = defaultdict(list)
    pid: int = home.ask("status")["pid"]
    groups["daemon"] = [pid]
    groups["control clients"] = [child.pid for child in psutil.Process(pid).children(recursive=True)]
    for row in home.ask("list"):
        session = row["session"]
        agent = psutil.Process(session["agent_pid"])
        theirs = {agent.pid, *(child.pid for child in agent.children(recursive=True))}
        groups["agents"].extend(theirs)
        groups["tmux servers"].append(session["server_pid"])
        for child in psutil.Process(session["server_pid"]).children(recursive=True):
            if child.pid not in theirs:
                groups["shims" if child.pid == session["shim_pid"] else "pane logs"].append(child.pid)
    return groups


def shares(groups: Mapping[str, list[int]], window: float = WINDOW) -> dict[str, float]:
    """The processor time of each group from now on, for so many seconds, in percent of a core."""
    before, begun = _spent(groups), time.monotonic()
    time.sleep(window)
    after, spent = _spent(groups), time.monotonic() - begun
    return {name: (after[name] - before[name]) / spent * 100 for name in groups}


def _spent(groups: Mapping[str, list[int]]) -> dict[str, float]:
    """Seconds of processor time so far, to the nanosecond: ticks of 10 ms would show nothing here."""
    return {name: sum(map(_processor, pids)) for name, pids in groups.items()}


def _processor(pid: int) -> float:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def _bare(root: Path) -> float:
    env = child_environment(os.environ, {})
    tmux = ["tmux", "-u", "-S", str(root / "s"), "-f", os.devnull]
    mark = root / "ready"
    code = f"import os; os.close(os.open({str(mark)!r}, os.O_CREAT | os.O_WRONLY)); os.read(0, 1)"
    python = [sys.executable, "-S", "-E", "-I", "-c", code]
    subprocess.run([*tmux, "new-session", "-d", "--", *python], env=env, check=True)
    try:
        until(mark.exists, "the program in the bare tmux")
        asked = [*tmux, "display-message", "-p", "#{pid}"]
        server = int(subprocess.run(asked, env=env, check=True, capture_output=True).stdout)
        return _pss(server) + sum(_pss(child.pid) for child in psutil.Process(server).children())
    finally:
        subprocess.run([*tmux, "kill-server"], env=env, check=True)


def _pss(pid: int) -> float:
    """Megabytes (10^6 bytes)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(pid)


def _adopt(home: Home) -> float:
    """Seconds from `roost up` until the last adoption in the journal of the store."""
    before = max(event["seq"] for event in home.events())
    begun = _restart_at(home)

    def adopted() -> list[str] | None:
        found = [event["ts"] for event in home.events(after=before) if event["kind"] == "adopted"]
        return found if len(found) == SESSIONS else None

    last = max(until(adopted, "all sessions are adopted"))
    return datetime.fromisoformat(last).timestamp() - begun


def _restart(home: Home) -> float:
    """Seconds of a `roost up` after a SIGKILL."""
    begun = _restart_at(home)
    return time.time() - begun


def _restart_at(home: Home) -> float:
    """Kill the daemon, start it again; returns when the start began (Unix seconds)."""
    machine = SystemProcesses()
    process: ProcessId | None = machine.identify(home.ask("status")["pid"])
    if process is not None:
        machine.signal(process, 9)
        until(lambda: machine.identify(process.pid) != process, "the daemon's end")
    begun = time.time()
    home.roost("up")
    return begun
