"""What Codex shows on its screen (0.169.0 to 0.171.0). Only the live region at the bottom is judged.

The input line is an arrow at the left edge, drawn bold and in no colour: echoed prompts are faint, the
chosen row of a list is inverse, the input line of a smaller question is coloured, and that of a pane without
the keys is faint. Empty, it holds a faint hint, also during a turn. Below it stand, behind a blank line, the
rows of the status line (none, if the user says so) and of hints. Some views leave it on the screen and take
the keys: they say so in these rows, or above it.
"""

# ruff: noqa: RUF001 -- the characters that stand on the screen

import re
from collections.abc import Collection
from dataclasses import replace

from msgspec import Struct

from roost.runtimes import codex_approval, codex_views
from roost.runtimes.codex_views import FOLDER, RESUME, is_question
from roost.runtimes.screen import Line, cut, is_hint, one_line, plain, read_lines, styled
from roost.runtimes.view import Answer, Composer, View

_ARROW = "›"
_SHELL = "!"
_HINT = "Ask Codex to do anything"
_BUSY = re.compile(r"^[^\w\s›■✗] .*\(\d+[smh].*esc to interrupt\)")
_FAINT = "to interrupt)"
"""The end of that row, which Codex draws faint, with and without its animations (0.171.0)."""
_RETRY = re.compile(r"^[^\w\s›■✗] Reconnecting\.\.\.")
_LOADING = "? for shortcuts"
"""The only row below the input line that 0.171.0 draws for a second at its start, before it asks what it has
to ask; at its prompt there is more, whatever the status line shows."""
_COLLAPSED = re.compile(r"\[Pasted Content \d+ chars\]")
_TERMINALS = re.compile(r"^ {2}(\d+ background terminals? running) · /ps to view")
_STOPPED = re.compile(r"^• (?:Blocked by hook|Hook stopped)$")
_SCROLLED = "   ↑"

_FOLDER_YES = "› 1. Trust and continue"
_RESUME_SESSION = "› 1. Use session directory ("
_RESUME_CURRENT = "› 2. Use current directory ("


class Look(Struct, frozen=True):
    """One look: the view, the error after which the model is being asked again, what goes on beside turns.

    `refusal`: why a hook stopped the latest prompt, where nothing else was said since.
    """

    view: View
    retry: str | None = None
    background: str = ""
    refusal: str | None = None


def look_at(screen: str, title: str = "") -> Look:
    """Judge a screen, captured with or without its styles, and the terminal's title."""
    lines = read_lines(screen)
    edge = codex_views.edge(lines)
    pane = lines if edge is None else [cut(line, edge) for line in lines]
    start = _composer(pane, styles=styled(screen))
    dialog = codex_views.dialog(lines, title, lines if start is None else lines[_end(pane, start) :])
    if dialog is not None:
        asked = codex_approval.asking(lines)
        keys = (
            {option.id: codex_approval.key_of(option.id) for option in asked.options}
            if asked is not None
            else {}
        )
        return Look(View(Composer.HIDDEN, dialog, asking=asked, keys=keys))
    if start is None:
        return Look(codex_views.instead(lines, edge))
    near = pane[max(0, start - 12) : start]
    above = [line.text for line in near]
    runs = next((index for index, line in enumerate(near) if _runs(line, styles=styled(screen))), None)
    view = _view(lines, pane, start, busy=runs is not None)
    refusal = _refusal([line.text for line in pane[:start]])
    return Look(view, _retried(above[runs:]) if runs is not None else None, _background(above), refusal)


def _runs(line: Line, *, styles: bool) -> bool:
    """Whether it is the row of a running turn, and no answer in its words: that is not faint."""
    return _BUSY.match(line.text) is not None and not (styles and _FAINT in line.firm)


def _refusal(above: list[str]) -> str | None:
    """The words of a hook below the last prompt: blocked by exit code 2 or a decision, or stopped."""
    stopped = max((index for index, line in enumerate(above) if _STOPPED.match(line)), default=None)
    if stopped is None or any(line.startswith(f"{_ARROW} ") for line in above[stopped + 1 :]):
        return None
    words = above[stopped + 1].strip().removeprefix("└").strip() if stopped + 1 < len(above) else ""
    return words or "it gave no reason"


def _background(above: list[str]) -> str:
    """The line above the input line that tells of commands which still run, without its hints for keys."""
    found = next((match for line in reversed(above) if (match := _TERMINALS.match(line))), None)
    return found[1] if found is not None else ""


def _view(lines: list[Line], pane: list[Line], start: int, *, busy: bool) -> View:
    """What the input line holds, or where the keys go instead."""
    end = _end(pane, start)
    content = _content(pane[start:end])
    empty = content is Composer.EMPTY
    if empty and [row for line in lines[end:] if (row := line.text.strip())] == [_LOADING]:
        return View(Composer.HIDDEN, shows=_LOADING)
    elsewhere = codex_views.over(lines, start, end, empty=empty)
    if elsewhere is not None:
        return replace(elsewhere, busy=busy)
    if pane[start].text.startswith(_SHELL):
        return View(Composer.ELSEWHERE, busy=busy, shows="Shell mode", leave="Escape" if empty else None)
    if empty:
        return View(content, None, busy)
    draft = _draft([line.text for line in pane[start:end]])
    return View(content, None, busy, draft=draft, collapsed=_COLLAPSED.fullmatch(draft) is not None)


def _composer(lines: list[Line], *, styles: bool) -> int | None:
    """The first line of the input: the last arrow at the left edge, if it is drawn as the input line's is.

    Without styles, a list is told by its numbers, and the input line by the rows below it.
    """
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index]
        if line.text[:1] not in (_ARROW, _SHELL) or line.text[1:2].strip():
            continue
        if any(below.text[:1].strip() for below in lines[index + 1 :]):
            return None
        mark = line.mark
        if styles:
            colour = mark.coloured and not line.text.startswith(_SHELL)
            return index if mark.bold and not (mark.faint or mark.inverse or colour) else None
        return None if codex_views.CHOICE.match(line.text) or line.text.startswith(_SHELL) else index
    return None


def _end(lines: list[Line], start: int) -> int:
    """Where the text in the input line ends: at the last blank line, below which the rows of hints stand.

    A long text takes their place, and its first visible line ends in an arrow up.
    """
    if lines[start].text.rstrip().endswith(_SCROLLED):
        return len(lines)
    return next(
        (index for index in range(len(lines) - 1, start, -1) if not lines[index].text.strip()), len(lines)
    )


def _content(box: list[Line]) -> Composer:
    first, rest = box[0], box[1:]
    text = first.text[1:].strip()
    if any(line.text.strip() for line in rest):
        return Composer.FILLED
    if not text or text == _HINT or is_hint(first, 1):
        return Composer.EMPTY
    return Composer.FILLED


def _draft(texts: list[str]) -> str:
    """What can be seen of the text in the input line."""
    first = texts[0][1:].rstrip()
    if first.endswith(_SCROLLED):
        return one_line(["…", first.removesuffix(_SCROLLED), *texts[1:]])
    return one_line([first, *texts[1:]])


def _retried(rows: list[str]) -> str | None:
    """The error below the row of a turn that asks its model again."""
    if not _RETRY.match(rows[0]) or len(rows) == 1:
        return None
    return rows[1].strip().removeprefix("└").strip() or None


def boot_answer(screen: str, directories: Collection[str]) -> Answer | None:
    """The next key for a start-up dialog that may be answered; None for every other screen.

    A folder is trusted when it is the peer's own: the operator made a peer of it. A resumed conversation
    works there too. Logins, hooks to review and everything else are for people.
    """
    shown = [line.strip() for line in plain(screen).splitlines() if line.strip()]
    if not shown or not is_question(shown[-1]):
        return None
    if shown[0] == FOLDER:
        folder = _path_after(shown, 1)
        if folder not in directories or _FOLDER_YES not in shown:
            return None
        return Answer(f"trust {folder}", "Enter", _FOLDER_YES)
    if shown[0] == RESUME:
        current = {f"2. Use current directory ({directory})" for directory in directories}
        if not any(line.removeprefix(f"{_ARROW} ") in current for line in shown):
            return None
        if any(line.startswith(_RESUME_CURRENT) for line in shown):
            return Answer("work in the peer's folder", "Enter", _RESUME_CURRENT)
        if any(line.startswith(_RESUME_SESSION) for line in shown):
            return Answer("work in the peer's folder", "Down", _RESUME_SESSION)
    return None


def _path_after(shown: list[str], start: int) -> str:
    """The folder that the dialog asks about; a long one runs over several lines."""
    end = next((index for index in range(start, len(shown)) if shown[index].startswith("Trust this")), start)
    return "".join(shown[start:end])
