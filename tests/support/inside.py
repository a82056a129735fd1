"""A roost whose peer `a` is a shell: commands are typed into its session, as an agent's program runs them."""

import shlex
from pathlib import Path

from tests.support import door
from tests.support.daemon import PATIENCE, Roost
from tests.support.wait import wait_until

SHELL = """
[runtimes.shell]
argv = ["/bin/sh"]
ready = '(?m)^inside> $'
[runtimes.shell.env]
PS1 = "inside> "
"""
PROGRAM = shlex.join(door.program())


def type_in(roost: Roost, socket: str, line: str) -> str:
    """Type a line into a session and return what it printed, with its exit code at the end.

    The daemon may be down: the session's tmux server is named by its `socket`.
    """
    roost.program()
    log = roost.home.root / "typed"
    log.unlink(missing_ok=True)
    text = f"{{ {line}; echo code $?; }} > {log}.now 2>&1; mv {log}.now {log}"
    tmux(roost, socket, "send-keys", "-t", "main", "-l", text)
    tmux(roost, socket, "send-keys", "-t", "main", "Enter")
    wait_until(log.exists, timeout=PATIENCE, why=f"{line} has ended")
    return log.read_text()


def tmux(roost: Roost, socket: str, *words: str) -> None:
    """One command to a tmux server."""
    import subprocess

    subprocess.run(
        ["tmux", "-S", socket, *words], env=roost.environ, check=True, capture_output=True, timeout=PATIENCE
    )


def shims_above(pid: int) -> list[str]:
    """The command lines of the shims that a process lives below."""
    found: list[str] = []
    while pid > 1:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        if "/host/shim.py " in line and " new-session " not in line:  # that is the tmux server above it
            found.append(line)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return found


def status_of(pid: int, field: str) -> str:
    """One line of /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{field}:"))
