"""One program in a tmux of its own, for tests that drive a real program as a person would."""

import contextlib
import itertools
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

from tests.support.wait import NeverHappenedError, wait_until

_PATIENCE = 100.0


class Pane:
    """A tmux server with one pane. A context manager: at its end the server and the program are gone."""

    def __init__(
        self, root: Path, argv: Sequence[str], *, environ: Mapping[str, str], directory: Path
    ) -> None:
        """Start `argv` in `directory`; the socket is made in the (short) folder `root`."""
        self._socket = root / "tmux.sock"
        self._buffer = root / "paste"
        self._environ = {**environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        size = ("-x", "120", "-y", "40")
        kept = ("start-server", ";", "set-option", "-g", "remain-on-exit", "on", ";")
        self.tmux("-f", os.devnull, *kept, "new-session", "-d", *size, "-c", str(directory), *argv)
        found = self.tmux("display-message", "-p", "-t", ":", "#{pane_pid} #{pid}")
        self.pid, self._server = (int(word) for word in found.split())

    def tmux(self, *arguments: str) -> str:
        """Run one tmux command; returns what it printed. Raises CalledProcessError."""
        command = ["tmux", "-S", str(self._socket), *arguments]
        done = subprocess.run(
            command, env=self._environ, capture_output=True, text=True, check=True, timeout=_PATIENCE
        )
        return done.stdout

    def screen(self) -> str:
        """The visible screen."""
        return self.tmux("capture-pane", "-p", "-t", ":")

    def wait_for(self, pattern: str, *, without: str | None = None, timeout: float = _PATIENCE) -> str:
        """Wait until the regex is on the screen and `without` is not; returns the screen.

        Raises NeverHappenedError at once when the program has ended.
        """
        seen = ""

        def there() -> bool:
            nonlocal seen
            dead, _, seen = self.tmux(
                "display-message", "-p", "-t", ":", "#{pane_dead}", ";", "capture-pane", "-p", "-t", ":"
            ).partition("\n")
            if dead == "1":
                raise NeverHappenedError(f"the program ended before {pattern!r} was on the screen:\n{seen}")
            return bool(re.search(pattern, seen)) and not (without and re.search(without, seen))

        wait_until(there, timeout=timeout, why=f"{pattern!r} on the screen", describe=lambda: "\n" + seen)
        return seen

    def keys(self, *names: str) -> None:
        """Press keys, by tmux's names."""
        self.tmux("send-keys", "-t", ":", *names)

    def dismiss(self, keys: Sequence[str], shown: str) -> None:
        """Press these keys in turn until the dialog that shows the regex `shown` is gone; never later.

        Codex 0.169.0 and 0.171.0 lose about one Escape in ten that comes as soon as the dialog shows, and
        0.171.0 every Escape after it (for 20 s), while a number works; Claude Code 2.1.328 ignores every
        Enter within 0.05 s of it.
        """
        self._press(keys, lambda: not re.search(shown, self.screen()), f"{shown!r} goes away")

    def submit(self, text: str, shown: str, taken: str | None = None) -> None:
        """Paste, wait until the composer shows it (regex `shown`), press Enter.

        With `taken` press it until that regex shows: Gemini CLI 0.61.0 takes an Enter that follows a paste
        within 0.1 s as a line break.
        """
        self._buffer.write_text(text)
        self.tmux("load-buffer", "-b", "text", str(self._buffer))
        self.tmux("paste-buffer", "-p", "-d", "-b", "text", "-t", ":")
        self.wait_for(shown)
        if taken is None:
            self.keys("Enter")
        else:
            self._press(["Enter"], lambda: bool(re.search(taken, self.screen())), f"{taken!r} shows")

    def _press(self, keys: Sequence[str], enough: Callable[[], bool], why: str) -> None:
        """Press these keys in turn, each only while it is not `enough`."""
        deadline = time.monotonic() + _PATIENCE
        for key in itertools.cycle(keys):
            if enough():
                return
            self.keys(key)
            with contextlib.suppress(NeverHappenedError):
                wait_until(enough, timeout=1.0, why=why)
            if time.monotonic() > deadline:
                raise NeverHappenedError(f"{keys} are pressed and not: {why}\n{self.screen()}")

    def kill(self) -> None:
        """SIGKILL the program; the tmux server ends with it."""
        server = os.pidfd_open(self._server)
        try:
            os.kill(self.pid, signal.SIGKILL)
            self.tmux("kill-server")
            wait_until(lambda: _gone(server), timeout=_PATIENCE, why="tmux ends with its program")
        finally:
            os.close(server)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        tree = _tree(self.pid)
        subprocess.run(
            ["tmux", "-S", str(self._socket), "kill-server"],
            env=self._environ,
            capture_output=True,
            check=False,
            timeout=_PATIENCE,
        )
        for each in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(tree, timeout=_PATIENCE)
        self._socket.unlink(missing_ok=True)


def _tree(pid: int) -> list[psutil.Process]:
    """The program and what it started. Gemini CLI 0.61.0 may outlive its terminal."""
    try:
        program = psutil.Process(pid)
        return [program, *program.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _gone(pidfd: int) -> bool:
    try:
        signal.pidfd_send_signal(pidfd, 0)
    except ProcessLookupError:
        return True
    return False
