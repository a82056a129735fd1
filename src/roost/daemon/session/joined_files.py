"""What hooks that a person has added for a program find of its sessions that have joined.

A file for each conversation, readable by its owner alone: the daemon's address, the session's token and the
session. The folder is there only as long as somebody has joined. Everything here blocks.
"""

import re
from contextlib import suppress
from pathlib import Path

from roost.host.files import ensure_private_directory, write_atomic

_PLAIN = re.compile(r"[0-9A-Za-z-]+")


def put(folder: Path, conversation: str, url: str, token: str, session: str) -> Path | None:
    """Have hooks find the session; where its file is. None: no file can have that name. Raises OSError."""
    if not _PLAIN.fullmatch(conversation):
        return None
    place = ensure_private_directory(folder) / conversation
    write_atomic(place, f"{url} {token} {session}\n".encode())
    return place


def find(folder: Path, session: str) -> Path | None:
    """Where the session's file is, if it has one. Raises OSError."""
    return next((place for place, of in _all(folder) if of == session), None)


def take_back(folder: Path, session: str) -> None:
    """No hook finds the session any more. Raises OSError."""
    place = find(folder, session)
    if place is not None:
        place.unlink(missing_ok=True)
    with suppress(OSError):  # others have joined
        folder.rmdir()


def holders(folder: Path) -> set[str]:
    """The sessions that are found. Raises OSError."""
    return {session for _, session in _all(folder)}


def _all(folder: Path) -> list[tuple[Path, str]]:
    try:
        places = list(folder.iterdir())
    except FileNotFoundError:
        return []
    found: list[tuple[Path, str]] = []
    for place in places:
        with suppress(FileNotFoundError, ValueError):  # it has left meanwhile, or is not ours
            _, _, session = place.read_text(encoding="utf-8").split()
            found.append((place, session))
    return found
