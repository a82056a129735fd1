"""A log that several processes append to and that any of them rotates by size."""

from __future__ import annotations

import os


def append(path: str, data: bytes, size: int, files: int) -> None:
    """Append whole lines in one write; past `size` bytes the file becomes `path.1`, `files` in all are kept.

    Raises OSError. A line goes to the file that it found; nobody's line is lost to another's rotation.
    """
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        if os.fstat(descriptor).st_size >= size:
            rotate(path, descriptor, files)
    finally:
        os.close(descriptor)


def rotate(path: str, descriptor: int, files: int) -> None:
    """Move the open file aside, under its lock; who comes second finds another file, or the lock held."""
    try:
        os.lockf(descriptor, os.F_TLOCK, 0)
    except OSError:
        return
    try:
        ours = os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        ours = False  # another writer has just moved it, and nobody has begun the next one
    if not ours:
        return
    if files < 2:  # noqa: PLR2004 the file itself is one
        os.truncate(path, 0)
        return
    for number in range(files - 1, 1, -1):
        try:
            os.rename(f"{path}.{number - 1}", f"{path}.{number}")
        except FileNotFoundError:
            pass
    os.rename(path, f"{path}.1")
