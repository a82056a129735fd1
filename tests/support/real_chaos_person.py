"""The people of the chaos: real tmux clients on pseudo-terminals, and what they remember of their keys."""

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import termios
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.support.wait import NeverHappenedError, wait_until

SIZES = ((12, 3), (24, 5), (20, 10), (80, 24), (160, 50))
WIDE = (160, 50)
ESCAPE, ENTER, BACK, UP, LEFT, SHIFT_TAB = b"\x1b", b"\r", b"\x7f", b"\x1b[A", b"\x1b[D", b"\x1b[Z"
EDITED = " (edited by a person)"
"""Stands in every text that a person sends anew."""
VIEWS: Mapping[str, Mapping[str, tuple[bytes, ...]]] = {
    "claude": {
        "transcript": (b"\x0f",),
        "config": (b"/config", ENTER),
        "model": (b"/model", ENTER),
        "help": (b"/help", ENTER),
        "status": (b"/status", ENTER),
        "resume picker": (b"/resume", ENTER),
        "permissions": (b"/permissions", ENTER),
        "shortcuts": (b"?",),
        "rewind": (ESCAPE, ESCAPE),
        "agents": (LEFT,),
        "todos": (b"\x14",),
        "history search": (b"\x12",),
        "completion": (b"/",),
        "file completion": (b"@",),
        "another mode": (SHIFT_TAB,),
    },
    "codex": {
        "transcript": (b"\x14",),
        "model": (b"/model", ENTER),
        "permissions": (b"/permissions", ENTER),
        "status": (b"/status", ENTER),
        "resume picker": (b"/resume", ENTER),
        "shortcuts": (b"?",),
        "rewind": (ESCAPE, ESCAPE),
        "agents": (LEFT,),
        "completion": (b"/",),
        "file completion": (b"@",),
        "history search": (b"\x12",),
        "another mode": (SHIFT_TAB,),
        "warnings": (b"\x1bOQ",),
    },
}
"""Keys that open something, by program. Each part is pressed apart from the others."""
COMMANDS: Mapping[str, tuple[str, ...]] = {
    "claude": ("/clear", "/compact", "/fork", "/branch"),
    "codex": ("/new", "/fork", "/compact", "/clear"),
}
_PAUSE = 0.35
_PATIENCE = 30.0


def pause(seconds: float) -> None:
    """Let the others act for a while."""
    threading.Event().wait(seconds)


@dataclass(frozen=True, slots=True)
class Deed:
    """Something that a person did at a peer's terminal, in Unix seconds; `end` is None while it stands."""

    peer: str
    session: str
    what: str
    begin: float
    end: float | None = None


class Memory:
    """What the people know they did: what is open by their hands, and when they pressed what."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._deeds: list[Deed] = []
        self._pressed: dict[str, list[tuple[float, bytes]]] = defaultdict(list)

    def begin(self, peer: str, session: str, what: str) -> Deed:
        deed = Deed(peer, session, what, time.time())
        with self._lock:
            self._deeds.append(deed)
        return deed

    def end(self, deed: Deed) -> None:
        with self._lock, contextlib.suppress(ValueError):
            ended = Deed(deed.peer, deed.session, deed.what, deed.begin, time.time())
            self._deeds[self._deeds.index(deed)] = ended

    def pressed(self, peer: str, key: bytes) -> None:
        with self._lock:
            self._pressed[peer].append((time.time(), key))

    def standing(self, peer: str, session: str) -> list[str]:
        """What stands open now, as the people know it."""
        with self._lock:
            return [each.what for each in self._deeds if self._is(each, peer, session) and each.end is None]

    def during(self, peer: str, start: float, end: float) -> list[str]:
        """What a person did in a span of time."""
        with self._lock:
            found = [each for each in self._deeds if each.peer == peer]
        return [each.what for each in found if each.begin <= end and (each.end or end) >= start]

    def forget(self, peer: str, session: str) -> None:
        """All is closed there."""
        with self._lock:
            mine = [each for each in self._deeds if self._is(each, peer, session) and each.end is None]
        for each in mine:
            self.end(each)

    def last_key(self, peer: str) -> float:
        """When a person last pressed something there (Unix seconds, 0: never)."""
        with self._lock:
            return self._pressed[peer][-1][0] if self._pressed[peer] else 0.0

    def keys(self, peer: str, start: float, end: float) -> list[bytes]:
        """What was pressed in a span of time."""
        with self._lock:
            return [key for at, key in self._pressed[peer] if start <= at <= end]

    @staticmethod
    def _is(deed: Deed, peer: str, session: str) -> bool:
        return deed.peer == peer and deed.session == session


class Person:
    """One attached client."""

    def __init__(self, memory: Memory, peer: str, process: subprocess.Popen[bytes], master: int) -> None:
        self._memory = memory
        self._peer = peer
        self._process = process
        self._master = master
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        """A terminal that nobody reads would hold its program up."""
        with contextlib.suppress(OSError):
            while os.read(self._master, 65536):
                pass

    def press(self, *keys: bytes, gap: float = _PAUSE) -> None:
        """Press keys one after the other, `gap` seconds apart: an Escape must not become part of the next."""
        for key in keys:
            self._memory.pressed(self._peer, key)
            with contextlib.suppress(OSError):
                os.write(self._master, key)
            pause(gap)

    def leave(self) -> None:
        """As when a terminal window is closed."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_PATIENCE)
        os.close(self._master)
        self._reading.join(1)


@contextlib.contextmanager
def attached(
    memory: Memory,
    peer: str,
    session: Mapping[str, str],
    environ: Mapping[str, str],
    size: tuple[int, int] = WIDE,
) -> Iterator[Person]:
    """A person's terminal of `size` (columns, rows), joined to a session's terminal."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    argv = ["tmux", "-N", "-u", "-S", session["socket"], "attach-session"]
    client = subprocess.Popen(
        argv,
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**environ, "TERM": "xterm-256color"},
        start_new_session=True,
    )
    os.close(slave)
    person = Person(memory, peer, client, master)
    deed = memory.begin(peer, session["id"], f"attached {size[0]}x{size[1]}")
    try:
        with contextlib.suppress(NeverHappenedError):
            wait_until(
                lambda: client.poll() is not None or _joined(session["socket"], client.pid, environ),
                timeout=_PATIENCE,
                why="attached",
            )
        yield person
    finally:
        person.leave()
        memory.end(deed)


def _joined(socket: str, pid: int, environ: Mapping[str, str]) -> bool:
    argv = ["tmux", "-N", "-S", socket, "list-clients", "-F", "#{client_pid}"]
    done = subprocess.run(argv, env=dict(environ), capture_output=True, text=True, check=False, timeout=10)
    return str(pid) in done.stdout.split()
