"""The record of a conversation, read piece by piece: never more than a piece of it is in memory.

Everything here blocks.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Protocol, cast

import msgspec

from roost.errors import RoostError
from roost.foreign import decode, is_deep

PACKED = ".zst"
"""How the name of a record ends that its program has compressed."""
PIECE = 2 << 20
"""Bytes that are read in one step, a line more or less."""
LONGEST = 32 << 20
"""Bytes of a line that is read; a longer one, as of large pictures, is passed over and counted."""
Entry = dict[str, Any]


class UnreadableError(RoostError):
    """The record cannot be read."""

    code = "record-unreadable"


class Record(Protocol):
    """What a program keeps of one conversation."""

    @property
    def where(self) -> str:
        """Where it is kept, for people."""
        ...

    skipped: int
    """How many lines were too long or could not be understood."""

    def read(self) -> Sequence[Entry] | None:
        """The next entries, in their order; None: there are no more for now. Raises OSError, UnreadableError.

        The record of a conversation that goes on is asked again later.
        """
        ...

    def news(self) -> str | None:
        """What has become of the record meanwhile that its reader must know; None: nothing."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class FileRecord:
    """Lines of JSON in one file, or in several that follow each other."""

    def __init__(self, find: Callable[[], Sequence[Path]]) -> None:
        """`find`: the files in their order, as they are at the time of the call."""
        self._find = find
        self._paths: list[Path] = []
        self._at = 0
        self._file: IO[bytes] | None = None
        self._unpacking: subprocess.Popen[bytes] | None = None
        self._identity: tuple[int, int] | None = None
        self._torn = b""
        self._passes = False
        self._news: str | None = None
        self.skipped = 0
        self._look()

    @property
    def where(self) -> str:
        """The latest file."""
        return str(self._paths[-1]) if self._paths else ""

    def news(self) -> str | None:
        """That a file was replaced or cut off under its reader, or that another one goes on."""
        news, self._news = self._news, None
        return news

    def read(self) -> Sequence[Entry] | None:
        """The entries of the next piece."""
        while True:
            if self._file is None and not self._open():
                return None
            assert self._file is not None  # noqa: S101 -- opened above
            piece = self._file.read(PIECE)
            if piece:
                return list(self._entries(piece))
            if not self._on():
                return None

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._unpacking is not None:
            self._unpacking.kill()
            self._unpacking.wait()
            self._unpacking = None

    def _look(self) -> None:
        """Which files there are now. Those that were read stay read."""
        known = set(self._paths)
        self._paths += [path for path in self._find() if path not in known]

    def _open(self) -> bool:
        if self._at >= len(self._paths):
            self._look()
            if self._at >= len(self._paths):
                return False
        path = self._paths[self._at]
        if path.name.endswith(PACKED):
            self._unpacking = _unpack(path)
            self._file = self._unpacking.stdout
        else:
            self._file = path.open("rb", buffering=0)
            status = os.fstat(self._file.fileno())
            self._identity = (status.st_dev, status.st_ino)
        self._torn, self._passes = b"", False
        return True

    def _on(self) -> bool:
        """At the end of a file: whether there is something else to read, in the next one or anew."""
        path = self._paths[self._at]
        if self._unpacking is not None:
            failed = self._unpacking.wait()
            self.close()
            if failed:
                raise UnreadableError(f"its record {path} cannot be unpacked: it is damaged")
            self._at += 1
            return self._at < len(self._paths)
        if self._replaced(path):
            self._news = f"its record {path} was written anew, and is read from its beginning"
            self.close()
            return True
        self._look()
        if self._at + 1 < len(self._paths):
            self._at += 1
            self._news = f"it goes on in {self._paths[self._at]}"
            self.close()
            return True
        return False

    def _replaced(self, path: Path) -> bool:
        """Whether another file stands at the path now, or this one was cut off."""
        assert self._file is not None  # noqa: S101 -- it was just read
        try:
            now = path.stat()
        except FileNotFoundError:
            return False
        return (now.st_dev, now.st_ino) != self._identity or now.st_size < self._file.tell()

    def _entries(self, piece: bytes) -> Iterable[Entry]:
        *lines, rest = piece.split(b"\n")
        if lines:
            first, self._torn = self._torn + lines[0], b""
            if self._passes:
                self._passes = False
            else:
                yield from self._entry(first)
            for line in lines[1:]:
                yield from self._entry(line)
        if self._passes:
            return
        self._torn += rest
        if len(self._torn) > LONGEST:
            self._torn, self._passes = b"", True
            self.skipped += 1

    def _entry(self, line: bytes) -> Iterable[Entry]:
        if not line.strip():
            return
        entry = entry_of(line)
        if entry is None:
            self.skipped += 1
        else:
            yield entry


def entry_of(line: bytes | str) -> Entry | None:
    """The JSON object in a line; None: there is none."""
    found: object
    try:
        found = decode(line) if is_deep(line if isinstance(line, bytes) else line.encode()) else _quick(line)
    except ValueError:
        return None
    return cast("Entry", found) if isinstance(found, dict) else None


def _quick(line: bytes | str) -> object:
    """What a line says. Raises ValueError."""
    try:
        return msgspec.json.decode(line)
    except ValueError:
        return decode(line)  # takes what msgspec does not, as half of a character


def _unpack(path: Path) -> subprocess.Popen[bytes]:
    """A program that writes what is packed in a file. Raises UnreadableError."""
    program = shutil.which("zstd")
    if program is None:
        raise UnreadableError(
            f"its record {path} is packed, and there is no program `zstd` to unpack it; install zstd"
        )
    return subprocess.Popen(
        [program, "-dcq", "--", str(path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
