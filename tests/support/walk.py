"""Pages of the documentation as somebody walks them: their blocks, and a shell in 80 columns."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.support import door
from tests.support.home import Home

ROOT = Path(__file__).resolve().parents[2]
COLUMNS = 80
PATIENCE = 100.0
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_DONE = re.compile(rb"@@done (\d+)@@\r\n")
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\r")
_REWRITES = "\r\x1b[K"
_BETWEEN = 0.02
"""Seconds between two keys: tmux takes what comes within a millisecond for a paste (assume-paste-time)."""
_SHELL = 'trap : INT; while IFS= read -r line <&3; do eval "$line"; echo "@@done $?@@"; done'


class Block(NamedTuple):
    """A fenced block: its language and its text."""

    language: str
    text: str


class Leave(NamedTuple):
    """How a command that does not end by itself is left: when it has shown a text, by these keys."""

    shown: bytes
    keys: bytes


DEMO = (
    "README.md",
    "docs/how-to/agents-talk.md",
    "docs/how-to/mcp-clients.md",
    "docs/how-to/topics-and-resume.md",
    "docs/how-to/conversations.md",
    "docs/how-to/scripts.md",
    "docs/how-to/acp.md",
    "docs/how-to/codex-threads.md",
    "docs/how-to/ephemeral-workers.md",
    "docs/how-to/trouble.md",
    "docs/top.md",
    "docs/tutorial.md",
)
"""With the demo agent in the place of the others."""
HOST = (
    "docs/how-to/upgrade.md",
    "docs/how-to/run-as-a-service.md",
    "docs/how-to/own-runtime.md",
    "docs/how-to/backup.md",
    "docs/how-to/places.md",
    "docs/web.md",
    "docs/how-to/completion.md",
)
"""Without ROOST_HOME, with a systemd that is a fake."""
REAL = (
    "docs/how-to/claude-and-codex.md",
    "docs/how-to/environment.md",
    "docs/how-to/gemini.md",
    "docs/how-to/opencode.md",
)
"""With the real programs, and a model that is a fake."""
_FLEET = "it takes two hosts; tests/integration/test_fleet_join.py and test_fleet_view.py run it"
FLEET = ("docs/how-to/fleet.md", "docs/how-to/other-hosts.md")
"""Of several hosts."""
OWN = ("docs/how-to/run.md", "docs/how-to/join.md", "docs/how-to/watch-others.md")
"""In a terminal of a person's own, or of peers that no walk has; tests/integration/test_daemon_watches.py."""
NOT_RUN = {
    **dict.fromkeys(
        (
            *("roost fleet ", "roost send reviewer@venus", "roost wake reviewer@venus"),
            *("roost questions --all", "roost answer 0c3fe1@venus", "roost attach reviewer@venus"),
        ),
        _FLEET,
    ),
    "roost move ": "as above; tests/integration/test_fleet_move.py",
    "roost message 01977b20a9c0": "as above; tests/integration/test_fleet.py",
    "roost run me": "it has the terminal; tests/e2e/test_real_own_terminal.py runs it",
    'roost send me "The build': "as above",
    "claude mcp add": "tests/e2e/test_real_mcp.py gives real programs the server that it names",
    "scripts/demo": "tests/integration/test_demo_run.py runs what it runs",
    "scripts/test": "it runs this",
    "roost probe claude": "tests/e2e/test_real_probe.py runs it, and no walk has an account",
    "codex app-server": "tests/e2e/test_real_thread.py runs it, and registers its threads",
    "roost add tester --runtime codex-thread": "as above",
    'roost send tester "Which tests are slow?"': "as above",
    "roost attach tester": "as above",
    "roost add helper --runtime codex-thread": "as above",
    'roost send helper "What does this folder hold?"': "as above",
    "roost web --open": "it starts a browser; tests/integration/test_web_http.py runs it without",
    "roost send @reviewers": "no walk has the group; tests/integration/test_daemon_groups.py runs it",
    "roost top": "it draws until it is left; tests/integration/test_top.py runs it",
    "pip install ": "it needs a package index; here the upgrade is from another copy on PYTHONPATH",
}
"""How a command begins, and why no walk runs it."""
LANGUAGES = {
    "sh": "walked",
    "toml": "read as a config file below",
    "text": "what something prints, or lists that tests/unit/test_docs.py compares",
    "python": "run by tests/integration/test_python_client.py",
    "json": "a part of a file that roost writes, or a program of its own configuration",
    "yaml": "the config file of Prometheus",
}
WIDE = (
    *("roost attach", "roost screen", "roost deaths", "roost logs", "roost service print"),
    *("roost runtimes show", "roost listen ci --json"),
)
"""What shows an agent's own screen, or a file or a record as it is, which is wider."""
FAILS = {"@@kill SIGKILL@@": 1, "--follow": 130}
"""Exit codes other than 0: of a message that ends its agent twice, as the page says, and of Ctrl-C."""
LEFT = {
    "roost attach": Leave(b"demo>", b"\x02d"),
    "roost events --follow": Leave(b"was made", b"\x03"),
    "roost logs": Leave(b"demo>", b"\x03"),
    "roost transcript scout --follow": Leave(b"assistant", b"\x03"),
}
"""What does not end by itself: how it is seen to run, and the keys that the page names."""


def pages() -> list[str]:
    """The pages that people read; the reference is made from the code, the screens are of the code."""
    found = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/how-to").glob("*.md")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a page."""
    return [Block(*found) for found in _BLOCK.findall((ROOT / page).read_text())]


def commands(page: str) -> list[str]:
    """The lines of a page's shell blocks, without their comments."""
    lines = [line for block in blocks(page) if block.language == "sh" for line in block.text.splitlines()]
    return [line for each in lines if (line := each.partition("  #")[0].rstrip())]


class Terminal:
    """A shell on a terminal of 80 columns, which is told one line after another."""

    def __init__(self, leader: int, lines: int) -> None:
        self._leader = leader
        self._lines = lines

    def run(self, line: str, leave: Leave | None = None) -> tuple[int, str]:
        """Run a line; its exit code, and what it showed."""
        os.write(self._lines, line.encode() + b"\n")
        seen = b""
        while (done := _DONE.search(seen)) is None:
            assert select.select([self._leader], [], [], PATIENCE)[0], (line, seen)
            seen += os.read(self._leader, 65536)
            if leave is not None and leave.shown in seen:
                for key in leave.keys:
                    os.write(self._leader, bytes([key]))
                    select.select([], [], [], _BETWEEN)
                leave = None
        shown = seen[: done.start()].decode(errors="replace").replace(_REWRITES, "\n")
        return int(done[1]), _SEQUENCE.sub("", shown)


@contextmanager
def terminal(folder: Path, environ: Mapping[str, str]) -> Iterator[Terminal]:
    """A shell that begins in a folder with this environment; its programs find `roost` on PATH."""
    path = f"{environ['PATH']}:{Path(sys.executable).parent}"
    # Its `roost` is Python's, which asks no native door: no daemon of a walk keeps the process for one.
    given = {**environ, "PATH": path, "TERM": "xterm-256color", "SHELL": "/bin/bash", door.SWITCH: "python"}
    given.pop("COLUMNS", None)
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("4H", 24, COLUMNS, 0, 0))
    reader, writer = os.pipe()
    shell = subprocess.Popen(
        ["bash", "--norc", "-c", f"exec 3<&{reader}; {_SHELL}"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        pass_fds=(reader,),
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 -- nothing else runs here
        cwd=folder,
        env=given,
    )
    os.close(follower)
    os.close(reader)
    try:
        yield Terminal(leader, writer)
    finally:
        os.close(writer)
        os.close(leader)  # hangs up on whatever still runs there
        shell.wait(PATIENCE)
        down = [sys.executable, "-m", "roost", "down", "--agents"]
        subprocess.run(down, check=False, timeout=PATIENCE, capture_output=True, env=given)


class Walker:
    """Walks pages in one shell, and keeps what did not fit."""

    def __init__(self, shell: Terminal, **words: str) -> None:
        """`words`: what is put in the place of words of the page."""
        self.shell = shell
        self.words = words
        self.left = dict(LEFT)
        self.shown: list[tuple[str, str]] = []
        self._message = ""

    def walk(self, page: str) -> None:
        """Run all commands of a page that can be run."""
        for line in commands(page):
            if not line.startswith(tuple(NOT_RUN)):
                self.run(line)

    def run(self, line: str) -> str:
        """Run a line of a page; what it showed."""
        typed = line.replace("message ID", f"message {self._message}")
        for word, meant in self.words.items():
            typed = re.sub(rf"(?<![\w-]){word}(?![\w=-])", meant, typed)
        leave = next((how for start, how in self.left.items() if line.startswith(start)), None)
        status, shown = self.shell.run(typed, leave)
        expected = next((code for word, code in FAILS.items() if word in line), 0)
        assert status == expected, (typed, shown)
        found = re.search(r"^[0-9a-f]{16,}\b", shown, re.MULTILINE)
        self._message = found[0] if found else self._message
        self.shown.append((typed, shown))
        return shown

    def fits(self) -> None:
        """Nothing was wider than the terminal."""
        wide = [
            f"{line}: {each}"
            for line, shown in self.shown
            if not line.startswith(WIDE)
            for each in shown.splitlines()
            if len(each) > COLUMNS
        ]
        assert not wide, "\n".join(["wider than the terminal:", *wide])


@contextmanager
def walker(home: Home, environ: dict[str, str], **words: str) -> Iterator[Walker]:
    """A walker in an empty home that has the folder of the pages' agents."""
    (home.work / "src/app").mkdir(parents=True)
    with terminal(home.work, {**environ, "HOME": str(home.work)}) as shell:
        made = Walker(shell, **words)
        yield made
        made.fits()
