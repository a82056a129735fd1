"""Files that survive crashes and keep secrets, and a reader of growing files."""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from roost.host.errors import UnsafeDirectory

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700


def write_atomic(path: Path, data: bytes, *, mode: int = PRIVATE_FILE, durable: bool = True) -> None:
    """Replace `path` by `data` so that a reader sees all or nothing; `durable`: also after a power loss.

    A durable write waits for the disk: in the event loop, run it in a thread.

    Raises OSError (disk full, no such directory, ...); the old content is then still there.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, mode)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames in `path` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def names_in(path: Path) -> frozenset[str]:
    """Names of what is in a directory; none when it cannot be read. Thousands of them, and no Path of any."""
    try:
        return frozenset(os.listdir(path))  # noqa: PTH208 -- see above
    except OSError:
        return frozenset()


def ensure_private_directory(path: Path) -> Path:
    """Make `path` (and its parents) exist, owned by us and closed to others (0700); returns it.

    Raises UnsafeDirectory when it is a symbolic link, not a directory, or another user's; OSError otherwise.
    """
    path.parent.mkdir(mode=PRIVATE_DIRECTORY, parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=PRIVATE_DIRECTORY)
    descriptor = _open_directory(path)
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid():
            raise UnsafeDirectory(f"{path} belongs to uid {found.st_uid}; choose a directory of your own")
        if stat.S_IMODE(found.st_mode) != PRIVATE_DIRECTORY:
            os.fchmod(descriptor, PRIVATE_DIRECTORY)
    finally:
        os.close(descriptor)
    return path


def _open_directory(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except NotADirectoryError as error:
        raise UnsafeDirectory(f"{path} is not a directory of its own; remove it or choose another") from error
    except OSError as error:
        if path.is_symlink():
            raise UnsafeDirectory(f"{path} is a symbolic link; choose its target instead") from error
        raise


class Tail:
    """Reads the lines added to a file since the last call, and only those bytes.

    Survives a missing file, truncation (starts over) and replacement (finishes the old file first). A line
    is given out once its newline has been written. Lines over `longest` bytes are skipped and counted.
    """

    def __init__(self, path: Path, *, offset: int = 0, bound: int = 1 << 20, longest: int = 64 << 20) -> None:
        """Read `path` from `offset` bytes on, at most `bound` bytes per call."""
        self.path = path
        self.skipped = 0
        self._bound = bound
        self._longest = longest
        self._descriptor: int | None = None
        self._position = offset
        self._partial = bytearray()
        self._skipping = False

    @property
    def offset(self) -> int:
        """Bytes of the current file up to the end of the last whole line given out."""
        return self._position - len(self._partial)

    def read(self) -> list[bytes]:
        """New whole lines, without their newlines; [] also when the file is missing or unreadable.

        A call may return [] or few lines although more follow, when `bound` was reached: see `behind`.
        """
        data = self._read_current()
        if not data and self._replaced():
            self.close()
            self._forget()
            data = self._read_current()
        return self._split(data)

    def behind(self) -> bool:
        """Whether bytes are waiting that `read` has not looked at yet."""
        if self._descriptor is None:
            return self.path.exists()
        return os.fstat(self._descriptor).st_size != self._position or self._replaced()

    def moved_to(self, path: Path) -> bool:
        """Whether the file that is read stands at `path` now; then it is read on from there."""
        if self._descriptor is None:
            return False
        try:
            now = path.stat()
        except OSError:
            return False
        held = os.fstat(self._descriptor)
        if (now.st_dev, now.st_ino) != (held.st_dev, held.st_ino):
            return False
        self.path = path
        return True

    def close(self) -> None:
        """Let go of the file; a later `read` opens it again at the same place."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _read_current(self) -> bytes:
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            except OSError:
                return b""
        try:
            if os.fstat(self._descriptor).st_size < self._position:
                self._forget()
            data = os.pread(self._descriptor, self._bound, self._position)
        except OSError:
            return b""
        self._position += len(data)
        return data

    def _replaced(self) -> bool:
        if self._descriptor is None:
            return False
        try:
            now = self.path.stat()
        except OSError:
            return False
        held = os.fstat(self._descriptor)
        return (now.st_dev, now.st_ino) != (held.st_dev, held.st_ino)

    def _forget(self) -> None:
        self._position = 0
        self._partial.clear()
        self._skipping = False

    def _split(self, data: bytes) -> list[bytes]:
        if not data:
            return []
        head, newline, rest = data.partition(b"\n")
        if not newline:
            self._keep(data)
            return []
        lines: list[bytes] = []
        if self._skipping:
            self._skipping = False
        else:
            lines.append(bytes(self._partial) + head)
        self._partial.clear()
        *whole, last = rest.split(b"\n")
        lines.extend(whole)
        self._keep(last)
        return lines

    def _keep(self, data: bytes) -> None:
        if self._skipping:
            return
        self._partial += data
        if len(self._partial) > self._longest:
            self._partial.clear()
            self._skipping = True
            self.skipped += 1
