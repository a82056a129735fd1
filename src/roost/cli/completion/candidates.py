"""What the last word of a command line may become."""

from __future__ import annotations

from roost.cli.catalog import MODULES, find
from roost.cli.command import Choice
from roost.cli.completion.kinds import CHOICE, FILE, FOLDER, kind_of
from roost.cli.completion.known import Known, Named
from roost.cli.completion.line import Line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_PATHS = {FILE: Named("", "files"), FOLDER: Named("", "folders")}
"""Candidates without a name: the shell completes paths better than we can."""


def candidates(words: Sequence[str]) -> list[Named]:
    """For the last of the words after `roost`, whole words that begin with it. Raises nothing."""
    line = Line(words, find)
    found = [] if line.lost else _found(line)
    return [
        Named(line.prefix + one.name, one.text)
        for one in found
        if one.name.startswith(line.word) and "\n" not in one.name and "\t" not in one.name
    ] + [_PATHS[kind] for kind in [_kind(line)] if kind in _PATHS and not line.writes_option]


def _kind(line: Line) -> str | None:
    parameter = line.parameter
    return None if parameter is None else kind_of(line.command, parameter)


def _found(line: Line) -> list[Named]:
    if line.writes_option:
        return _options(line)
    parameter = line.parameter
    if parameter is None:
        return _commands(line.word) if line.command is None else _options(line)
    if isinstance(parameter.kind, Choice):
        return [Named(word, "") for word in parameter.kind.words]
    kind = _kind(line)
    if kind in (None, CHOICE, *_PATHS):
        return []
    return Known(line.values.get("home")).of(kind, line.values.get("id", ""), line.word)


def _commands(word: str) -> list[Named]:
    """Only those are loaded whose name begins with the word."""
    names = [name for name in MODULES if name.startswith(word)]
    return [Named(name, _first_sentence(find(name))) for name in names]


def _first_sentence(command: object) -> str:
    text = str(getattr(command, "help", None) or "").partition("\n")[0]
    return text.partition(". ")[0].rstrip(".")


def _options(line: Line) -> list[Named]:
    """Those that may still be given."""
    return [
        Named(flag, option.help.partition(". ")[0].rstrip("."))
        for flag, option in line.options.items()
        if option.multiple or flag not in line.given
    ]
