"""What tests see behind the native door: its process, its forks, and a caller that says what a test wants."""

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from roost.cli.door.listener import NAME
from roost.cli.door.request import WORD, written
from tests.support.wait import wait_until

PATIENCE = 60.0
FELL = 99
"""How a program ends whose Python must not be asked; see `only_native`."""
NO_PYTHON = f"""#!{sys.executable}
import os, signal
kept = {{signal.SIGINT, signal.SIGTSTP}} & signal.pthread_sigmask(signal.SIG_BLOCK, [])
os._exit({FELL} if not kept else {FELL} - 1)
"""
"""It has the keys of a terminal as the caller had them."""


def processes(run: Path) -> list[int]:
    """The process of the door in this folder, and all of its forks."""
    found: list[int] = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"roost.cli.door" in words and os.fsencode(run) in words:
            found.append(int(place.name))
    return found


def keeper(run: Path) -> int:
    """The process that listens: all the others came out of it, or out of one before."""
    return min(processes(run), key=lambda pid: Path(f"/proc/{pid}").stat().st_ctime_ns)


def forks(run: Path) -> list[int]:
    """The forks of the one process that listens which serve a caller: they have its standard input."""
    found = processes(run)
    return [pid for pid in found if _parent(pid) in found and _input(pid) not in ("", _input(_parent(pid)))]


def ready(run: Path) -> list[int]:
    """The fork that is ready for the next caller, if there is one."""
    found = processes(run)
    return [pid for pid in found if _parent(pid) in found and _input(pid) == _input(_parent(pid))]


def wait_alone(run: Path) -> None:
    """Wait until no fork serves a caller, nor reads what one wants: at most one is ready for the next."""
    wait_until(
        lambda: not forks(run) and len(ready(run)) <= 1,
        timeout=PATIENCE,
        why="no fork is left",
        describe=lambda: processes(run),
    )


def request(run: Path, words: list[str], environ: Mapping[str, str]) -> bytes:
    """What client.c sends for these words."""
    return written(str(run / "roost.sock"), words, environ)


class Caller:
    """A caller that says what a test wants, as far as a test wants."""

    def __init__(self, run: Path) -> None:
        self.door = socket.socket(socket.AF_UNIX)
        self.door.settimeout(PATIENCE)
        self.door.connect(str(run / NAME))
        self._daemon = socket.socket(socket.AF_UNIX)
        self._daemon.connect(str(run / "roost.sock"))
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        os.write(self._write, WORD)
        self._folder = os.open("/", os.O_PATH)
        self._null = os.open(os.devnull, os.O_RDWR)

    def send(self, data: bytes, descriptors: int = 6) -> None:
        """Send bytes, with so many of the descriptors that belong to them."""
        handed = [self._null] * 3 + [self._folder, self._read, self._daemon.fileno()]
        socket.send_fds(self.door, [data], (handed + handed)[:descriptors])

    def take_back(self) -> bool:
        """Whether its word was still there, so that nobody can begin."""
        try:
            return bool(os.read(self._read, 1))
        except BlockingIOError:
            return False

    def hears(self) -> bytes:
        """The letter that comes next; empty: none comes."""
        try:
            return self.door.recv(8)[:1]
        except ConnectionError:
            return b""

    def close(self) -> None:
        """Go away."""
        self.door.close()
        self._daemon.close()
        for each in (self._read, self._write, self._folder, self._null):
            os.close(each)


def _input(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/fd/0").readlink())
    except OSError:
        return ""


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0
