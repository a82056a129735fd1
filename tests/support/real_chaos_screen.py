"""What a real program's terminal truly shows, told by tmux and not by roost: the chaos compares with it.

Claude Code 2.1.332: the input line is an arrow and a no-break space between two rules. Codex 0.171.0: the
last line that begins with an arrow and is no choice of a list; it stays while the transcript is browsed.
"""

import contextlib
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from roost.runtimes.screen import Line, is_hint, read_lines

_RULE = re.compile(r"^\s?[─▔]{3,}(?: History \d+/\d+ )?[─▔]{5,}")
_CLAUDE = "❯\N{NO-BREAK SPACE}"
_CODEX = "›"
_CHOICE = re.compile(r"^\s*[❯›>] (?:✔ )?\d+\. ")
_ASKS = re.compile(
    r"Enter to (?:confirm|select|continue|submit)|Esc to (?:cancel|close|exit)|[Ee]nter confirm|"
    r"press enter to|enter to submit|Do you want to|Would you like to|Action Required"
)
_OVERLAY = re.compile(
    r"(?i)(?<!/ )\besc (?:back|close|cancel|dismiss|to (?!interrupt))|enter (?:continue|confirm)|↵|q to quit"
)
_HINT = "Ask Codex to do anything"
_HELPER = re.compile(
    r"search prompts:|is suspended\. Run|reverse-i-search:|^\s*Find:|Shell mode|^\s*Warnings · "
)
"""What shows that keys go to a helper beside the input line, or in its place."""
_LIST = re.compile(r"Esc to (?:close|cancel|go back|exit)")
_ELSEWHERE = "open in another app"
_BUSY = "esc to interrupt"
_CLAUDE_HINTS = (
    "Press up to edit queued messages",
    "Resend your message to try again",
    "Once fixed, resend your message",
)
NORMAL = (80, 24)
"""Columns and rows from which on everything can be read."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One look. `prompt`: an input line that takes text is there. `draft`: what stands in it."""

    width: int
    height: int
    in_mode: bool
    people: int
    text: str
    prompt: bool
    draft: str
    busy: bool
    asks: bool

    @property
    def small(self) -> bool:
        """Too small for the program to show what it would."""
        return self.width < NORMAL[0] or self.height < NORMAL[1]

    def __str__(self) -> str:
        shown = "\n".join(line for line in self.text.splitlines() if line.strip())
        words = f"{self.width}x{self.height} mode={self.in_mode} people={self.people} prompt={self.prompt}"
        shown = "\n".join(shown.splitlines()[-24:])
        return f"[{words} draft={self.draft[:60]!r} busy={self.busy} asks={self.asks}]\n{shown}"


def look(runtime: str, socket: str, environ: Mapping[str, str]) -> Scene | None:
    """Look at a terminal; None when its tmux does not answer."""
    asked = "#{pane_width} #{pane_height} #{pane_in_mode}"
    listed = ["list-clients", "-F", "client #{client_control_mode}"]
    argv = ["tmux", "-N", "-S", socket, "display-message", "-p", "-t", ":", asked, ";", *listed]
    argv += [";", "display-message", "-p", "screen", ";", "capture-pane", "-p", "-e", "-t", ":"]
    done = None
    with contextlib.suppress(subprocess.TimeoutExpired, OSError):
        done = subprocess.run(
            argv, env=dict(environ), capture_output=True, text=True, check=False, timeout=5, errors="replace"
        )
    if done is None or done.returncode != 0 or "\nscreen\n" not in done.stdout:
        return None
    head, _, screen = done.stdout.partition("\nscreen\n")
    first, *clients = head.splitlines()
    width, height, mode = (int(word or 0) for word in first.split(" ")[:3])
    return read(
        runtime, screen, width=width, height=height, in_mode=mode > 0, people=clients.count("client 0")
    )


def read(
    runtime: str, screen: str, *, width: int = 160, height: int = 50, in_mode: bool = False, people: int = 0
) -> Scene:
    """Read a screen that was captured with its escape sequences."""
    lines = read_lines(screen)
    while lines and not lines[-1].text.strip():
        lines.pop()
    texts = [line.text for line in lines]
    found = _claude(lines) if runtime == "claude" else _codex(lines)
    if any(_HELPER.search(text) for text in texts[-5:]):
        found = None
    start, end = found or (len(lines), len(lines))
    draft = "" if found is None else _draft(runtime, lines[start:end])
    tail = texts[end:] if runtime == "claude" else texts[max(0, start - 12) :]
    busy = any(_BUSY in text for text in (tail if found else texts[-8:]))
    asks = found is None and any(_CHOICE.match(text) or _ASKS.search(text) for text in texts[-20:])
    return Scene(width, height, in_mode, people, "\n".join(texts), found is not None, draft, busy, asks)


def _claude(lines: list[Line]) -> tuple[int, int] | None:
    for index in range(len(lines) - 1, 0, -1):
        text = lines[index].text
        if text.startswith(_CLAUDE) or text.rstrip() == "❯":
            below = (each for each in range(index + 1, len(lines)) if _RULE.match(lines[each].text))
            end = next(below, None)
            if end is None or not _RULE.match(lines[index - 1].text):
                return None
            # Some lists (/permissions) stand above an input line that gets no keys.
            over = any(_LIST.search(line.text) for line in lines[max(0, index - 4) : index - 1])
            return None if over else (index, end)
    return None


def _codex(lines: list[Line]) -> tuple[int, int] | None:
    if any(_ELSEWHERE in line.text for line in lines[-6:]):
        return None
    for index in range(len(lines) - 1, -1, -1):
        text = lines[index].text
        if text.startswith(_CODEX):
            below = [line.text for line in lines[index + 1 :]]
            if _CHOICE.match(text) or any(_OVERLAY.search(each) for each in below[-3:]):
                return None
            blank = (each for each in range(index + 1, len(lines)) if not lines[each].text.strip())
            return index, next(blank, len(lines))
    return None


def _draft(runtime: str, lines: list[Line]) -> str:
    first, start = lines[0], 2
    text = first.text[start:].strip()
    if not any(line.text.strip() for line in lines[1:]) and (
        is_hint(first, start) or text in (_HINT, *_CLAUDE_HINTS)
    ):
        return ""
    rest = lines[1:] if runtime == "claude" else [line for line in lines[1:] if " · " not in line.text]
    return " ".join([text, *(line.text.strip() for line in rest)]).strip()
