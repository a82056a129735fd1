"""Codex's question for a command or an edit, as its screen shows it (0.171.0, measured).

Each answer names a key that gives it at once: `y`, `p`, `esc`. Other dialogs of Codex name none and are for
the person at the terminal.
"""

# ruff: noqa: RUF001 -- the characters that stand on the screen

import re

from roost.core.vocabulary.question import Asking, Option, OptionKind, Source
from roost.runtimes.screen import Line

_TITLE = re.compile(r"^  (Would you like to (?:run the following command|make the following edits)\?)\s*$")
_CHOICE = re.compile(r"^[› ] (\d+)\. (\S.*)$")
_KEYED = re.compile(r"^(.*\S) \((y|p|a|d|esc)\)$")
_FOOTER = "Press enter to confirm or esc to cancel"
_PRESSED = {"esc": "Escape"}


def asking(lines: list[Line]) -> Asking | None:
    """What stands there to be answered, in the screen's own words; None where that is not certain.

    A command may hold the very words of a question: where these stand twice, nobody is told half of it.
    """
    texts = [line.text.rstrip() for line in lines]
    titles = [index for index, text in enumerate(texts) if _TITLE.match(text)]
    shown = [index for index, text in enumerate(texts) if text]
    if len(titles) != 1 or not shown or texts[shown[-1]].strip() != _FOOTER:
        return None
    first = next((index for index in range(titles[0], len(texts)) if _is_first(texts[index])), None)
    if first is None:
        return None
    options = _options([text for text in texts[first : shown[-1]] if text])
    if not options or any(_is_first(text) for text in texts[first + 1 :]):
        return None
    text = "\n".join(line.removeprefix("  ") for line in texts[titles[0] : first] if line)
    return Asking("screen", text, options, Source.SCREEN)


def key_of(option: str) -> str:
    """The key of an option, as tmux names it."""
    return _PRESSED.get(option, option)


def _is_first(text: str) -> bool:
    found = _CHOICE.match(text)
    return found is not None and found[1] == "1"


def _options(rows: list[str]) -> tuple[Option, ...]:
    """The answers; none where one of them names no key, or their numbers are not in order."""
    choices: list[str] = []
    for row in rows:
        found = _CHOICE.match(row)
        if found is None and (not choices or not row.startswith("     ")):
            return ()
        if found is None:
            choices[-1] = f"{choices[-1]} {row.strip()}"
        elif int(found[1]) == len(choices) + 1:
            choices.append(found[2])
        else:
            return ()
    options: list[Option] = []
    for choice in choices:
        keyed = _KEYED.match(choice)
        if keyed is None:
            return ()
        options.append(Option(keyed[2], keyed[1], _kind(keyed[1])))
    return tuple(options)


def _kind(label: str) -> str:
    if label.startswith("No"):
        return OptionKind.REJECT_ONCE
    return OptionKind.ALLOW_ONCE if label == "Yes, proceed" else OptionKind.ALLOW_ALWAYS
