"""What stands on Claude Code's screen in place of its input line (2.1.328 to 2.1.332).

A view or a dialog begins with a rule at the left edge; its first line is its title, its last one names keys.
A question to the person is told by a line that ends in a question mark, above a choice; the others by name.
"""

# ruff: noqa: RUF001 -- the characters that stand on the screen

import re

from roost.runtimes.screen import Line, one_line
from roost.runtimes.view import Composer, View

RULE = re.compile(r"^ ?[─▔]+(?: .* [─▔]+)?$")
TRUST = "Accessing workspace:"

_MENU = re.compile(r"^\s*❯ (?:✔ )?(?:\d+\. )?\S")
_CONTINUED = re.compile(r"^\s*[2-9]\d*\. ")
_FOOTER = re.compile(
    r"\besc to (?:cancel|close|go back|clear|skip|exit|return)|\bEnter to |Press Enter to continue"
    r"|[↓→] to (?:adjust|navigate|scroll|select|switch)|ctrl\+o to toggle",
    re.IGNORECASE,
)
_ASKED = re.compile(
    r"Choose the text style|Detected a custom API key|New MCP servers? found|Make auto mode your default"
    r"|^WARNING: |Select login method|Browser didn't open|Unable to connect|Security notes|Settings Warning"
)
_COMMAND = re.compile(r"^❯ /")
_MOVED = "Your session moved to the background"
_TRANSCRIPT = "Showing detailed transcript"
_NEAR = 16
"""How far above the last line a choice may be marked."""

_HARMLESS = frozenset(
    {
        "Auto-compact window",
        "Background",
        "Dynamic workflows",
        "Effort",
        "Export conversation",
        "Get the Claude app on your phone",
        "Goal",
        "Help",
        "Hooks",
        "MCP servers",
        "Memory",
        "Permissions",
        "Plugins",
        "Power-ups",
        "Resume session",
        "Rewind",
        "Sandbox",
        "Select model",
        "Settings",
        "Skills",
        "Theme",
    }
)
"""Views that Escape leaves and changes nothing, but for a line that says so (2.1.332; Settings: twice)."""


def instead(lines: list[Line]) -> View:
    """The dialog or the view of a screen that shows no input line; HIDDEN when it tells of neither."""
    texts = [line.text for line in lines]
    ruled, region = _region(texts)
    told = [line.strip() for line in region if line.strip()]
    if not told:
        return View(Composer.HIDDEN)
    for line in texts:
        if _MOVED in line:
            return View(Composer.ELSEWHERE, shows=_MOVED)
    title = _head(told[0])
    if ruled and _TRANSCRIPT in told[0]:
        return _transcript(told[0])
    known = ruled and title in _HARMLESS
    footer = any(_FOOTER.search(line) for line in (*told[:4], *told[-4:]))
    chosen = any(_MENU.match(line) for line in region[-_NEAR:])
    if not footer and not chosen:
        return View(Composer.HIDDEN, shows=one_line(told[-1:]))
    dialog = None if known else _question(told, chosen=chosen)
    if dialog is not None:
        return View(Composer.HIDDEN, dialog)
    return View(Composer.ELSEWHERE, shows=title, leave="Escape" if known else None)


def above(lines: list[Line]) -> View | None:
    """The view or dialog that is open above an input line that is drawn: so it is in a turn (2.1.332)."""
    texts = [line.text for line in lines]
    ruled, region = _region(texts)
    told = [line.strip() for line in region if line.strip()]
    return instead(lines) if ruled and told and _FOOTER.search(told[-1]) else None


def _transcript(row: str) -> View:
    """The transcript; its row begins with `working` in a turn, and tells of a dialog behind it."""
    before = row.partition(_TRANSCRIPT)[0].strip(" ·")
    shows = f"{before} · {_TRANSCRIPT}" if before else _TRANSCRIPT
    return View(Composer.ELSEWHERE, busy=before == "working", shows=shows, leave=None if before else "Escape")


def _region(texts: list[str]) -> tuple[bool, list[str]]:
    """The lines of the last view, and whether a rule begins it; without one, a typed command does.

    A rule within a list of choices begins nothing, nor does one at the end of the screen.
    """
    end = len(texts)
    for index in range(len(texts) - 1, -1, -1):
        if not RULE.match(texts[index]):
            continue
        below = next((text for text in texts[index + 1 : end] if text.strip()), None)
        if below is None:
            end = index
        elif not _CONTINUED.match(below):
            return True, texts[index + 1 : end]
    start = next((index for index in range(end - 1, -1, -1) if _COMMAND.match(texts[index])), -1)
    return False, texts[start + 1 : end]


def _question(told: list[str], *, chosen: bool) -> str | None:
    """The line that asks the person something, behind the dialog's title."""
    named = next((line for line in told if _ASKED.search(line)), None)
    title = told[0]
    if named is not None:
        return named
    if title == TRUST:
        return f"{title} {told[1]}"
    if not chosen:
        return None
    asked = next((line for line in told[1:] if line.endswith("?")), None)
    if asked is not None:
        return f"{title}: {asked}"
    return title if title.endswith("?") else None


def _head(line: str) -> str:
    """The first words of a line: up to a gap or to a dot that separates."""
    return re.split(r"\s{2,}| · ", line.strip(), maxsplit=1)[0]
