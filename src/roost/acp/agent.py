"""The agent's process: a child in a session of its own, its pipes, and the end of all its group."""

import array
import fcntl
import os
import signal
import subprocess
import sys
import termios
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from roost.acp.loop import Loop, Timer
from roost.acp.stream import Lines, Stream

MOST_LINE = 64 << 20
"""Bytes of one line of the agent: a tool's whole output may stand in it. A longer one is passed over."""
_MOST_ERROR_LINE = 1 << 14
_KEPT_ERRORS = 20
_SOON = 0.0005
_LATER = 0.01
_PATIENCE = 0.05
"""Seconds between two looks into the pipe, at first and after the patience."""
_LEAVES = 1.5
_TERMINATES = 1.5
"""Seconds for an agent to leave once its input has ended, and then once it was told to by SIGTERM."""


class End(NamedTuple):
    """How the agent ended: its exit code, or the signal that killed it (0: none)."""

    code: int
    signal: int

    @property
    def words(self) -> str:
        """In words."""
        return f"killed by {signal.Signals(self.signal).name}" if self.signal else f"exit code {self.code}"


class Agent:
    """The agent. `take` gets its lines; `ended` is called once, after the last, when all its group is dead.

    Its group has a session of its own, so nothing of it can write to our terminal. Adapters leave children
    behind when they are killed (codex-acp 2.6.0 its app-server, claude-agent-acp its claude): the group is
    killed before its leader is reaped, as long as its number is certain to be its own.
    """

    def __init__(self, loop: Loop, take: Callable[[bytes], None], ended: Callable[[End], None]) -> None:
        """Nothing is started yet."""
        self._loop = loop
        self._take = take
        self._ended = ended
        self._process: subprocess.Popen[bytes] | None = None
        self._stream: Stream | None = None
        self._errors: Stream | None = None
        self._lines = Lines(MOST_LINE)
        self._error_lines = Lines(_MOST_ERROR_LINE)
        self._reads: deque[tuple[int, float, Callable[[], None]]] = deque()
        self._look: Timer | None = None
        self._blind = False
        self.said: deque[str] = deque(maxlen=_KEPT_ERRORS)
        """The last lines of its standard error."""

    @property
    def skipped(self) -> int:
        """How many of its lines were too long."""
        return self._lines.skipped

    def start(self, argv: Sequence[str]) -> None:
        """Start it in this directory and environment. Raises OSError."""
        pipe = subprocess.PIPE
        process = subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 -- they are pipes
        self._process = process
        # The descriptors are ours from here on; the files around them must not close them a second time.
        ends = [os.dup(file.fileno()) for file in (process.stdout, process.stdin, process.stderr)]
        for file in (process.stdout, process.stdin, process.stderr):
            file.close()
        for descriptor in ends:
            os.set_inheritable(descriptor, False)  # noqa: FBT003 -- it takes no name
        self._stream = Stream(self._loop, ends[0], ends[1], self._on_output)
        self._stream.gone = self._on_silence
        self._errors = Stream(self._loop, ends[2], -1, self._on_error)
        self._stream.open()
        self._errors.open()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid if self._process is not None else 0

    def send(self, line: bytes) -> None:
        """Give it a line."""
        if self._stream is not None:
            self._stream.write(line)

    def when_read(self, do: Callable[[], None]) -> None:
        """Call back once it has really read all that was sent until now.

        Its pipe tells that on Linux. Elsewhere the first line that it sends afterwards does.
        """
        stream = self._stream
        if stream is not None:
            self._reads.append((stream.written + stream.pending, self._loop.now(), do))
            self._look_into_the_pipe()

    def read_by_now(self) -> None:
        """What it says shows that it has read all that was sent."""
        while self._reads and self._stream is not None and self._reads[0][0] <= self._stream.written:
            self._reads.popleft()[2]()

    def interrupt_all(self, number: int) -> None:
        """Send a signal to all of its group."""
        process = self._process
        if process is not None and process.returncode is None:
            try:
                os.killpg(process.pid, number)
            except OSError:
                return

    def end(self) -> None:
        """Let it leave, and make it leave if it does not."""
        if self._stream is not None:
            self._stream.end()
        self._loop.after(_LEAVES, lambda: self.interrupt_all(signal.SIGTERM))
        self._loop.after(_LEAVES + _TERMINATES, lambda: self.interrupt_all(signal.SIGKILL))

    def look(self) -> None:
        """Whether it has ended: to be called when a child of ours has."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        try:
            found = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            found = None
        if found is None:
            return
        self.interrupt_all(signal.SIGKILL)
        self._look_into_the_pipe()
        for stream in (self._stream, self._errors):
            if stream is not None:
                stream.drain()
                stream.close()
        code = process.wait()
        self._ended(End(max(code, 0), max(-code, 0)))

    def _on_output(self, data: bytes) -> None:
        if self._blind:
            self.read_by_now()
        for line in self._lines.feed(data):
            self._take(line)

    def _on_error(self, data: bytes) -> None:
        for line in self._error_lines.feed(data):
            self.said.append(line.decode("utf-8", "replace"))

    def _on_silence(self) -> None:
        """It closes its output when it ends, as a rule. One that goes on and cannot be heard is ended."""
        self._look_into_the_pipe()
        self.end()

    def _look_into_the_pipe(self) -> None:
        """Who waits for what was read is called back; what is still in the pipe is looked at again soon."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        stream = self._stream
        if stream is None or stream.closed or not self._reads:
            return
        left = _unread(stream.writes)
        if left is None:
            self._blind = True
            return
        while self._reads and stream.written - left >= self._reads[0][0]:
            self._reads.popleft()[2]()
        if self._reads and self._look is None:
            waited = self._loop.now() - self._reads[0][1]
            self._look = self._loop.after(_SOON if waited < _PATIENCE else _LATER, self._look_into_the_pipe)


def _unread(descriptor: int) -> int | None:
    """Bytes in the pipe that its reader has not read; None where that cannot be seen (pipe(7): Linux)."""
    if sys.platform != "linux" or descriptor < 0:
        return None
    count = array.array("i", [0])
    try:
        fcntl.ioctl(descriptor, termios.FIONREAD, count)
    except OSError:
        return None
    return count[0]
