"""What Claude Code shows on its screen (2.1.328 to 2.1.332). Only the live region at the bottom is judged.

The input line is an arrow and a no-break space at the left edge, between two rules; echoed prompts, menu
items and the input lines of other views have an ordinary space after the arrow. Everything else takes its
place, see `claude_views`. The rows below tell when keys go elsewhere although the input line is drawn.
"""

# ruff: noqa: RUF001 -- the characters that stand on the screen

import re
from collections.abc import Collection

from msgspec import Struct

from roost.runtimes import claude_views
from roost.runtimes.claude_views import RULE
from roost.runtimes.screen import Line, is_hint, one_line, read_lines
from roost.runtimes.view import Answer, Composer, View

_PROMPT = "❯\N{NO-BREAK SPACE}"
_SHELL = "!\N{NO-BREAK SPACE}"
_BUSY = "esc to interrupt"
_COLLAPSED = re.compile(r"\[Pasted text #\d+(?: \+\d+ lines)?\]")
_RETRY = re.compile(r"^[^\w\s●❯⎿] (.+?) · retrying in \d+s")
_HINTS = frozenset(
    {
        "Press up to edit queued messages",
        "Resend your message to try again",
        "Once fixed, resend your message",
    }
)
"""What stands faint in an empty input line, for a screen that was captured without its styles."""

_MODE = re.compile(r"^  (?:⏸|⏵⏵) ")
_SEARCH = re.compile(r"^\s+(search prompts:)\s*(\S*)")
_SELECTED = re.compile(r"(enter to view tasks)|^\s+(↑/↓ to select)")
_OF_HELPER = re.compile(r"Message @\S")
_ANOTHER = re.compile(r"^\W*◯ main$")
_OPEN = re.compile(r"^\W*● (.+?)(?:\s{2}|$)")
_PASTING = "Pasting…"
_SUSPENDED = "Claude Code is suspended"

_TRUST_YES = "❯ Yes, I trust this folder"
_TRUST_NO = "❯ No, exit"
_KEY = "Do you want to use this API key?"
_KEY_YES = "❯ Yes"
_KEY_NO = "❯ No (recommended)"
_KEY_SHOWN = re.compile(r"ANTHROPIC_API_KEY: \S+?\.\.\.(\S+)")


class Look(Struct, frozen=True):
    """One look: the view, and the error that the model is being asked again after."""

    view: View
    retry: str | None = None


def look_at(screen: str) -> Look:
    """Judge a screen, captured with or without its styles."""
    lines = read_lines(screen)
    found = _box(lines)
    if found is None:
        return Look(_taller(lines) or claude_views.instead(lines))
    start, end = found
    rows = [line.text for line in lines[end + 1 :]]
    over = claude_views.above(lines[: start - 1])
    if over is not None:
        return Look(over)
    busy = any(_BUSY in row for row in rows)
    retry = next((match[1] for line in lines[:start] if (match := _RETRY.match(line.text))), None)
    return Look(_view(lines[start:end], rows, busy=busy), retry if busy else None)


def _box(lines: list[Line]) -> tuple[int, int] | None:
    """The first line of the input and the rule below it: the last line that looks so."""
    for index in range(len(lines) - 1, 0, -1):
        if lines[index].text.startswith((_PROMPT, _SHELL)):
            end = next(
                (below for below in range(index + 1, len(lines)) if RULE.match(lines[below].text)), None
            )
            return (index, end) if end is not None and RULE.match(lines[index - 1].text) else None
    return None


def _taller(lines: list[Line]) -> View | None:
    """An input line that is taller than the screen, which shows its end alone (2.1.332)."""
    end = next((index for index, line in enumerate(lines) if RULE.match(line.text)), None)
    if not end or not any(_MODE.match(line.text) for line in lines[end + 1 : end + 2]):
        return None
    text = [line.text for line in lines[:end]]
    if any(line[:2].strip() for line in text) or not any(line.strip() for line in text):
        return None
    return View(Composer.FILLED, None, draft=one_line(["\N{HORIZONTAL ELLIPSIS}", *text]))


def _view(box: list[Line], rows: list[str], *, busy: bool) -> View:
    """What the input line holds, or where the keys go instead."""
    if any(row.strip() == _PASTING for row in rows[:1]):  # what stands there is not all of it
        return View(Composer.HIDDEN, busy=busy, shows=_PASTING)
    content = _content(box)
    empty = content is Composer.EMPTY
    elsewhere = _elsewhere(box, rows, empty=empty)
    if elsewhere is not None:
        shows, leave = elsewhere
        return View(Composer.ELSEWHERE, busy=busy, shows=shows, leave=leave)
    if empty:
        return View(content, None, busy)
    draft = one_line([box[0].text.removeprefix(_PROMPT), *(line.text for line in box[1:])])
    return View(content, None, busy, draft=draft, collapsed=_COLLAPSED.fullmatch(draft) is not None)


def _elsewhere(box: list[Line], rows: list[str], *, empty: bool) -> tuple[str, str | None] | None:
    """Where the keys go although the input line is drawn, and the key that brings them back.

    2.1.332: Escape leaves an empty shell mode, an empty search and a selected row with no other effect; it
    keeps what a search has found as a draft. What is typed while a helper's work is open goes to the helper.
    Vim's normal mode, which shows nothing of itself, takes a paste and Enter as its insert mode does.
    """
    leave = "Escape" if empty else None
    first = box[0].text[len(_PROMPT) :].strip()
    helper = first if _OF_HELPER.match(first) and is_hint(box[0], len(_PROMPT)) else None
    if any(row.startswith(_SUSPENDED) for row in rows):
        return _SUSPENDED, None
    if any(_ANOTHER.match(row) for row in rows):
        return next((match[1] for row in rows if (match := _OPEN.match(row))), "another agent"), None
    for row in rows:
        if match := _SEARCH.match(row):
            return match[1], leave
        if match := _SELECTED.search(row):
            return helper or match[1] or match[2], None if helper else leave
    if box[0].text.startswith(_SHELL):
        return "! for shell mode", leave
    return (helper, None) if helper else None


def _content(box: list[Line]) -> Composer:
    first, rest = box[0], box[1:]
    text = first.text[len(_PROMPT) :].strip()
    if any(line.text.strip() for line in rest):
        return Composer.FILLED
    if not text or text in _HINTS or is_hint(first, len(_PROMPT)):
        return Composer.EMPTY
    return Composer.FILLED


def boot_answer(screen: str, directories: Collection[str], key: str | None) -> Answer | None:
    """The next key for a start-up dialog that may be answered; None for every other screen.

    A folder is trusted when it is the peer's own: the operator made a peer of it. An API key is used when
    it is `key`, which the operator gave to this peer. Both dialogs refuse by default (2.1.328), so each key
    is chosen by what is selected now.
    """
    lines = [line.text.rstrip() for line in read_lines(screen)]
    shown = [line for line in lines if line.strip()]
    if not shown or "Enter to confirm" not in shown[-1] or _box(read_lines(screen)) is not None:
        return None
    if any(line.strip() == claude_views.TRUST for line in lines):
        workspace = _workspace(lines)
        if workspace not in directories:
            return None
        return _choose(lines, f"trust {workspace}", _TRUST_YES, _TRUST_NO, "Down")
    if any(line.strip() == _KEY for line in lines):
        match = _KEY_SHOWN.search("\n".join(lines))
        if match is None or key is None or not key.endswith(match[1]):
            return None
        return _choose(lines, "use the API key of this peer's settings", _KEY_YES, _KEY_NO, "Up")
    return None


def _workspace(lines: list[str]) -> str:
    """The folder that the trust dialog asks about; a long one runs over several lines."""
    start = next(index for index, line in enumerate(lines) if line.strip() == claude_views.TRUST) + 1
    while start < len(lines) and not lines[start].strip():
        start += 1
    end = start
    while end < len(lines) and lines[end].strip():
        end += 1
    return "".join(line.strip() for line in lines[start:end])


def _choose(lines: list[str], dialog: str, yes: str, no: str, key: str) -> Answer | None:
    if any(line.strip() == yes for line in lines):
        return Answer(dialog, "Enter", yes)
    if any(line.strip() == no for line in lines):
        return Answer(dialog, key, no)
    return None
