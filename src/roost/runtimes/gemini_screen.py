"""What Gemini CLI shows on its screen (0.61.0). Only the live region at the bottom is judged.

It draws below its conversation, on the ordinary screen. The input line is a mark and a space in a box of half
blocks (or between two rules, where a setting or NO_COLOR asks for that), below a rule and a row that names
its mode; a prompt that was entered stands in the same box without those, and something follows it. A question
or another view takes its place, in a box of lines.
The terminal's title tells of a turn, of a question and of rest, if the user has not switched that off; it
goes on to tell of a turn while some questions are open. Where it tells of none, the status row tells of a
turn. That stands right above the rule, or above the box where hidden details leave no rule, be it empty: what
was said never stands there.
"""

# ruff: noqa: RUF001 -- the characters that stand on the screen

import re
from collections.abc import Collection

from msgspec import Struct

from roost.runtimes.screen import Line, one_line, plain, read_lines
from roost.runtimes.view import Answer, Composer, View

_EDGE = re.compile(r"^([▄▀─])\1{9,}$")
_TOPS = {"▀": "▄", "─": "─"}
"""The edges of a box: the upper one by the lower one."""
_INPUT = re.compile(r"^ ([>!*]|\(r:\))(?: |$)")
_HINTS = ("Type your message or @path/to/file", "Type your shell command")
_VIM = re.compile(r"^Press '(?:Esc|i)' for (?:NORMAL|INSERT) mode\.$")
_COLLAPSED = re.compile(r"\[Pasted Text: \d+ (?:lines|chars)\](?: \(#\d+\))?")
_FRAME = ("╭", "│", "╰")
_CORNER = re.compile("^ ?╭")
_SAID = ("✦", "ℹ", "⚠", "✕")
_BUSY = re.compile(r"^ {0,2}(?:[⠀-⣿] )?\S.* \(esc to cancel, [\dhms ]+\)(?: |$)")
"""The status row in a turn: its spinner, if the user has that on, words, and the time that it has taken."""
_RETRY = re.compile(r"^ {0,2}(?:[⠀-⣿] )?(Trying to reach \S+ \(Attempt \d+/\d+\))")
_CHOICE = re.compile(r"^\s*● +(?:\d+\. )?\S")
_LISTED = re.compile(r"^ ?│ +● +\d+\. +\S")
_OPTION = re.compile(r"^(?:● +)?(\d+\. +\S.*)")
_KEYS = re.compile(r"\b(?:Esc|Enter|Ctrl\+\w) to \w+|\(esc\)|\bPress (?:Esc|Enter|q)\b", re.IGNORECASE)
_LEAVES = re.compile(r"\bEsc to (?:close|exit)\b")
"""What a view says that Escape leaves with nothing changed (0.61.0: settings, model, rewind)."""
_NAMED = ("A potential loop was detected", "Enter Gemini API Key", "Waiting for auth")
_TRUST = "Do you trust the files in this folder?"
_ASKS, _WORKS, _RESTS = "✋", ("✦", "⏲"), "◇"
_STATUS = 4
"""How far above the input line the rule is drawn; without the status rows nothing stands below it either."""
_NEAR = 20
"""How many of the last lines are judged where no frame is drawn."""
_WORDS = 300
"""How much of the words of a list is told."""


class Look(Struct, frozen=True):
    """One look: the view, and what is said of a model that is being asked again."""

    view: View
    retry: str | None = None


def look_at(screen: str, title: str = "") -> Look:
    """Judge a screen, captured with or without its styles, and the terminal's title."""
    lines = read_lines(screen)
    asks, works = title.startswith(_ASKS), title.startswith(_WORKS)
    box = _box(lines)
    if box is None or asks:
        return Look(_instead(lines, asks=asks, busy=works))
    start, end = box
    status = _status_row(lines, start - 1)
    busy = works or (not title.startswith(_RESTS) and _BUSY.match(status) is not None)
    retry = _RETRY.match(status) if busy else None
    return Look(_view(lines[start:end], busy=busy), retry[1] if retry is not None else None)


def _status_row(lines: list[Line], top: int) -> str:
    """The row above the rule that stands over the box, or above the box itself."""
    rows = range(top - 1, max(0, top - _STATUS) - 1, -1)
    below = next(
        (index for index in rows if (match := _EDGE.match(lines[index].text)) and match[1] == "─"), top
    )
    return lines[below - 1].text if below else ""


def _box(lines: list[Line]) -> tuple[int, int] | None:
    """The first row of the input line and the row below it: of the last box, if nothing was said since."""
    edges = [(index, match[1]) for index, line in enumerate(lines) if (match := _EDGE.match(line.text))]
    if len(edges) < 2:  # noqa: PLR2004 -- upper and lower
        return None
    (top, upper), (end, lower) = edges[-2:]
    below = [line.text.lstrip() for line in lines[end + 1 :]]
    ruled = any(top - _STATUS <= index < top and char == "─" for index, char in edges)
    if not ruled and any(below):
        return None
    said = any(row.startswith((*_FRAME, *_SAID)) for row in below)
    if said or _TOPS.get(lower) != upper or end == top + 1 or not _INPUT.match(lines[top + 1].text):
        return None
    return top + 1, end


def _view(box: list[Line], *, busy: bool) -> View:
    """What the input line holds, or where the keys go instead.

    Escape leaves an empty shell mode and an empty search. Vim's normal mode takes a paste as its insert mode
    does.
    """
    first = box[0].text
    match = _INPUT.match(first)
    mark, rest = (match[1], first[match.end() :]) if match is not None else (">", first)
    draft = one_line([rest, *(line.text for line in box[1:])])
    empty = not draft or draft in _HINTS or _VIM.match(draft) is not None
    if mark in ("!", "(r:)"):
        shows = "Shell mode" if mark == "!" else "(r:) search of earlier prompts"
        return View(Composer.ELSEWHERE, busy=busy, shows=shows, leave="Escape" if empty else None)
    if empty:
        return View(Composer.EMPTY, None, busy)
    collapsed = _COLLAPSED.fullmatch(draft) is not None
    return View(Composer.FILLED, None, busy, draft=draft, collapsed=collapsed)


def _instead(lines: list[Line], *, asks: bool, busy: bool) -> View:
    """The question or the view of a screen without an input line; HIDDEN when it tells of neither."""
    framed, region = _region(lines)
    told = [row for line in region if (row := line.text.strip("╭╮╰╯│─▄▀ "))]
    if not told:
        return View(Composer.HIDDEN, busy=busy)
    choice = next((index for index in range(len(told) - 1, -1, -1) if _CHOICE.match(told[index])), None)
    before = told if choice is None else told[:choice]
    named = next((row for row in told if row.startswith(_NAMED)), None)
    asked = next((row for row in reversed(before) if row.endswith("?")), None)
    if named is not None:
        return View(Composer.HIDDEN, named)
    if asked is not None and (asks or choice is not None):
        return View(Composer.HIDDEN, _question(before, asked))
    if asks:
        return View(Composer.HIDDEN, "it asks for a decision")
    keys = any(_KEYS.search(row) for row in told[-4:])
    if framed and not keys and any(_LISTED.match(line.text) for line in region):
        return View(Composer.HIDDEN, _listed(told))
    if choice is not None or keys:
        leave = "Escape" if any(_LEAVES.search(row) for row in told) else None
        return View(Composer.ELSEWHERE, busy=busy, shows=one_line([told[0 if framed else -1]]), leave=leave)
    return View(Composer.HIDDEN, busy=busy, shows=told[-1])


def _listed(told: list[str]) -> str:
    """What a numbered list without a question of its own asks: the frame's words and its options.

    A model that is not there, or whose quota is used up, is asked about so, in a turn whose title goes on.
    """
    options = [match[1] for row in told if (match := _OPTION.match(row))]
    words = one_line([row for row in told if not _OPTION.match(row)])[:_WORDS]
    return f"{words} ({one_line([' / '.join(options)])})".strip()


def _region(lines: list[Line]) -> tuple[bool, list[Line]]:
    """Whether a frame is drawn at the bottom, and its lines; without one, the last lines."""
    top = next((index for index in range(len(lines) - 1, -1, -1) if _CORNER.match(lines[index].text)), None)
    return (False, lines[-_NEAR:]) if top is None else (True, lines[top:])


def _question(region: list[str], asked: str) -> str:
    """The question, behind what it is about: `? Shell  touch x`."""
    about = next((row for row in reversed(region) if row.startswith("? ")), None)
    return asked if about is None else f"{one_line([about[2:]])}: {asked}"


def boot_answer(screen: str, folders: Collection[str]) -> Answer | None:
    """The next key for a start-up dialog that may be answered; None for every other screen.

    A folder is trusted when it is the peer's own: the operator made a peer of it. The dialog names the last
    part of the folder that the program was started in. Logins and everything else are for people.
    """
    shown = [row for line in plain(screen).splitlines() if (row := line.strip("│ "))]
    if not any(_TRUST in row for row in shown):
        return None
    for folder in folders:
        yes = f"● 1. Trust folder ({folder})"
        if any(row == yes for row in shown):
            return Answer(f"trust {folder}", "Enter", yes)
    return None
