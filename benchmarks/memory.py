"""What one live session costs beside its agent: shim, tmux server, control client, pane log."""

import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import psutil

from benchmarks.home import Home, daemon, folder, until
from benchmarks.result import Result
from roost.host.environment import child_environment

SESSIONS = 5
TARGET = 12.0


def run() -> Result:
    with daemon() as home:
        for number in range(SESSIONS):
            home.add(f"agent{number}", "demo")
            home.client.call("wake", {"name": f"agent{number}"}, patience=None)
        shares = _shares(home)
    with folder() as root:
        bare = _bare(root)
    total = sum(shares.values()) / SESSIONS
    return Result(
        name="memory",
        what=f"PSS of what is ours in a live session, mean of {SESSIONS} sessions",
        unit="MB",
        measured=total,
        floor=bare,
        floor_is="a bare tmux server whose pane runs `python -S -E -I` that does nothing",
        judged_as="PSS",
        judged=total,
        target=TARGET,
        details={f"{name} MB": share / SESSIONS for name, share in sorted(shares.items())},
    )


def _shares(home: Home) -> dict[str, float]:
    """MB of all sessions together, by kind of process."""
    shares: dict[str, float] = defaultdict(float)
    for child in psutil.Process(home.ask("status")["pid"]).children(recursive=True):
        shares["control client"] += _pss(child.pid)
    for row in home.ask("list"):
        session = row["session"]
        agent = psutil.Process(session["agent_pid"])
        theirs = {agent.pid, *(child.pid for child in agent.children(recursive=True))}
        shares["tmux server"] += _pss(session["server_pid"])
        for child in psutil.Process(session["server_pid"]).children(recursive=True):
            if child.pid not in theirs:
                shares["shim" if child.pid == session["shim_pid"] else "pane log"] += _pss(child.pid)
    return shares


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
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise ValueError(pid)
