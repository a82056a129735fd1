"""What Codex 0.169.0 shows on its screen. Only the live region at the bottom is judged.

The input line is an arrow and a space, above the status line; echoed prompts look the same higher up. Empty,
it holds a faint hint, also during a turn. A dialog takes its place and marks its choice with that arrow.
"""

# ruff: noqa: RUF001 -- the characters that stand on the screen

import re
from collections.abc import Collection
from dataclasses import dataclass

from roost.runtimes.base import Answer, Composer, View
from roost.runtimes.screen import Line, is_hint, plain, read_lines

_PROMPT = "› "
_HINT = "Ask Codex to do anything"
_CHOICE = re.compile(r"^\s*[›>] \d+\. ")
_FOOTER = re.compile(
    r"^\s*(?:enter (?:continue|confirm|to submit)|press enter to (?:confirm|continue))\b", re.IGNORECASE
)
_BUSY = re.compile(r"^[^\w\s›■✗] .*\(\d+[smh].*esc to interrupt\)")
_RETRY = re.compile(r"^[^\w\s›■✗] Reconnecting\.\.\.")
_ELSEWHERE = "This conversation is open in another app"
_COLLAPSED = re.compile(r"\[Pasted Content \d+ chars\]")
_TERMINALS = re.compile(r"^ {2}(\d+ background terminals? running) · /ps to view")
_STOPPED = re.compile(r"^• (?:Blocked by hook|Hook stopped)$")
_STATUS_LINE = " · "
_SCROLLED = "   ↑"
_ASKED = re.compile(r"Would you like to|^Allow the |^Trust this folder")
_NAMED = re.compile(r"^Folder access$|^Hooks need review|^Working directory · |^Welcome to Codex")

_FOLDER = "Folder access"
_FOLDER_YES = "› 1. Trust and continue"
_RESUME = "Working directory · resume"
_RESUME_SESSION = "› 1. Use session directory ("
_RESUME_CURRENT = "› 2. Use current directory ("


@dataclass(frozen=True, slots=True)
class Look:
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
    while lines and not lines[-1].text.strip():
        lines.pop()
    texts = [line.text for line in lines]
    dialog = _dialog(texts)
    if dialog is None and "Action Required" in title:
        dialog = "it asks for a decision"
    if dialog is not None:
        return Look(View(Composer.HIDDEN, dialog))
    start = _composer(lines)
    if start is None:
        return Look(View(Composer.HIDDEN))
    above = texts[max(0, start - 12) : start]
    busy = any(_BUSY.match(line) for line in above)
    draft = _draft(texts, start)
    collapsed = _COLLAPSED.fullmatch(draft) is not None
    view = View(_content(lines, start), None, busy, draft=draft, collapsed=collapsed)
    return Look(view, _retried(above) if busy else None, _background(above), _refusal(texts[:start]))


def _refusal(above: list[str]) -> str | None:
    """The words of a hook below the last prompt: blocked by exit code 2 or a decision, or stopped."""
    stopped = max((index for index, line in enumerate(above) if _STOPPED.match(line)), default=None)
    if stopped is None or any(line.startswith(_PROMPT) for line in above[stopped + 1 :]):
        return None
    words = above[stopped + 1].strip().removeprefix("└").strip() if stopped + 1 < len(above) else ""
    return words or "it gave no reason"


def _background(above: list[str]) -> str:
    """The line above the input line that tells of commands which still run, without its hints for keys."""
    found = next((match for line in reversed(above) if (match := _TERMINALS.match(line))), None)
    return found[1] if found is not None else ""


def _draft(texts: list[str], start: int) -> str:
    """What can be seen of the text in the input line: all above the status line, or the end of a long one."""
    first = texts[start].removeprefix(_PROMPT).rstrip()
    if first.endswith(_SCROLLED):
        return " ".join(["…", first.removesuffix(_SCROLLED), *texts[start + 1 :]]).strip()
    # A blank line, the status line, then hints for keys, which may look like it.
    blanks = (index for index in range(start + 1, len(texts) - 1) if not texts[index].strip())
    end = max((index for index in blanks if _STATUS_LINE in texts[index + 1]), default=len(texts))
    return " ".join([first, *texts[start + 1 : end]]).strip()


def _composer(lines: list[Line]) -> int | None:
    """The first line of the input: the last one with the arrow, with the status line somewhere below it.

    A long text takes the status line's place, and its first visible line ends in an arrow up.
    """
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].text.startswith(_PROMPT) or lines[index].text == _PROMPT.rstrip():
            below = [line.text for line in lines[index + 1 :]]
            if lines[index].text.rstrip().endswith(_SCROLLED):
                return index
            return index if any(_STATUS_LINE in text and text.startswith("  ") for text in below) else None
    return None


def _content(lines: list[Line], start: int) -> Composer:
    first = lines[start]
    text = first.text[len(_PROMPT) :].strip()
    following = lines[start + 1].text.strip() if start + 1 < len(lines) else ""
    if following:
        return Composer.FILLED
    if not text or text == _HINT or is_hint(first, len(_PROMPT)):
        return Composer.EMPTY
    return Composer.FILLED


def _retried(above: list[str]) -> str | None:
    for index, line in enumerate(above[:-1]):
        if _RETRY.match(line):
            return above[index + 1].strip().removeprefix("└").strip() or None
    return None


def _dialog(lines: list[str]) -> str | None:
    """One line that says which dialog is open; None when there is none."""
    shown = [line.strip() for line in lines if line.strip()]
    for line in shown[-4:]:
        if _ELSEWHERE in line:
            return _ELSEWHERE
    if not shown or not _FOOTER.match(shown[-1]):
        return None
    choice = next((index for index in range(len(lines) - 1, -1, -1) if _CHOICE.match(lines[index])), None)
    if choice is None:
        return None
    region = [line.strip() for line in lines[max(0, choice - 14) : choice] if line.strip()]
    for pattern in (_NAMED, _ASKED):
        found = next((line for line in reversed(region) if pattern.search(line)), None)
        if found is not None:
            return found
    return region[0] if region else shown[-1]


def boot_answer(screen: str, directories: Collection[str]) -> Answer | None:
    """The next key for a start-up dialog that may be answered; None for every other screen.

    A folder is trusted when it is the peer's own: the operator made a peer of it. A resumed conversation
    works there too. Logins, hooks to review and everything else are for people.
    """
    shown = [line.strip() for line in plain(screen).splitlines() if line.strip()]
    if not shown or not _FOOTER.match(shown[-1]):
        return None
    if shown[0] == _FOLDER:
        folder = _path_after(shown, 1)
        if folder not in directories or _FOLDER_YES not in shown:
            return None
        return Answer(f"trust {folder}", "Enter", _FOLDER_YES)
    if shown[0] == _RESUME:
        current = {f"2. Use current directory ({directory})" for directory in directories}
        if not any(line.removeprefix(_PROMPT) in current for line in shown):
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
