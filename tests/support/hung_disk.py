"""A disk that hangs: a FUSE mount that answers nothing. Needs root and /dev/fuse on Linux."""

import ctypes
import os
import struct
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

_INIT = 26
_ANSWER = struct.Struct("<IiQ")
_VERSION = struct.Struct("<IIIIHHIIHHI28x")
_DETACH = 2
_REGULAR, _FOLDER = "100000", "40000"


@contextmanager
def hung(paths: Sequence[Path]) -> Iterator[None]:
    """Whoever looks at one of these files or folders by its path waits until the end; skips aloud."""
    if sys.platform != "linux":
        pytest.skip("a disk that hangs needs Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    mounted: list[tuple[Path, int]] = []
    try:
        mounted.extend((path, _mount(libc, path)) for path in paths)
        yield
    finally:
        for path, device in reversed(mounted):
            libc.umount2(os.fsencode(path), _DETACH)
            os.close(device)  # all that waits there goes on with an error


def _mount(libc: ctypes.CDLL, path: Path) -> int:
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        pytest.skip("a disk that hangs needs /dev/fuse")
    mode = _FOLDER if path.is_dir() else _REGULAR
    options = f"fd={device},rootmode={mode},user_id=0,group_id=0".encode()
    if libc.mount(b"hung", os.fsencode(path), b"fuse", 0, options) != 0:
        os.close(device)
        pytest.skip("a disk that hangs needs a mount of FUSE")
    greeter = threading.Thread(target=_greet, args=(device,), daemon=True)
    greeter.start()
    greeter.join(5)
    return device


def _greet(device: int) -> None:
    """Answer the kernel's first request; without that the mount does not begin."""
    asked = os.read(device, 1 << 17)
    _, number, unique = struct.unpack_from("<IIQ", asked)
    assert number == _INIT
    body = _VERSION.pack(7, 31, 1 << 16, 0, 12, 9, 1 << 16, 1, 0, 0, 0)
    os.write(device, _ANSWER.pack(_ANSWER.size + len(body), 0, unique) + body)
