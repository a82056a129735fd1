"""Test daemons out of one process that has loaded the program: a start costs a fork and no second of importing.

What comes of it is a process like any other start of that command: of the same parent, with its words, its
environment, its folder and its descriptors, and what a library draws at random is drawn anew. The program is
loaded once for each worker of a run. How the daemon starts from nothing is the matter of the tests that start
it through `roost up`, a service or a command line of their own: those are never forked.
"""

import ctypes
import gc
import importlib
import json
import os
import runpy
import socket
import subprocess
import struct
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support import processes

_MARK = "ROOST_TEST_PREFORK"
_CHILD_SUBREAPER = 36
"""Linux prctl(2): orphans below us become our children."""
_SET_MM, _SET_MM_MAP = 35, 14
"""Linux prctl(2): where the words and the environment are that /proc tells of a process."""
_LOADED = ("roost.daemon.serving", "roost.daemon.serve.mcp.tools")
"""All that a daemon loads, and what it loads when the first agent needs it."""

_parent: "_Parent | None" = None


def can_start(command: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Whether this is our own interpreter with our own library, and a module or a file to run."""
    paths = [path for path in environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return (
        sys.platform == "linux"
        and len(command) > 1
        and command[0] == sys.executable
        and (command[1] == "-m" or command[1].endswith(".py"))
        and all(path in sys.path for path in paths)
    )


def start(command: Sequence[str], environ: Mapping[str, str], output: int, ready: int) -> "Forked":
    """Start it in a session of its own; `--ready-fd` with its own number of `ready` is added to its words."""
    global _parent  # noqa: PLW0603 -- one for the worker
    if _parent is None or _parent.pid != os.getpid():
        _parent = _Parent()
    return _parent.fork(command, environ, output, ready)


def pytest_sessionfinish() -> None:
    """The process that daemons are forked from ends with the run."""
    global _parent  # noqa: PLW0603 -- one for the worker
    if _parent is not None and _parent.pid == os.getpid():
        _parent.end()
    _parent = None


class Forked(subprocess.Popen[bytes]):
    """A child that another process made for us."""

    def __init__(self, pid: int, command: Sequence[str]) -> None:  # pyright: ignore[reportMissingSuperCall]
        """Nothing is started: what `Popen` would know of its child."""
        self.args, self.pid, self.returncode = list(command), pid, None
        self.stdin = self.stdout = self.stderr = None
        self._child_created = True
        self._waitpid_lock = threading.Lock()
        self._sigint_wait_secs = 0.25


class _Parent:
    """Our end of the process that forks."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._mark = f"{_MARK}={os.getpid()}"
        processes.KEPT.add(self._mark)
        self._ours, theirs = socket.socketpair()
        name, _, value = self._mark.partition("=")
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env={**os.environ, name: value},
                cwd=Path(__file__).resolve().parents[2],
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )

    def fork(self, command: Sequence[str], environ: Mapping[str, str], output: int, ready: int) -> Forked:
        umask = os.umask(0)
        os.umask(umask)
        wanted = json.dumps([list(command), dict(environ), str(Path.cwd()), umask]).encode("utf-8")
        ctypes.CDLL(None).prctl(_CHILD_SUBREAPER, 1, 0, 0, 0)
        try:
            socket.send_fds(self._ours, [len(wanted).to_bytes(4, "big")], [output, ready])
            self._ours.sendall(wanted)
            told = self._ours.recv(16)
        finally:
            ctypes.CDLL(None).prctl(_CHILD_SUBREAPER, 0, 0, 0, 0)
        assert told, "the process that forks daemons has died"
        return Forked(int(told), command)

    def end(self) -> None:
        self._ours.close()
        self._process.wait(10)
        processes.KEPT.discard(self._mark)


def _serve(orders: socket.socket) -> list[str]:
    """Fork for each order until the other end is closed. Only a child returns, with its words."""
    for module in _LOADED:
        importlib.import_module(module)
    gc.freeze()
    while True:
        head, descriptors, _, _ = socket.recv_fds(orders, 4, 2)
        if not head:
            os._exit(0)
        wanted = b""
        while len(wanted) < int.from_bytes(head, "big"):
            wanted += orders.recv(1 << 20)
        held, holds = os.pipe()
        told, tells = os.pipe()
        between = os.fork()
        if between == 0:
            daemon = os.fork()
            if daemon == 0:
                os.close(holds)
                os.read(held, 1)  # until the one between is gone
                orders.detach()
                return _become(wanted, *descriptors)
            os.write(tells, str(daemon).encode())
            os._exit(0)
        for descriptor in (held, holds, tells, *descriptors):
            os.close(descriptor)
        os.waitpid(between, 0)
        orders.sendall(os.read(told, 16))
        os.close(told)


def _become(wanted: bytes, output: int, ready: int) -> list[str]:
    """Take over what a child that was started in the usual way would have; returns its words."""
    command, environ, folder, umask = json.loads(wanted)
    os.setsid()
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (output, 1), (output, 2), (ready, 3)):
        os.dup2(source, target)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    os.chdir(folder)
    os.umask(umask)
    os.environ.clear()
    os.environ.update(environ)
    words = [*command, "--ready-fd", "3"]
    _tell(words, [f"{name}={value}" for name, value in os.environ.items()])
    return words


def _tell(words: list[str], environ: list[str]) -> None:
    """Have /proc tell these words and this environment of us. Raises OSError."""
    texts = [os.fsencode("".join(f"{each}\0" for each in part)) for part in (words, environ)]
    _told.extend(ctypes.create_string_buffer(text, len(text)) for text in texts)
    places = [place for one in _told for place in (ctypes.addressof(one), ctypes.addressof(one) + len(one))]
    stat = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    start_code, end_code, start_stack = map(int, stat[23:26])
    start_data, end_data, start_brk = map(int, stat[42:45])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.sbrk.restype = ctypes.c_void_p
    code = (start_code, end_code, start_data, end_data, start_brk, libc.sbrk(0), start_stack)
    layout = struct.pack("=12QIi", *code, *places, 0, 0, -1)  # struct prctl_mm_map: no auxv, the same program
    if libc.prctl(_SET_MM, _SET_MM_MAP, layout, ctypes.c_size_t(len(layout)), 0):
        raise OSError(ctypes.get_errno(), "PR_SET_MM_MAP")


_told: list["ctypes.Array[ctypes.c_char]"] = []
"""The memory that /proc reads."""


def _run(words: list[str]) -> None:
    """Be that program."""
    sys.orig_argv = words
    sys.argv = words[2:] if words[1] == "-m" else words[1:]
    if words[1] == "-m":
        sys.path[0] = str(Path.cwd())
        runpy.run_module(words[2], run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, str(Path(words[1]).parent))
        runpy.run_path(words[1], run_name="__main__")


if __name__ == "__main__":
    _run(_serve(socket.socket(fileno=int(sys.argv[1]))))
