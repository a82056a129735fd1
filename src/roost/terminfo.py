"""Whether a terminal's entry is among those of terminfo, which tell programs how to draw on it."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_SYSTEM = ("/etc", "/lib", "/usr/share", "/usr/local/share", "/usr/lib", "/opt/homebrew/share")
_ENTRIES = ("hex:", "b64:")
"""How TERMINFO begins where it holds the entry itself."""


def knows(name: str, environ: Mapping[str, str]) -> bool:
    """Whether a program with this environment finds an entry for the terminal `name`."""
    if not name or "/" in name:
        return False
    own, home = environ.get("TERMINFO", ""), environ.get("HOME")
    if own.startswith(_ENTRIES) and environ.get("TERM") == name:
        return True
    folders = [own, f"{home}/.terminfo" if home else "", *environ.get("TERMINFO_DIRS", "").split(":")]
    folders += [f"{prefix}/terminfo" for prefix in _SYSTEM]
    # Most systems file entries under their first letter, macOS under its hexadecimal code.
    letters = (name[0], f"{ord(name[0]):x}")
    entries = (f"{folder}/{each}/{name}" for folder in folders if folder for each in letters)
    return any(os.path.exists(entry) for entry in entries)  # noqa: PTH110 -- plain strings here
