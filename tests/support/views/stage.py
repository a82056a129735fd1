"""One real program in a terminal as roost gives it, in a short neutral folder, talking to the fake model."""

import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from uuid import uuid4

from roost.core.peer import Settings
from roost.core.session import Session, WakeCause
from roost.host.environment import child_environment, terminal_name
from roost.host.tmux.config import config_text
from roost.runtimes.base import Context, Runtime
from roost.runtimes.claude import ClaudeRuntime
from roost.runtimes.codex import CodexRuntime
from tests.support import clis
from tests.support.fake_model import FakeModel
from tests.support.home import is_foreign
from tests.support.views.stub import Stub

ROOT = Path("/tmp/w")  # noqa: S108 -- the recordings show it: short, and nobody's
RUNTIMES: Mapping[str, Runtime] = {"claude": ClaudeRuntime(), "codex": CodexRuntime()}
_STILL = 0.4
_PATIENCE = 15.0


@dataclass(frozen=True, slots=True)
class Shot:
    """What a terminal shows: the screen with its escape sequences, title, size and cursor."""

    screen: str
    title: str
    width: int
    height: int
    cursor: str


@dataclass(frozen=True, slots=True)
class Wish:
    """How the program is to be started: with which of the user's settings, in which size."""

    trusted: bool = True
    seeded: bool = True
    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    args: tuple[str, ...] = ()
    width: int = 160
    height: int = 50
    resume: str | None = None
    claude_json: Mapping[str, object] = field(default_factory=dict[str, object])
    claude_settings: Mapping[str, object] = field(default_factory=dict[str, object])
    codex_config: str = ""
    codex_top: str = ""
    files: Mapping[str, str] = field(default_factory=dict[str, str])


class Stage:
    """A home, a project folder and one program in tmux. A context manager: at its end all of it is gone."""

    def __init__(self, program: str, wish: Wish | None = None) -> None:
        """Make the folders; `start` starts the program."""
        self.program = program
        self.cli = clis.require(program)
        self.wish = wish or Wish()
        self.root = ROOT / program
        self.home, self.work = self.root / "home", self.root / "proj"
        self.model = FakeModel()
        self.stub = Stub()
        self._socket = self.root / "s"

    def __enter__(self) -> Self:
        shutil.rmtree(self.root, ignore_errors=True)
        for folder in (self.home, self.work, self.root / "session"):
            folder.mkdir(parents=True, mode=0o700)
        self.model.__enter__()
        self.stub.__enter__()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self.stub.__exit__()
        self.model.__exit__(None, None, None)
        shutil.rmtree(self.root, ignore_errors=True)

    def start(self) -> None:
        """Write the user's files and start the program as the runtime's plan says."""
        wish, url = self.wish, self.model.url
        trusted = (self.work,) if wish.trusted else ()
        seed = clis.Seed()
        if wish.seeded:
            made = clis.seed_claude if self.program == "claude" else clis.seed_codex
            seed = made(self.home, url, *trusted)
        self._amend()
        for name, text in wish.files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        base = {name: value for name, value in os.environ.items() if not is_foreign(name)}
        base |= {"HOME": str(self.home), "TMPDIR": str(self.root), "LANG": "C.UTF-8", "USER": "user"}
        base["PATH"] = f"{self.cli.path.parent}:{base['PATH']}"
        base.pop("LOGNAME", None)
        args = (*seed.argv[1:], *wish.args)
        session = Session(
            "s", "a", 1, "n", WakeCause.FIRST_WAKE, wish.resume is not None, 0.0, 0.0,
            conversation=wish.resume or (str(uuid4()) if self.program == "claude" else None),
        )  # fmt: skip
        settings = Settings(str(self.work), self.program, args=args)
        context = Context(session, settings, self.root / "session", self.root, base, self.stub.url)
        plan = RUNTIMES[self.program].plan(context)
        for name, text in plan.files.items():
            (self.root / "session" / name).write_text(text)
        extra = {**plan.env, "ROOST_TOKEN": "token", **seed.environ, **wish.environ}
        environ = child_environment(base, extra, terminal=terminal_name(base))
        config = self.root / "tmux.conf"
        config.write_text(config_text(terminal_name(base)))
        size = ("-x", str(wish.width), "-y", str(wish.height))
        start = ["tmux", "-u", "-S", str(self._socket), "-f", str(config), "new-session", "-d", *size]
        argv = [str(self.cli.path), *plan.argv[1:]]
        subprocess.run([*start, "-c", str(self.work), "--", *argv], env=environ, check=True)
        self.pid = int(self.tmux("display-message", "-p", "-t", ":", "#{pane_pid}"))

    def _amend(self) -> None:
        """The user's files with what this start wants in them."""
        import json

        wish = self.wish
        for path, more in ((self.home / ".claude.json", wish.claude_json),
                           (self.home / ".claude/settings.json", wish.claude_settings)):  # fmt: skip
            if more:
                known = json.loads(path.read_text()) if path.exists() else {}
                path.parent.mkdir(exist_ok=True, mode=0o700)
                path.write_text(json.dumps({**known, **more}).replace("STUB", self.stub.url))
        if wish.codex_config or wish.codex_top:
            path = self.home / ".codex/config.toml"
            path.parent.mkdir(exist_ok=True, mode=0o700)
            known = path.read_text() if path.exists() else ""
            path.write_text(
                f"{wish.codex_top}\n{known}\n{wish.codex_config}\n".replace("STUB", self.stub.url)
            )

    def stop(self) -> None:
        """End the program."""
        command = ["tmux", "-S", str(self._socket), "kill-server"]
        subprocess.run(command, capture_output=True, check=False, timeout=10)
        deadline = time.monotonic() + 5
        while Path(f"/proc/{self.pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.05)

    def tmux(self, *arguments: str) -> str:
        """One tmux command; returns what it printed."""
        command = ["tmux", "-u", "-S", str(self._socket), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout

    @property
    def alive(self) -> bool:
        """Whether the program's terminal is still there."""
        command = ["tmux", "-S", str(self._socket), "has-session"]
        return subprocess.run(command, capture_output=True, check=False, timeout=10).returncode == 0

    def keys(self, *names: str) -> None:
        """Press keys, by tmux's names, with time for each to be taken alone."""
        for name in names:
            self.tmux("send-keys", "-t", ":", "--", name)
            time.sleep(0.12)

    def type(self, text: str) -> None:
        """Type a text."""
        self.tmux("send-keys", "-t", ":", "-l", "--", text)
        time.sleep(0.2)

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        self.tmux("resize-window", "-t", ":", "-x", str(width), "-y", str(height))

    def shot(self) -> Shot:
        """What is shown now."""
        shape = "#{pane_width} #{pane_height} #{cursor_x},#{cursor_y},#{cursor_flag} #{pane_title}"
        told = self.tmux("display-message", "-p", "-t", ":", shape).rstrip("\n")
        width, height, cursor, title = told.split(" ", 3)
        screen = self.tmux("capture-pane", "-p", "-e", "-t", ":")
        return Shot(screen.rstrip("\n") + "\n", title, int(width), int(height), cursor)

    def still(self, patience: float = _PATIENCE) -> Shot:
        """What is shown once it has stood still for a moment; what there is when it does not."""
        deadline = time.monotonic() + patience
        seen, since = self.shot(), time.monotonic()
        while time.monotonic() < deadline and time.monotonic() - since < _STILL:
            time.sleep(0.08)
            now = self.shot()
            if now.screen != seen.screen:
                seen, since = now, time.monotonic()
        return seen

    def paste(self, text: str) -> None:
        """Paste as roost does."""
        path = self.root / "paste"
        path.write_text(text)
        self.tmux("load-buffer", "-b", "text", str(path))
        self.tmux("paste-buffer", "-p", "-r", "-d", "-b", "text", "-t", ":")


def words(screen: Sequence[str]) -> str:
    """A screen's lines as one text."""
    return "\n".join(screen)
