"""Attachments are copied when the message is sent: a path that vanishes later loses nothing."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from roost.core.limits import ATTACHMENT_BYTES, ATTACHMENTS
from roost.errors import UsageError


def copy_attachments(paths: Sequence[str], store: Path) -> tuple[str, ...]:
    """Blocking: copy each file into the store, named by its content; returns the copies' paths.

    Raises UsageError for too many, relative, vanished or too large ones, directories and names that would
    break a line.
    """
    if len(paths) > ATTACHMENTS:
        raise UsageError(f"{len(paths)} attachments are too many; at most {ATTACHMENTS} go with one message")
    return tuple(_copy(path, store) for path in paths)


def _copy(path: str, store: Path) -> str:
    if not path.startswith("/"):
        raise UsageError(f"the attachment '{path}' is not an absolute path")
    if any(char in path for char in "\n\r\0"):
        raise UsageError("an attachment's path must not hold a line break or NUL; rename the file")
    source = Path(path)
    try:
        if not source.is_file():
            raise UsageError(f"the attachment '{path}' is not there or is not a file")
        store.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = store / f".{os.getpid()}-{os.urandom(8).hex()}"
        with source.open("rb") as reader, partial.open("xb") as writer:
            partial.chmod(0o600)
            digest = hashlib.blake2b(digest_size=16)
            while (chunk := reader.read(1 << 20)) and writer.tell() <= ATTACHMENT_BYTES:
                digest.update(chunk)
                writer.write(chunk)
            size = writer.tell()
            writer.flush()
            os.fsync(writer.fileno())
        if size > ATTACHMENT_BYTES:
            partial.unlink()
            limit = ATTACHMENT_BYTES >> 20
            raise UsageError(
                f"the attachment '{path}' is larger than {limit} MiB; name its place in the message instead"
            )
        folder = store / digest.hexdigest()
        folder.mkdir(mode=0o700, exist_ok=True)
        target = folder / _safe(source.name)
        shutil.move(partial, target)
    except OSError as error:
        raise UsageError(f"the attachment '{path}' cannot be copied: {error.strerror}") from error
    return str(target)


def _safe(name: str) -> str:
    """A file name that stands in one line of text without being mistaken for anything else."""
    return "".join(char if char.isalnum() or char in "._-" else "_" for char in name)[:120] or "file"
