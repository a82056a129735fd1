"""Daemons of tests, forked out of a process that has loaded the program.

A start costs 0.05 processor seconds; from nothing it costs 0.25, and the tools of the agents 0.4 more. The
program's code is read once for all: whoever changes files of it while tests run tests what was there. What
is forked is a process as any start of that command makes it: a child of ours in a session of its own, with
these words, this environment, folder and output and no other descriptor; the standard library draws its
random numbers anew after a fork. How a daemon comes up from nothing is held by the tests that start it by
`roost up`, by a service or by a command line of their own, which are never forked.
"""

import ctypes
import gc
import importlib
import json
import os
import runpy
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support import processes

_MARK = "ROOST_TEST_PREFORK"
_SET_CHILD_SUBREAPER = 36
"""Linux prctl(2): orphans below us become our children."""
_SET_MM, _SET_MM_MAP = 35, 14
"""Linux prctl(2): where the words and the environment are that /proc tells of a process."""
_LOADED = (
    "faulthandler",
    *("roost.daemon.serving", "roost.daemon.startup", "roost.daemon.serve.mcp.tools"),
    *("roost.daemon.serve.http.routes", "roost.daemon.serve.http.server", "uvicorn.lifespan.off"),
    *("roost.host.outside", "roost.host.watcher_linux", "roost.local.streams"),
    *(
        "anyio.abc",
        "anyio.streams.tls",
        "anyio._core._sockets",
        "anyio._core._streams",
        "rich.console",
        "rich.logging",
    ),
)
"""All that a daemon loads, and what it loads when the first agent needs it."""

DAEMON = (sys.executable, "-m", "roost.daemon")
"""The daemon itself."""

_parent: "_Parent | None" = None


def start(
    argv: Sequence[str], environ: Mapping[str, str], output: int, ready: int
) -> subprocess.Popen[bytes] | None:
    """Start the daemon, or a program of ours that makes one of it; None where that is not to be forked.

    `--ready-fd` is added to its words, with what `ready` is called there. Other command lines are not forked,
    nor is another library than ours, nor anything where the kernel has no PR_SET_MM_MAP. A program finds all
    of roost loaded: it changes attributes of classes and modules, never a name that others have imported.
    """
    global _parent  # noqa: PLW0603 -- one for the worker
    paths = [path for path in environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    ours = not argv or (argv[0] == sys.executable and _makes_a_daemon(*argv[1:3]))
    if sys.platform != "linux" or not ours or not all(path in sys.path for path in paths):
        return None
    if _parent is None or _parent.pid != os.getpid():
        _parent = _Parent()
    return _parent.fork(list(argv or DAEMON), environ, output, ready)


def pytest_sessionfinish() -> None:
    """The process that daemons are forked from ends with the run."""
    global _parent  # noqa: PLW0603 -- one for the worker
    if _parent is not None and _parent.pid == os.getpid():
        _parent.end()
    _parent = None


def end_of(nonce: str) -> frozenset[processes.Found]:
    """End what a run of this nonce has left, and tell it; what daemons are forked from is no part of that."""
    pytest_sessionfinish()
    left = processes.wait_gone(processes.marked(nonce), 5)
    processes.end(left)
    return left


def _makes_a_daemon(first: str, second: str = "") -> bool:
    """Whether these words name a program that a test makes of the daemon."""
    return first.endswith(".py") or (first == "-m" and second.startswith("tests.support."))


class _Forked(subprocess.Popen[bytes]):
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
        self._mark = f"{_MARK}={self.pid}"
        processes.KEPT.add(self._mark)
        self._ours, theirs = socket.socketpair()
        # Without the HOME of the test that happens to run: it is no process of that test.
        environ = {name: value for name, value in os.environ.items() if name != "HOME"}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                env={**environ, _MARK: str(self.pid)},
                cwd=Path(__file__).resolve().parents[2],
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )

    def fork(
        self, command: Sequence[str], environ: Mapping[str, str], output: int, ready: int
    ) -> _Forked | None:
        umask = os.umask(0)
        os.umask(umask)
        wanted = json.dumps([list(command), dict(environ), str(Path.cwd()), umask]).encode("utf-8")
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        try:
            socket.send_fds(self._ours, [len(wanted).to_bytes(4, "big")], [output, ready])
            self._ours.sendall(wanted)
            told = self._ours.recv(16)
        finally:
            ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
        assert told, "the process that forks daemons has died"
        return _Forked(int(told), command) if int(told) else None

    def end(self) -> None:
        self._ours.close()
        self._process.wait(10)
        processes.KEPT.discard(self._mark)


def _serve(orders: socket.socket) -> list[str]:
    """Fork for each order until the other end is closed. Only a child returns, with its words."""
    _read_code_once()
    for module in _LOADED:
        importlib.import_module(module)
    gc.freeze()
    allowed = _tell(sys.orig_argv, [f"{name}={value}" for name, value in os.environ.items()])
    while True:
        head, descriptors, _, _ = socket.recv_fds(orders, 4, 2)
        if not head:
            os._exit(0)
        wanted = b""
        while len(wanted) < int.from_bytes(head, "big"):
            wanted += orders.recv(1 << 20)
        if not allowed:
            orders.sendall(b"0")
            for descriptor in descriptors:
                os.close(descriptor)
            continue
        if words := _fork(wanted, descriptors, orders):
            return words


def _fork(wanted: bytes, descriptors: list[int], orders: socket.socket) -> list[str] | None:
    """Make one and tell its pid; only it returns words. Whoever waits for us becomes its parent."""
    told, tells = os.pipe()
    between = os.fork()
    if between == 0:
        parent = os.getpid()
        daemon = os.fork()
        if daemon == 0:
            while os.getppid() == parent:
                os.sched_yield()
            orders.detach()
            return _become(wanted, *descriptors)
        os.write(tells, str(daemon).encode())
        os._exit(0)
    for descriptor in (tells, *descriptors):
        os.close(descriptor)
    os.waitpid(between, 0)
    orders.sendall(os.read(told, 16))
    os.close(told)
    return None


def _read_code_once() -> None:
    """Name the code as it is now, before anybody has the function that would read all of it at each start."""
    from roost.local import program

    read, known = program.code, program.code()

    def code(folder: Path = program.FOLDER) -> str | None:
        return known if folder == program.FOLDER else read(folder)

    program.code = code


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


def _tell(words: list[str], environ: list[str]) -> bool:
    """Have /proc tell these words and this environment of us; whether the kernel lets us."""
    texts = [os.fsencode("".join(f"{each}\0" for each in part)) for part in (words, environ)]
    _told[:] = [ctypes.create_string_buffer(text, len(text)) for text in texts]
    places = [place for one in _told for place in (ctypes.addressof(one), ctypes.addressof(one) + len(one))]
    stat = Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    start_code, end_code, start_stack = map(int, stat[23:26])
    start_data, end_data, start_brk = map(int, stat[42:45])
    libc = ctypes.CDLL(None)
    libc.sbrk.restype = ctypes.c_void_p
    code = (start_code, end_code, start_data, end_data, start_brk, libc.sbrk(0), start_stack)
    layout = struct.pack("=12QIi", *code, *places, 0, 0, -1)  # struct prctl_mm_map: no auxv, the same program
    return not libc.prctl(_SET_MM, _SET_MM_MAP, layout, ctypes.c_size_t(len(layout)), 0)


_told: list["ctypes.Array[ctypes.c_char]"] = []
"""The memory that /proc reads."""


def _run(words: list[str]) -> None:
    """Be that program."""
    sys.orig_argv = words
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    rest = [path for path in sys.path[1:] if path not in paths]
    if words[1] == "-m":
        sys.argv, sys.path[:] = words[2:], [str(Path.cwd()), *paths, *rest]
        runpy.run_module(words[2], run_name="__main__", alter_sys=True)
    else:
        sys.argv, sys.path[:] = words[1:], [str(Path(words[1]).parent), *paths, *rest]
        runpy.run_path(words[1], run_name="__main__")


if __name__ == "__main__":
    _run(_serve(socket.socket(fileno=int(sys.argv[1]))))
