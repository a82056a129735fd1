"""A scope of its own for each tmux server, where a systemd user manager can give one.

A process started by the daemon belongs to the daemon's control group, or to the login session in which
somebody typed `roost up`, and may be ended with it. A transient scope (systemd-run(1)) belongs to neither.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shutil import which

PROBE_SECONDS = 3.0
"""How long systemd may take to show that it gives scopes."""
_HUNG = 124
_PREFIX = "roost-"
_CGROUP = Path("/proc/self/cgroup")


class Scopes:
    """Whether sessions get scopes. `why` says so in words; it changes when a scope was refused."""

    def __init__(self, why: str = "nobody has looked for them", *, available: bool = False) -> None:
        """Give scopes, or not, for this reason."""
        self.why = why
        self.available = available

    def prefix(self, name: str) -> tuple[str, ...]:
        """What goes before a command so that it runs in the scope `roost-<name>`; empty without scopes.

        --collect: a scope whose last process failed leaves nothing behind in the manager.
        """
        return _scope(f"{_PREFIX}{name}") if self.available else ()

    def refused(self, why: str, *, for_good: bool) -> None:
        """A scope was refused; `for_good`: do not ask again."""
        self.why = f"one was refused: {why}"
        if for_good:
            self.available = False


def _scope(unit: str) -> tuple[str, ...]:
    return ("systemd-run", "--user", "--scope", "--quiet", "--collect", f"--unit={unit}", "--")


def control_group(path: Path = _CGROUP) -> str:
    """Our own control group, such as `/user.slice/user-1000.slice/session-3.scope`; empty when unknown."""
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return ""
    return next((line.removeprefix("0::") for line in lines if line.startswith("0::")), "")


def scope_of(pid: int) -> str | None:
    """The name in `roost-<name>.scope` where the process runs in a session's scope."""
    for part in reversed(control_group(Path(f"/proc/{pid}/cgroup")).split("/")):
        if part.startswith(_PREFIX) and part.endswith(".scope"):
            return part.removeprefix(_PREFIX).removesuffix(".scope")
    return None


def under_manager(group: str) -> bool:
    """Whether a control group is below the user manager (`user@1000.service`)."""
    return any(part.startswith("user@") and part.endswith(".service") for part in group.split("/"))


async def find_scopes(
    environ: Mapping[str, str], *, wanted: bool, platform: str = sys.platform, group: str | None = None
) -> Scopes:
    """Try once whether a scope can be had; answers within `PROBE_SECONDS`, "no" when it is not known.

    Without lingering the user manager ends with the last login and takes its scopes along. A daemon outside
    the manager then does better without scopes.
    """
    if not wanted:
        return Scopes('`scope = "never"` stands in config.toml')
    if platform != "linux":
        return Scopes("they come from systemd, on Linux")
    path, runtime = environ.get("PATH"), environ.get("XDG_RUNTIME_DIR")
    if not runtime or not (Path(runtime) / "systemd" / "private").exists():
        return Scopes("no systemd user manager runs here")
    if which("systemd-run", path=path) is None:
        return Scopes("there is no systemd-run on PATH")
    tried, lingers = await asyncio.gather(
        _ask([*_scope(f"{_PREFIX}probe-{os.getpid()}"), "true"], environ),
        _ask(["loginctl", "show-user", str(os.getuid()), "--property=Linger"], environ),
    )
    if tried[0] != 0:
        return Scopes(f"systemd-run does not give one: {tried[1] or f'exit code {tried[0]}'}")
    inside = under_manager(control_group() if group is None else group)
    if not inside and "Linger=yes" not in lingers[1]:
        return Scopes("lingering is off, so a scope would end at your logout")
    return Scopes("each session has one", available=True)


async def _ask(command: Sequence[str], environ: Mapping[str, str]) -> tuple[int, str]:
    """Exit code and last words of a command; one that hangs is ended."""
    program = which(command[0], path=environ.get("PATH"))
    if program is None:
        return 127, f"{command[0]} was not found"
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            *command[1:],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as error:
        return 127, str(error)
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            output, _ = await process.communicate()
    except BaseException as error:
        if process.returncode is None:
            process.kill()
            await process.wait()
        if isinstance(error, TimeoutError):
            return _HUNG, f"no answer within {PROBE_SECONDS:g} s"
        raise
    return process.returncode or 0, " ".join(output.decode(errors="replace").split())
