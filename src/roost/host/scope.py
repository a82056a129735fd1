"""A scope of its own for each tmux server, where a systemd user manager can give one.

A process started by the daemon belongs to the daemon's control group, or to the login session in which
somebody typed `roost up`, and may be ended with it. A transient scope (systemd-run(1)) belongs to neither.

OOMPolicy=continue: without it systemd ends the whole scope, and with it all of an agent's work, when the
kernel kills one process of it for lack of memory (systemd.scope(5); systemd 252.38 gives a scope of a user
OOMPolicy=stop). Scopes know it since systemd 253 and Debian's 252; an older one refuses the unknown property
and ends the scope whatever is asked for, so there none is asked for.
"""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from enum import Enum, auto
from pathlib import Path
from shutil import which

PROBE_SECONDS = 3.0
"""How long systemd may take to show that it gives scopes."""
_HUNG = 124
_POLICY = "OOMPolicy"
"""What a systemd that does not know it names in its complaint."""
_PREFIX = "roost-"
_CGROUP = Path("/proc/self/cgroup")


class Refusal(Enum):
    """Why there are no scopes where a person can do something about it."""

    LINGER = auto()
    MANAGER = auto()


class Scopes:
    """Whether sessions get scopes. `why` says so in words; it changes when a scope was refused, or given.

    `outlives`: an agent outlives a process of its scope that is killed for lack of memory.
    """

    def __init__(
        self,
        why: str = "nobody has looked for them",
        *,
        available: bool = False,
        outlives: bool = True,
        refusal: Refusal | None = None,
    ) -> None:
        """Give scopes, or not, for this reason."""
        self.why = self._began = why
        self.available = available
        self.refusal = refusal
        self._outlives = outlives

    def prefix(self, name: str) -> tuple[str, ...]:
        """What goes before a command so that it runs in the scope `roost-<name>`; empty without scopes.

        --collect: a scope whose last process failed leaves nothing behind in the manager.
        """
        return _scope(f"{_PREFIX}{name}", outlives=self._outlives) if self.available else ()

    def given(self) -> None:
        """A scope was given: that one was refused before is over."""
        self.why, self.refusal = self._began, None

    def refused(self, why: str, *, for_good: bool) -> None:
        """A scope was refused; `for_good`: do not ask again."""
        self.why, self.refusal = f"one was refused: {why}", Refusal.MANAGER
        if for_good:
            self.available = False


def _scope(unit: str, *, outlives: bool) -> tuple[str, ...]:
    policy = ("--property=OOMPolicy=continue",) if outlives else ()
    return ("systemd-run", "--user", "--scope", "--quiet", "--collect", *policy, f"--unit={unit}", "--")


def control_group(path: Path = _CGROUP) -> str:
    """Our own control group, such as `/user.slice/user-1000.slice/session-3.scope`; empty when unknown."""
    try:
        lines = path.read_text("utf-8", "surrogateescape").splitlines()
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
    (tried, outlives), lingers = await asyncio.gather(
        _try(environ), _ask(["loginctl", "show-user", str(os.getuid()), "--property=Linger"], environ)
    )
    if tried[0] != 0:
        why = f"systemd-run does not give one: {tried[1] or f'exit code {tried[0]}'}"
        return Scopes(why, refusal=Refusal.MANAGER)
    inside = under_manager(control_group() if group is None else group)
    if not inside and "Linger=yes" not in lingers[1]:
        return Scopes("lingering is off, so a scope would end at your logout", refusal=Refusal.LINGER)
    why = "each session has one"
    if not outlives:
        why += "; this systemd ends it as a whole when one of its processes is killed for lack of memory"
    return Scopes(why, available=True, outlives=outlives)


async def _try(environ: Mapping[str, str]) -> tuple[tuple[int, str], bool]:
    """What systemd-run said when it was asked for a scope, and whether the scope outlives its processes."""
    unit = f"{_PREFIX}probe-{os.getpid()}"
    tried = await _ask([*_scope(unit, outlives=True), "true"], environ)
    if _POLICY not in tried[1]:
        return tried, True
    return await _ask([*_scope(unit, outlives=False), "true"], environ), False


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
