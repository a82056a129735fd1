"""What Claude Code 2.1.328 shows on its screen. Only the live region at the bottom is judged.

The input line is an arrow and a no-break space between two rules; echoed prompts and menu items have an
ordinary space after the arrow. A dialog takes the place of the input line.
"""

# ruff: noqa: RUF001 -- the characters that stand on the screen

import re
from collections.abc import Collection
from dataclasses import dataclass

from roost.runtimes.base import Answer, Composer, View
from roost.runtimes.screen import Line, is_hint, read_lines

_PROMPT = "❯\N{NO-BREAK SPACE}"
_RULE = re.compile(r"^\s?[─▔]{20,}")
_MENU = re.compile(r"^\s*❯ (?:✔ )?(?:\d+\. )?\S")
_FOOTER = re.compile(r"Esc to cancel|Enter to confirm|Enter to select|Press Enter to continue|esc to close")
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

_NAMES = re.compile(
    r"Choose the text style|Detected a custom API key|New MCP servers? found|Make auto mode your default"
    r"|^WARNING: |Select login method|Browser didn't open|Unable to connect|Security notes"
)
_TRUST = "Accessing workspace:"
_TRUST_YES = "❯ Yes, I trust this folder"
_TRUST_NO = "❯ No, exit"
_KEY = "Do you want to use this API key?"
_KEY_YES = "❯ Yes"
_KEY_NO = "❯ No (recommended)"
_KEY_SHOWN = re.compile(r"ANTHROPIC_API_KEY: \S+?\.\.\.(\S+)")


@dataclass(frozen=True, slots=True)
class Look:
    """One look: the view, and the error that the model is being asked again after."""

    view: View
    retry: str | None = None


def look_at(screen: str) -> Look:
    """Judge a screen, captured with or without its styles."""
    lines = read_lines(screen)
    while lines and not lines[-1].text.strip():
        lines.pop()
    start = _composer(lines)
    if start is None:
        return Look(View(Composer.HIDDEN, _dialog([line.text for line in lines])))
    end = next(index for index in range(start + 1, len(lines)) if _RULE.match(lines[index].text))
    busy = any(_BUSY in line.text for line in lines[end + 1 :])
    retry = next((match[1] for line in lines[:start] if (match := _RETRY.match(line.text))), None)
    draft = " ".join(line.text for line in lines[start:end]).removeprefix(_PROMPT).strip()
    collapsed = _COLLAPSED.fullmatch(draft) is not None
    return Look(
        View(_content(lines[start:end]), None, busy, draft=draft, collapsed=collapsed),
        retry if busy else None,
    )


def _composer(lines: list[Line]) -> int | None:
    """The first line of the input: the last one that starts as an input line does, between two rules."""
    for index in range(len(lines) - 1, 0, -1):
        if lines[index].text.startswith(_PROMPT):
            below = any(_RULE.match(line.text) for line in lines[index + 1 :])
            return index if below and _RULE.match(lines[index - 1].text) else None
    return None


def _content(lines: list[Line]) -> Composer:
    first, rest = lines[0], lines[1:]
    text = first.text[len(_PROMPT) :].strip()
    if any(line.text.strip() for line in rest):
        return Composer.FILLED
    if not text or text in _HINTS or is_hint(first, len(_PROMPT)):
        return Composer.EMPTY
    return Composer.FILLED


def _dialog(lines: list[str]) -> str | None:
    """One line that says which dialog is open; None when there is none."""
    menu = next((index for index in range(len(lines) - 1, -1, -1) if _MENU.match(lines[index])), None)
    footer = any(_FOOTER.search(line) for line in lines[-4:])
    if not footer and (menu is None or menu < len(lines) - 16):
        return None
    top = menu if menu is not None else len(lines)
    rule = next((index for index in range(top - 1, -1, -1) if _RULE.match(lines[index])), -1)
    region = [line.strip() for line in lines[rule + 1 :] if line.strip()]
    named = next((line for line in region if _NAMES.search(line)), None)
    if named is not None:
        return named
    title = region[0]
    asked = next((line for line in region[1:] if line.endswith("?")), None)
    if title == _TRUST:
        return f"{title} {region[1]}"
    return f"{title}: {asked}" if asked else title


def boot_answer(screen: str, directories: Collection[str], key: str | None) -> Answer | None:
    """The next key for a start-up dialog that may be answered; None for every other screen.

    A folder is trusted when it is the peer's own: the operator made a peer of it. An API key is used when
    it is `key`, which the operator gave to this peer. Both dialogs refuse by default (2.1.328), so each key
    is chosen by what is selected now.
    """
    lines = [line.text.rstrip() for line in read_lines(screen)]
    shown = [line for line in lines if line.strip()]
    if not shown or "Enter to confirm" not in shown[-1] or _composer(read_lines(screen)) is not None:
        return None
    if any(line.strip() == _TRUST for line in lines):
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
    start = next(index for index, line in enumerate(lines) if line.strip() == _TRUST) + 1
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
