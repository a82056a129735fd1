"""Attachments are copied when the message is sent: a path that vanishes later loses nothing."""

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from roost.core.vocabulary.limits import ATTACHMENT_BYTES, ATTACHMENTS
from roost.daemon.state.threads import BusyError, HungError, Threads
from roost.errors import UsageError

SECONDS = 60.0
"""Seconds for copying what goes with one message; a disk that hangs holds up nobody else."""
_COPIES = 2
_CHUNK = 1 << 20
_NO_FILES = ("/proc", "/sys")
"""What stands there is made by the kernel when it is read, and tells of the daemon, not of the sender."""


class Attachments:
    """Copies attachments in threads of its own."""

    def __init__(self, store: Path) -> None:
        """Copy into this folder."""
        self._store = store
        self._threads = Threads("attachments", _COPIES, SECONDS)

    async def copy(self, paths: Sequence[str]) -> tuple[str, ...]:
        """Copy each file, named by its content; returns the copies' paths. Raises UsageError."""
        try:
            return await self._threads.run(copy_attachments, paths, self._store)
        except (HungError, BusyError) as error:
            raise UsageError(
                f"the attachments were not copied within {SECONDS:g} s: their disk does not answer"
            ) from error


def copy_attachments(paths: Sequence[str], store: Path) -> tuple[str, ...]:
    """Blocking: copy each file into the store, named by its content; returns the copies' paths.

    Raises UsageError for too many, relative, vanished or too large ones, for what is no regular file, and for
    names that would break a line.
    """
    if len(paths) > ATTACHMENTS:
        raise UsageError(f"{len(paths)} attachments are too many; at most {ATTACHMENTS} go with one message")
    return tuple(_copy(path, store) for path in paths)


def _copy(path: str, store: Path) -> str:
    if not path.startswith("/"):
        raise UsageError(f"the attachment '{path}' is not an absolute path")
    if any(char in path for char in "\n\r\0"):
        raise UsageError("an attachment's path must not hold a line break or NUL; rename the file")
    try:
        with _opened(path) as source:
            store.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial = store / f".{os.getpid()}-{os.urandom(8).hex()}"
            try:
                return _stored(path, source, partial, store)
            finally:
                partial.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(f"the attachment '{path}' cannot be copied: {error.strerror}") from error


@contextmanager
def _opened(path: str) -> Generator[int]:
    """The file itself, judged when it is open: what stands at a path can be swapped. It never waits."""
    try:
        source = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ENXIO):
            raise UsageError(f"the attachment '{path}' is not there or is not a file") from error
        raise
    try:
        found = os.fstat(source)
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"the attachment '{path}' is not there or is not a file")
        if found.st_dev in set(_devices()):
            raise UsageError(f"the attachment '{path}' is not a file on a disk; write what it says to one")
        yield source
    finally:
        os.close(source)


def _devices() -> Iterator[int]:
    for folder in _NO_FILES:
        try:
            yield os.stat(folder).st_dev  # noqa: PTH116 -- a descriptor's device is compared with it
        except OSError:
            continue


def _stored(path: str, source: int, partial: Path, store: Path) -> str:
    digest = hashlib.blake2b(digest_size=16)
    with partial.open("xb") as writer:
        partial.chmod(0o600)
        while (chunk := os.read(source, _CHUNK)) and writer.tell() <= ATTACHMENT_BYTES:
            digest.update(chunk)
            writer.write(chunk)
        size = writer.tell()
        writer.flush()
        os.fsync(writer.fileno())
    if size > ATTACHMENT_BYTES:
        limit = ATTACHMENT_BYTES >> 20
        raise UsageError(
            f"the attachment '{path}' is larger than {limit} MiB; name its place in the message instead"
        )
    folder = store / digest.hexdigest()
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / safe_name(Path(path).name)
    shutil.move(partial, target)
    return str(target)


def safe_name(name: str) -> str:
    """A file name that stands in one line of text without being mistaken for anything else."""
    return "".join(char if char.isalnum() or char in "._-" else "_" for char in name)[:120] or "file"


def sweep_attachments(store: Path, named: Collection[str], before: float) -> None:
    """Blocking: remove copies that no message names and that were made before a time (Unix seconds).

    What a daemon that has ended had begun to copy goes at once. Raises OSError.
    """
    for path in store.glob(".*-*"):
        if not path.name.startswith(f".{os.getpid()}-"):
            path.unlink(missing_ok=True)
    for path in store.glob("*"):
        for copy in (path,) if path.is_file() else tuple(path.glob("*")):
            if str(copy) not in named and copy.stat().st_mtime < before:
                copy.unlink(missing_ok=True)
        if path.is_dir() and path.stat().st_mtime < before:
            with suppress(OSError):  # not empty
                path.rmdir()
