"""What stands on Codex's screen in place of its input line, or takes its keys (0.169.0 to 0.171.0).

A list or a view stands at the bottom or floats above the input line; its title is bold, its last row names
keys. A question that a turn or a start asks is told by its footer, its words or the terminal's title; any
other by a title that ends in a question mark, above a choice.
"""

# ruff: noqa: RUF001 -- the characters that stand on the screen

import re
from collections import Counter

from roost.runtimes.screen import Line, one_line
from roost.runtimes.view import Composer, View

FOLDER = "Folder access"
RESUME = "Working directory · resume"
CHOICE = re.compile(r"^\s*[›>] \d+\. ")

_QUESTION = re.compile(
    r"^\s*(?:enter (?:continue|confirm|to submit)|enter/esc confirm"
    r"|press enter to (?:confirm|continue)|tab (?:to add|or esc to clear) notes)\b",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"^\s+(?:\S{1,2}\s+)?(This conversation is open in another app)\b")
_ASKED = re.compile(r"Would you like to|^Allow the |^Trust this folder")
_NAMED = re.compile(
    r"^Folder access$|^Hooks need review|^Working directory · |^Welcome to Codex|^Question \d"
)
_ACTION = re.compile(r"(?:^|\| )\[ [.!] \] Action Required")
_KEYS = re.compile(
    r"\b(?:esc|q)(?: ·)? (?:back|cancel|clear|close|dismiss|exit|normal)\b|\^c (?:exit|quit)\b", re.IGNORECASE
)
_BOX = re.compile(r"^\s+─ (?:\^x · )?(\S.*?) ─{4,}\s*$")
_SPREAD = re.compile(r"^/ ((?:[A-Z] )+)/ /")
"""The title of a pager, which `q` leaves: `/ D I F F / / /`."""
_HELP = "? / esc close"
_ROWS = (
    (re.compile(r"^\s*(reverse-i-search:)"), "Escape"),
    (re.compile(r"^\s*(Find:)"), "Escape"),
    (re.compile(r"^\s*(Browsing transcript)\b"), "Escape"),
)
"""Rows below the input line that say where the keys go, and the key that brings them back.

0.171.0 takes a paste and Enter in Vim's normal mode and below the help for keys, as it does without them.
"""
_PANES = 0.6
"""The part of all rows that hold the border between two panes."""
_NEAR = 14
"""How far above a choice its question begins, on a screen without styles."""

_HARMLESS = frozenset(
    {
        "Agent command center",
        "Configuration",
        "Configure Status Line",
        "Configure Terminal Title",
        "Copy whole response",
        "Daemon",
        "Enable/Disable Skills",
        "Experimental features",
        "Export conversation",
        "Hooks",
        "Keymap",
        "Pets unavailable",
        "Remote control",
        "Resume a previous session",
        "Select Model and Effort",
        "Select Syntax Theme",
        "Select a review preset",
        "Skills",
        "Subagents",
        "TUI mode for next launch",
        "Update Model Permissions",
    }
)
"""Views that Escape leaves and changes nothing (0.171.0)."""


def is_question(row: str) -> bool:
    """Whether the last row of a screen is that of a question."""
    return _QUESTION.match(row) is not None


def dialog(lines: list[Line], title: str, below: list[Line]) -> str | None:
    """One line that says which question is open; None when there is none.

    `below`: the lines below the text in the input line, where that is drawn; else all of them.
    """
    foot = [line.text for line in below if line.text.strip()]
    elsewhere = next((match[1] for row in foot[-4:] if (match := _ELSEWHERE.match(row))), None)
    if elsewhere is not None:
        return elsewhere
    asks = _ACTION.search(title) is not None
    if not asks and not (foot and is_question(foot[-1])):
        return None
    texts = [line.text for line in lines]
    choice = next((index for index in range(len(lines) - 1, -1, -1) if CHOICE.match(texts[index])), None)
    if choice is None:
        return "it asks for a decision" if asks else None
    region = [text.strip() for text in texts[max(0, choice - _NEAR) : choice] if text.strip()]
    for pattern in (_NAMED, _ASKED):
        found = next((line for line in reversed(region) if pattern.search(line)), None)
        if found is not None:
            return found
    return _title(lines[:choice]) or (region[0] if region else texts[-1].strip())


def edge(lines: list[Line]) -> int | None:
    """The column of the border between two panes; None when there is one pane."""
    columns = Counter(line.text.rfind("│") for line in lines if "│" in line.text)
    for column, count in columns.most_common(1):
        if column > 0 and count >= _PANES * len(lines):
            return column
    return None


def over(lines: list[Line], start: int, end: int, *, empty: bool) -> View | None:
    """The view that takes the keys although the input line is drawn; None when the input line has them.

    What floats above a text without a border is a completion of it.
    """
    found = _row(lines[end:])
    if found is not None:
        return found
    keys = next(
        (text for line in lines[end:] if _has_keys(line) and (text := line.text.strip()) != _HELP), None
    )
    box = next((match[1] for line in reversed(lines) if (match := _BOX.match(line.text))), None)
    if keys is not None and (box is not None or empty):
        return View(Composer.ELSEWHERE, shows=box or keys, leave="Escape")
    above = [line for line in lines[:start] if line.text.strip()]
    if empty and above and _names_keys(above[-1]):
        return _named(lines[:start], above[-1])
    return None


def instead(lines: list[Line], border: int | None) -> View:
    """The view of a screen that shows no input line; HIDDEN when it tells of none."""
    told = [line for line in lines if line.text.strip()]
    if not told:
        return View(Composer.HIDDEN)
    found = _row(told[-3:])
    if found is not None:
        return found
    if border is not None and not told[0].mark.bold:
        right = next((text for line in told if (text := line.text[border + 1 :].strip("+× "))), "")
        return View(Composer.ELSEWHERE, shows=re.split(r"\s{2,}|\s*×", right)[0] or told[-1].text.strip())
    if not any(_names_keys(line) for line in told[-3:]):
        return View(Composer.HIDDEN, shows=one_line([told[-1].text]))
    return _named(lines, told[0])


def _row(rows: list[Line]) -> View | None:
    """What one of the rows at the bottom says about where the keys go."""
    for row in rows:
        for pattern, leave in _ROWS:
            if match := pattern.search(row.text):
                return View(Composer.ELSEWHERE, shows=match[1], leave=leave)
    return None


def _named(lines: list[Line], otherwise: Line) -> View:
    """The view or question whose title these lines hold."""
    title = _title(lines) or otherwise.text.strip()
    if title.endswith("?") and any(CHOICE.match(line.text) for line in lines):
        return View(Composer.HIDDEN, title)
    if match := _SPREAD.match(title):
        return View(Composer.ELSEWHERE, shows=match[1].replace(" ", "").capitalize(), leave="q")
    return View(Composer.ELSEWHERE, shows=title, leave="Escape" if title in _HARMLESS else None)


def _names_keys(line: Line) -> bool:
    """Whether a row names the key that leaves a view."""
    return _KEYS.search(line.text) is not None


def _has_keys(row: Line) -> bool:
    """The same of a row below the input line: a status line has colours, and may show a person's words.

    What is no part of it stands behind a gap.
    """
    parts = re.split(r"\s{2,}", row.text.strip())
    return any(_KEYS.search(part) for part in parts[1 if row.mark.coloured else 0 :])


def _title(lines: list[Line]) -> str | None:
    """The title of the last view: its first bold row, below what is left of the conversation."""
    start = next(
        (
            index
            for index in range(len(lines) - 1, -1, -1)
            if lines[index].text[:1].strip() and lines[index].text[:1] not in "›>↑↓"
        ),
        -1,
    )
    for line in lines[start + 1 :]:
        if line.mark.bold and not line.mark.inverse and line.text.startswith("  "):
            return re.split(r"\s{2,}", line.text.strip(), maxsplit=1)[0]
    return None
