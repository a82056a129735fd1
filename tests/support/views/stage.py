"""One real program in a terminal as roost gives it, in short neutral folders, talking to the fake model."""

import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from uuid import uuid4

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, WakeCause
from roost.fake_model import FakeModel
from roost.host.environment import child_environment, terminal_name
from roost.host.tmux.config import config_text
from roost.probe import homes
from roost.runtimes.claude import ClaudeRuntime
from roost.runtimes.codex import CodexRuntime
from roost.runtimes.context import Context
from roost.runtimes.runtime import Runtime
from tests.support import clis
from tests.support.home import is_foreign
from tests.support.processes import MARKER, end, marked, wait_gone
from tests.support.views.stub import Stub
from tests.support.views.visit import PLAIN, Wish

ROOT = Path("/tmp/w")
"""The recordings show it: short, and nobody's."""
RUNTIMES: Mapping[str, Runtime] = {"claude": ClaudeRuntime(), "codex": CodexRuntime()}
_STILL = 0.4
_PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Shot:
    """What a terminal shows: the screen with its escape sequences, and the cursor (column, row, shown)."""

    screen: str
    title: str
    size: str
    cursor: str


class Stage:
    """A home, a project folder and one program in tmux. A context manager: at its end all of it is gone."""

    def __init__(self, program: str, wish: Wish = PLAIN) -> None:
        """Prepare; `start` starts the program."""
        self.program = program
        self.cli = clis.require(program)
        self.wish = wish
        self.model, self.stub = FakeModel(), Stub()
        self._root = ROOT / program
        self._home, self._work, self._session = (self._root / name for name in ("home", "proj", "session"))
        self._socket = self._root / "s"
        self._nonce = str(uuid4())

    def __enter__(self) -> Self:
        shutil.rmtree(self._root, ignore_errors=True)
        for folder in (self._home, self._work, self._session):
            folder.mkdir(parents=True, mode=0o700)
        self.model.start()
        self.stub.__enter__()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.stub.__exit__()
        self.model.stop()
        shutil.rmtree(self._root, ignore_errors=True)

    def start(self) -> None:
        """Write the user's files and start the program as its runtime plans it."""
        seed = self._seed()
        base = {name: value for name, value in os.environ.items() if not is_foreign(name)}
        base |= {"HOME": str(self._home), "TMPDIR": str(self._root), "LANG": "C.UTF-8", "USER": "user"}
        base |= {"PATH": f"{self.cli.path.parent}:{base['PATH']}", MARKER: self._nonce}
        plan = RUNTIMES[self.program].plan(self._context(base, (*seed.argv[1:], *self.wish.args)))
        for name, text in plan.files.items():
            on = text.replace('"disableAgentView": true', '"disableAgentView": false')
            (self._session / name).write_text(on if self.wish.agent_view else text)
        extra = {**plan.env, "ROOST_TOKEN": "token", **seed.environ, **self.wish.environ}
        terminal = terminal_name(base)
        config = self._root / "tmux.conf"
        config.write_text(config_text(terminal))
        start = ["tmux", "-u", "-S", str(self._socket), "-f", str(config), "new-session", "-d"]
        start += ["-x", "160", "-y", "50", "-c", str(self._work), "--", str(self.cli.path), *plan.argv[1:]]
        subprocess.run(start, env=child_environment(base, extra, terminal=terminal), check=True)

    def _context(self, base: Mapping[str, str], args: tuple[str, ...]) -> Context:
        resume = self.wish.resume
        chosen = resume or (str(uuid4()) if self.program == "claude" else None)
        session = Session(
            "s", "a", 1, "n", WakeCause.FIRST_WAKE, resume is not None, 0.0, 0.0, conversation=chosen
        )
        settings = Settings(str(self._work), self.program, args=args)
        return Context(session, settings, self._session, self._root, base, self.stub.url, self._root / "call")

    def _seed(self) -> homes.Seed:
        """The user's files, with what the wish adds to them."""
        wish, seed = self.wish, homes.Seed()
        if wish.seeded:
            make = homes.seed_claude if self.program == "claude" else homes.seed_codex
            seed = make(self._home, self.model.url, *((self._work,) if wish.trusted else ()))
        if wish.repository and not (self._work / ".git").exists():
            subprocess.run(["git", "init", "-q", "-b", "main", str(self._work)], check=True)
            (self._work / "new.txt").write_text("a line\n")
        added = {
            ".claude.json": wish.claude_json,
            ".claude/settings.json": wish.claude_settings,
        }
        for name, more in added.items():
            if more:
                path = self._home / name
                known = json.loads(path.read_text()) if path.exists() else {}
                self._put(path, json.dumps({**known, **more}))
        if wish.codex_config:
            path = self._home / ".codex/config.toml"
            self._put(path, f"{path.read_text() if path.exists() else ''}\n{wish.codex_config}\n")
        for name, text in wish.files.items():
            self._put(self._root / name, text)
        return seed

    def _put(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(text.replace("STUB", self.stub.url))

    def stop(self) -> None:
        """End the program, its terminal, and what it has left in the background."""
        command = ["tmux", "-S", str(self._socket), "kill-server"]
        subprocess.run(command, capture_output=True, check=False, timeout=10)
        left = wait_gone(marked(self._nonce), 2.0)
        end(left)
        wait_gone(left, 5.0)

    def tmux(self, *arguments: str) -> str:
        """One tmux command; returns what it printed. Raises CalledProcessError when the program has ended."""
        command = ["tmux", "-u", "-S", str(self._socket), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout

    @property
    def alive(self) -> bool:
        """Whether the program's terminal is still there."""
        command = ["tmux", "-S", str(self._socket), "has-session"]
        return subprocess.run(command, capture_output=True, check=False, timeout=10).returncode == 0

    def keys(self, *names: str) -> None:
        """Press keys, each with time to be taken alone."""
        for name in names:
            self.tmux("send-keys", "-t", ":", "--", name)
            pause(0.12)

    def type(self, text: str) -> None:
        """Type a text."""
        self.tmux("send-keys", "-t", ":", "-l", "--", text)
        pause(0.2)

    def paste(self, text: str) -> None:
        """Paste as roost does."""
        path = self._root / "paste"
        path.write_text(text)
        self.tmux("load-buffer", "-b", "text", str(path))
        self.tmux("paste-buffer", "-p", "-r", "-d", "-b", "text", "-t", ":")

    def resize(self, width: str, height: str) -> None:
        """Give the window another size."""
        self.tmux("resize-window", "-t", ":", "-x", width, "-y", height)

    def shot(self) -> Shot:
        """What is shown now."""
        shape = "#{pane_width}x#{pane_height} #{cursor_x},#{cursor_y},#{cursor_flag} #{pane_title}"
        size, cursor, title = self.tmux("display-message", "-p", "-t", ":", shape).rstrip("\n").split(" ", 2)
        screen = self.tmux("capture-pane", "-p", "-e", "-t", ":")
        return Shot(screen.rstrip("\n") + "\n", title, size, cursor)

    def still(self, patience: float = _PATIENCE) -> Shot:
        """What is shown once it has stood still for a moment; what there is when it does not."""
        deadline = time.monotonic() + patience
        seen, since = self.shot(), time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - since < _STILL:
            pause(0.08)
            now = self.shot()
            if now.screen != seen.screen:
                seen, since = now, time.monotonic()
        return seen


def pause(seconds: float) -> None:
    """Give the program time: nothing tells when it has taken a key that changes nothing."""
    select.select([], [], [], seconds)
