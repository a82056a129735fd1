"""What a caller hands over, as client.c writes it."""

from __future__ import annotations

import os
import resource
import struct
import sys
from array import array
from socket import CMSG_SPACE, MSG_CMSG_CLOEXEC, MSG_CTRUNC, SCM_RIGHTS, SOL_SOCKET, socket

from roost.errors import RoostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAGIC = b"roost-2\n"
"""Changes with what is said through the door; client.c has the same."""
HANDED = 6
"""Descriptors: the three streams, the folder, the pipe with the caller's word, the daemon."""
WORD = b"."
"""The caller's one word in its pipe: the command is run by whoever takes it out."""
LIMITS = 16
"""Limits of a process: RLIM_NLIMITS of Linux."""
MOST = 4 << 20
_HEAD = struct.Struct(f"={len(MAGIC)}s4IQ{2 * LIMITS}Q")
_INT = array("i").itemsize


class OddError(RoostError):
    """The caller is none that this process can stand in for."""


class Request:
    """One call: all that the command is to find as if the caller ran it itself."""

    def __init__(self, head: bytes, words: bytes, descriptors: list[int]) -> None:
        """Of the bytes as they came. Raises OddError."""
        magic, _, arguments, variables, _, ignored, *limits = _HEAD.unpack(head)
        texts = words.split(b"\0")
        if magic != MAGIC or len(descriptors) != HANDED or len(texts) != 3 + arguments + variables:
            raise OddError
        self.python, self.daemon = texts[0], texts[1]
        self.arguments = texts[2 : 2 + arguments]
        pairs = [text.partition(b"=") for text in reversed(texts[2 + arguments : -1])]
        self.environ = {name: value for name, _, value in pairs}
        self.ignored: int = ignored
        self.limits: list[tuple[int, int]] = list(zip(limits[::2], limits[1::2], strict=True))
        *self.streams, self.folder, self.end, self.connection = descriptors


def read_request(caller: socket) -> Request:
    """What comes from a caller. Raises OddError, OSError."""
    head, descriptors = take(caller, _HEAD.size, HANDED)
    magic, size, *_ = _HEAD.unpack(head)
    if magic != MAGIC or size > MOST:
        raise OddError
    return Request(head, take(caller, size, 0)[0], descriptors)


def take(caller: socket, size: int, most: int) -> tuple[bytes, list[int]]:
    """So many bytes, and at most so many descriptors that come with them. Raises OddError, OSError."""
    data, handed = b"", array("i")
    while len(data) < size:
        part, beside, flags, _ = caller.recvmsg(size - len(data), CMSG_SPACE(most * _INT), MSG_CMSG_CLOEXEC)
        if not part or flags & MSG_CTRUNC:
            raise OddError
        data += part
        for level, kind, given in beside:
            if (level, kind) == (SOL_SOCKET, SCM_RIGHTS):
                handed.frombytes(given[: len(given) - len(given) % _INT])
    return data, handed.tolist()


def written(daemon: str, words: Sequence[str], environ: Mapping[str, str]) -> bytes:
    """What client.c sends for a command of ours, beside its descriptors."""
    texts = [sys.executable, daemon, *words, *(f"{name}={value}" for name, value in environ.items())]
    data = b"".join(os.fsencode(text) + b"\0" for text in texts)
    limits = [value & (1 << 64) - 1 for which in range(LIMITS) for value in resource.getrlimit(which)]
    return _HEAD.pack(MAGIC, len(data), len(words), len(environ), 0, 0, *limits) + data
