"""What `doctor` finds about the programs that roost needs, and those of agents."""

import importlib.util
import shutil
import subprocess
import sys

from roost.local.proven import PROVEN, Probed, said_version, version_number
from roost.present.finding import Code, Finding, as_root, good, note, quote, wrong

OLDEST_TMUX = (3, 3)
AGENTS = {
    "claude": "npm install -g @anthropic-ai/claude-code",
    "codex": "npm install -g @openai/codex",
    "opencode": "npm install -g opencode-ai",
}
"""Programs of agents, and how they are installed."""
_FOREIGN = "where it is not your system's own, take it away; else:"
_INSTALLERS = {
    "apt-get": "apt-get install {}",
    "dnf": "dnf install {}",
    "pacman": "pacman -S {}",
    "apk": "apk add {}",
    "zypper": "zypper install {}",
}


def python() -> Finding:
    """Which Python this is."""
    return good("python", ".".join(str(part) for part in sys.version_info[:3]))


def tmux() -> Finding:
    """The tmux that is found first."""
    install = _installs("tmux")
    path = shutil.which("tmux")
    if path is None:
        return wrong(Code.TMUX_MISSING, "tmux", "it is not installed", fix=install)
    try:
        said = said_version([path, "-V"])
    except (OSError, subprocess.SubprocessError) as error:
        why = f"{path} -V failed: {error}"
        return wrong(Code.TMUX_BROKEN, "tmux", why, advice=_FOREIGN, fix=install)
    version = parse_tmux(said)
    if version is not None and version < OLDEST_TMUX:
        why = f"{path} is too old ({said}); 3.3 or later is needed"
        return wrong(Code.TMUX_OLD, "tmux", why, advice=_FOREIGN, fix=install)
    return good("tmux", f"{said} ({path})")


def _installs(package: str) -> str:
    """The command that installs a package on this system; the first manager that is there counts."""
    if sys.platform == "darwin":
        return f"brew install {package}"
    found = next((words for name, words in _INSTALLERS.items() if shutil.which(name)), "apt-get install {}")
    return as_root(found.format(package))


def parse_tmux(said: str) -> tuple[int, int] | None:
    """`tmux 3.3a` and `tmux next-3.5` as numbers; None for a build without one (`tmux master`)."""
    digits = said.removeprefix("tmux ").removeprefix("next-").rstrip("abcdefghijklmnopqrstuvwxyz-")
    major, _, minor = digits.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else None


def sqlite() -> Finding:
    """The SQLite that we bring along."""
    try:
        import apsw
    except ImportError as error:
        python = quote(sys.executable)
        pip = f"{python} -m pip install" if importlib.util.find_spec("pip") else f"uv pip install -p {python}"
        return wrong(Code.SQLITE_BROKEN, "sqlite", str(error), fix=f"{pip} --force-reinstall apsw")
    return good("sqlite", apsw.sqlite_lib_version())


def agent(name: str, probed: Probed | None) -> Finding:
    """The program of an agent, and whether roost was tried with that version: by us, or by a probe here."""
    install, path = AGENTS[name], shutil.which(name)
    if path is None:
        why = "it is not installed; only peers of this runtime need it"
        return note(Code.PROGRAM_MISSING, name, why, fix=install)
    try:
        said = said_version([path, "--version"])
    except (OSError, subprocess.SubprocessError) as error:
        advice = "install it anew, as it was before; with npm:"
        return wrong(
            Code.PROGRAM_BROKEN, name, f"{path} --version failed: {error}", advice=advice, fix=install
        )
    return _proven(name, f"{said} ({path})", version_number(said), probed)


def _proven(name: str, there: str, version: str, probed: Probed | None) -> Finding:
    if probed is not None and probed.version == version:
        if not probed.failed:
            return good(name, f"{there}; `roost probe {name}` found all well with it")
        failed = f"{there}; `roost probe {name}` failed: {', '.join(probed.failed)}"
        advice = f"use {PROVEN[name]}, which roost was tried with, or report what the probe says"
        return wrong(Code.PROGRAM_FAILS, name, failed, advice=advice, fix=f"roost probe {name}")
    if version == PROVEN[name]:
        return good(name, there)
    why = f"{there}; roost was tried with {PROVEN[name]}"
    return note(Code.PROGRAM_UNPROVEN, name, why, fix=f"roost probe {name}")
