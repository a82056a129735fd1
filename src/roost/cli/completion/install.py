"""The file of completion where a shell looks by itself: written, replaced, removed; never another's."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from roost.cli.completion.scripts import MARK, SCRIPTS, script
from roost.errors import RoostError, UsageError


class ForeignFileError(RoostError):
    """The file of that name is not one that roost made; it is left alone."""

    code = "foreign-file"


def shell_of(environ: Mapping[str, str]) -> str:
    """The shell that SHELL names. Raises UsageError where it is none that we know."""
    name = Path(environ.get("SHELL") or "").name
    if name not in SCRIPTS:
        shown = f"SHELL is '{name}'" if name else "SHELL is not set"
        raise UsageError(f"{shown}; name the shell: {', '.join(SCRIPTS)}")
    return name


def place(shell: str, environ: Mapping[str, str]) -> Path:
    """Where the shell looks for it; zsh only once it is told to."""
    home = Path(environ.get("HOME") or Path.home())
    if shell == "bash":
        data = environ.get("XDG_DATA_HOME") or home / ".local/share"
        return Path(data) / "bash-completion/completions/roost"
    if shell == "fish":
        return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "fish/completions/roost.fish"
    return home / ".zfunc/_roost"


def install(shell: str, environ: Mapping[str, str]) -> Path | None:
    """Write the file; None when it says all that already. Raises ForeignFileError, OSError."""
    path, text = place(shell, environ), script(shell)
    if _ours(path, shell) == text:
        return None
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    return path


def uninstall(shell: str, environ: Mapping[str, str]) -> Path | None:
    """Remove the file; None when there is none. Raises ForeignFileError, OSError."""
    path = place(shell, environ)
    if _ours(path, shell) is None:
        return None
    path.unlink()
    return path


def _ours(path: Path, shell: str) -> str | None:
    """What our file says; None when there is none. Raises ForeignFileError."""
    if not os.path.lexists(path):
        return None
    text = path.read_text("utf-8", "replace") if path.is_file() and not path.is_symlink() else ""
    if MARK not in text:
        raise ForeignFileError(
            f"{path} is not a file that roost made, and is left alone; move it away and run this again,"
            f" or use `roost completion print {shell}`"
        )
    return text
