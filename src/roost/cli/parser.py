"""Plain words read without click, whose loading takes longer than most commands.

What is not plain (help, mistakes, rare forms) is left to click, which is made from the same declarations.
"""

from __future__ import annotations

from roost.cli.command import GLOBAL
from roost.errors import RoostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from roost.cli.app import App
    from roost.cli.command import Command, Option


class Parsed:
    """A line that was understood: the command and what it is given."""

    def __init__(self, command: Command, values: dict[str, Any], chosen: dict[str, Any]) -> None:
        """`values`: the function's parameters; `chosen`: the global options that were given."""
        self.command = command
        self.values = values
        self.chosen = chosen

    def run(self, app: App) -> int:
        """Run it; returns the exit code."""
        for name, value in self.chosen.items():
            app.take(name, value)
        return self.command.run(app, **self.values) or 0


def parse(words: Sequence[str], find: Callable[[str], Command | None]) -> Parsed | None:
    """What the words say, exactly as click would read them; None where that is not plain."""
    try:
        chosen, rest = _split(GLOBAL, words, whole=False)
        command = find(rest[0]) if rest else None
        if command is None:
            return None
        given, rest = _split([*command.options, *command.of_all], rest[1:], whole=True)
        chosen |= {each.name: given.pop(each.name) for each in command.of_all if each.name in given}
        return Parsed(command, _options(command, given) | _arguments(command, rest), chosen)
    except (ValueError, RoostError):
        return None


def _split(
    options: Sequence[Option], words: Sequence[str], *, whole: bool
) -> tuple[dict[str, Any], list[str]]:
    """The values of options that were given, and the other words. Raises ValueError, RoostError.

    `whole`: options may stand between the words; otherwise they end before the first word.
    """
    known = {option.flag: option for option in options}
    given: dict[str, Any] = {}
    others: list[str] = []
    left = list(reversed(words))
    while left and (whole or _is_option(left[-1])):
        word = left.pop()
        if not _is_option(word):
            others.append(word)
        elif word == "--" and whole:
            break
        else:
            flag, equals, text = word.partition("=")
            option = known.get(flag)
            if option is None or (option.takes_value and not equals and not left):
                raise ValueError(word)
            if not option.takes_value:
                if equals:
                    raise ValueError(word)
                given[option.name] = True
            else:
                value = option.kind(text if equals else left.pop())
                given[option.name] = (*given.get(option.name, ()), value) if option.multiple else value
    return given, others + left[::-1]


def _is_option(word: str) -> bool:
    return word.startswith("-") and word != "-"


def _options(command: Command, given: dict[str, Any]) -> dict[str, Any]:
    """The value of each option. Raises ValueError when a required one is missing."""
    if any(option.required and option.name not in given for option in command.options):
        raise ValueError
    return {option.name: given.get(option.name, option.absent) for option in command.options}


def _arguments(command: Command, words: list[str]) -> dict[str, Any]:
    """The value of each argument; one of `many` is the last. Raises ValueError when the count is wrong."""
    values: dict[str, Any] = {}
    left = words
    for argument in command.arguments:
        if argument.required and not left:
            raise ValueError(argument.name)
        taken, left = (left, []) if argument.many else (left[:1], left[1:])
        found = [argument.kind(word) for word in taken]
        values[argument.name] = tuple(found) if argument.many else found[0] if found else None
    if left:
        raise ValueError(left[0])
    return values
