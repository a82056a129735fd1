"""The demo agent in real tmux: what capture-pane shows, and the paste path of P1."""

import hashlib
import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.demo_agent import enveloped
from tests.support.home import Home
from tests.support.pseudo_terminal import PATIENCE
from tests.support.wait import wait_until

READY = r"(?m)^demo>$"
AWKWARD = "-q \"x\" 'y' $(id) `id` ; \\ 日本語 שלום 👩‍👩‍👧 @word\t!ls /quit\n"


class Pane:
    """A tmux server of its own with one pane, in which the demo agent runs."""

    def __init__(self, home: Home) -> None:
        self.socket = home.root / "s"
        self.log = home.root / "log"
        self.state = home.root / "state"
        self.buffer = home.root / "buffer"
        environment = {**os.environ, "ROOST_DEMO_LOG": str(self.log), "LC_ALL": "C.UTF-8"}
        command = [
            sys.executable,
            "-m",
            "roost.demo_agent",
            "--conversation",
            "c",
            "--state",
            str(self.state),
        ]
        size = ["-x", "100", "-y", "30"]
        self.tmux("-f", "/dev/null", "new-session", "-d", *size, *command, environment=environment)
        self.server = int(self.tmux("display-message", "-p", "#{pid}"))

    def tmux(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        command = ["tmux", "-u", "-S", str(self.socket), *arguments]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE
        )
        return done.stdout

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p")

    def shows(self, pattern: str) -> str:
        """Wait until the visible screen matches; return it."""
        return self.shows_when(lambda screen: re.search(pattern, screen) is not None, f"screen {pattern!r}")

    def shows_when(self, right: Callable[[str], bool], why: str) -> str:
        """Wait until the visible screen is right; return it."""
        found = [""]

        def check() -> bool:
            found[0] = self.screen()
            return right(found[0])

        wait_until(check, timeout=PATIENCE, why=why, describe=lambda: found[0])
        return found[0]

    def paste(self, text: str) -> None:
        self.buffer.write_bytes(text.encode())
        self.tmux("load-buffer", "-b", "b", str(self.buffer), ";", "paste-buffer", "-p", "-d", "-b", "b")

    def entries(self, what: str) -> list[dict[str, Any]]:
        lines = self.log.read_bytes().split(b"\n")[:-1] if self.log.exists() else []
        return [entry for entry in map(json.loads, lines) if entry["what"] == what]

    def wait_turns(self, count: int) -> None:
        wait_until(lambda: len(self.entries("turn_end")) >= count, timeout=PATIENCE, why=f"{count} turns")

    def end(self) -> None:
        handle = os.pidfd_open(self.server)
        try:
            self.tmux("kill-server")
            assert select.select([handle], [], [], PATIENCE)[0], "the tmux server is gone"
        finally:
            os.close(handle)


@pytest.fixture
def pane(home: Home) -> Iterator[Pane]:
    made = Pane(home)
    made.shows(READY)
    yield made
    made.end()


def test_P1_tmux_pastes_arrive_whole_at_once_and_later(pane: Pane) -> None:
    sizes = [607, 8 * 1024, 100 * 1024]
    for number, size in enumerate(sizes, 1):
        body = (AWKWARD * (size // len(AWKWARD) + 1))[:size]
        text = enveloped(f"{body}x\n@@silent@@", f"{number:032x}")
        pane.paste(text)
        pane.shows(rf"(?m)^demo> \[Pasted text #{number} \+{text.count(chr(10))} lines\]$")
        pane.tmux("send-keys", "Enter")
        pane.wait_turns(number)
        pane.shows(READY)
        prompt = pane.entries("prompt")[-1]
        assert prompt["text"] == text
        assert prompt["sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_P1_paste_and_enter_in_one_go_at_the_first_prompt(pane: Pane) -> None:
    pane.buffer.write_text("one\ntwo\nthree\nfour")
    pane.tmux(
        "load-buffer",
        "-b",
        "b",
        str(pane.buffer),
        ";",
        "paste-buffer",
        "-p",
        "-d",
        "-b",
        "b",
        ";",
        "send-keys",
        "Enter",
    )
    pane.wait_turns(1)
    assert pane.entries("prompt")[0]["text"] == "one\ntwo\nthree\nfour"


def test_the_screen_tells_idle_draft_busy_and_dialog_apart(pane: Pane) -> None:
    pane.tmux("send-keys", "-l", "--", "日本 שלום 👩‍👩‍👧 draft")
    screen = pane.shows(r"(?m)^demo> .*draft$")
    assert not re.search(READY, screen)
    pane.tmux("send-keys", "C-u")
    pane.shows(READY)
    pane.paste("@@delay 600@@")
    pane.tmux("send-keys", "Enter")
    pane.shows(r"(?m)^working \(esc to interrupt\)\ndemo>$")
    pane.tmux("send-keys", "Escape")
    screen = pane.shows(r"(?m)^  interrupted\ndemo>$")
    assert "esc to interrupt" not in screen
    pane.paste("@@ask@@")
    pane.tmux("send-keys", "Enter")
    screen = pane.shows(r"(?m)^Allow\? \[Enter = yes, Esc = no\]$")
    assert not re.search(READY, screen)
    assert "esc to interrupt" not in screen
    pane.paste("ignored\nwhile it asks")
    pane.tmux("send-keys", "y")
    screen = pane.shows(READY)
    assert "Allow?" not in screen
    assert [entry["text"] for entry in pane.entries("dialog")] == ["open", "allowed"]


def test_wide_right_to_left_and_long_lines_leave_one_prompt(pane: Pane) -> None:
    # The agent takes a soft hyphen for empty, tmux 3.3a gives it a column: rows must hold even so.
    lines = ["日" * 300, "שלום " * 60, "👩‍👩‍👧" * 90, "e\u0301" * 300, "\u00ad" * 300, "x" * 500]
    for number, line in enumerate(lines, 1):
        pane.tmux("send-keys", "-l", "--", line)
        pane.tmux("send-keys", "Enter")
        pane.wait_turns(number)
        screen = pane.shows(READY)
        assert len(re.findall(r"(?m)^demo>", screen)) == 1
        assert pane.entries("prompt")[-1]["text"] == line.rstrip("\n")


def test_the_prompt_stays_the_last_line_when_the_window_changes(pane: Pane) -> None:
    for number in range(1, 5):
        pane.paste(f"message {number} " + "x" * 150)
        pane.tmux("send-keys", "Enter")
        pane.wait_turns(number)
    pane.tmux("send-keys", "-l", "--", "draft")
    for columns, rows in ((40, 10), (160, 50), (20, 5), (100, 30)):
        pane.tmux("resize-window", "-x", str(columns), "-y", str(rows))
        pane.tmux("send-keys", "-l", "--", "x")
        pane.shows(r"(?m)^demo> draftx+$")
        pane.tmux("send-keys", "BSpace")
        # tmux 3.3a tells the program of a new size up to 0.25 s late; until then it draws for the old one.
        pane.shows_when(
            lambda screen: screen.rstrip().endswith("\ndemo> draft") and screen.count("demo>") == 1,
            "one prompt",
        )
