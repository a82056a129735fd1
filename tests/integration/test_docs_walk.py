"""A newcomer's walk: the commands of the pages, as printed, in an empty home at 80 columns."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.home import Home

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    "docs/how-to/agents-talk.md",
    "docs/how-to/topics-and-resume.md",
    "docs/how-to/scripts.md",
    "docs/tutorial.md",
)
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_DONE = re.compile(rb"@@done (\d+)@@\r\n")
_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\r")
PATIENCE = 15.0
AGENTS = ("roost attach", "roost screen", "roost deaths")
"""What shows an agent's own screen, which is wider."""
REWRITES = "\r\x1b[K"
BETWEEN = 0.02
"""Seconds between two keys: tmux takes what comes within a millisecond for a paste (assume-paste-time)."""
SHELL = 'trap : INT; while IFS= read -r line <&3; do eval "$line"; echo "@@done $?@@"; done'
FAILS = ("@@kill SIGKILL@@",)
"""Commands that end with 1, as the page says: this message ends its agent twice."""
LEFT = {"roost attach": (b"demo>", b"\x02d"), "roost events --follow": (b"was made", b"\x03")}
"""What does not end by itself: how it is seen to run, and the keys that the page names."""


def lines_of(page: str) -> list[str]:
    """The page's commands of roost and its shell's, where they need no account: the demo agent stands in."""
    text = "\n".join(_BLOCK.findall((ROOT / page).read_text()))
    kept = [line.partition("  #")[0].rstrip() for line in text.splitlines()]
    shown = [line for line in kept if line.startswith(("roost ", "export ", "rm "))]
    return [line.replace("--runtime claude", "--runtime demo") for line in shown]


class Terminal:
    """A shell on a terminal of 80 columns, which is told one line after another."""

    def __init__(self, leader: int, lines: int) -> None:
        self._leader = leader
        self._lines = lines

    def run(self, line: str) -> tuple[int, str]:
        """Run a line; its exit code, and what it showed."""
        os.write(self._lines, line.encode() + b"\n")
        waits, keys = next((how for start, how in LEFT.items() if line.startswith(start)), (b"", b""))
        seen = b""
        while (done := _DONE.search(seen)) is None:
            assert select.select([self._leader], [], [], PATIENCE)[0], (line, seen)
            seen += os.read(self._leader, 65536)
            if keys and waits in seen:
                for key in keys:
                    os.write(self._leader, bytes([key]))
                    select.select([], [], [], BETWEEN)
                keys = b""
        shown = seen[: done.start()].decode(errors="replace").replace(REWRITES, "\n")
        return int(done[1]), _SEQUENCE.sub("", shown)


@contextmanager
def terminal(home: Home, environ: dict[str, str]) -> Iterator[Terminal]:
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    reader, writer = os.pipe()
    shell = subprocess.Popen(
        ["bash", "--norc", "-c", f"exec 3<&{reader}; {SHELL}"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        pass_fds=(reader,),
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 -- nothing else runs here
        cwd=home.work,
        env=environ,
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
        subprocess.run(down, check=False, timeout=PATIENCE, capture_output=True)


def test_a_newcomers_walk(home: Home) -> None:
    folder = home.work / "src/app"
    folder.mkdir(parents=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "HOME": str(home.work), "TERM": "xterm-256color"}
    environ.pop("COLUMNS", None)
    ident, wide = "", []
    with terminal(home, environ) as shell:
        for page in PAGES:
            for line in lines_of(page):
                status, shown = shell.run(line.replace("message ID", f"message {ident}"))
                fails = any(word in line for word in FAILS)
                assert status == (130 if "--follow" in line else 1 if fails else 0), (page, line, shown)
                found = re.search(r"^[0-9a-f]{16}\b", shown, re.MULTILINE)
                ident = found[0] if found else ident
                if not line.startswith(AGENTS):
                    wide += [(line, each) for each in shown.splitlines() if len(each) > 80]
    assert not wide, "at 80 columns:\n" + "\n".join(f"{line}: {each}" for line, each in wide)
