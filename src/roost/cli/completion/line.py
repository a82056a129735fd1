"""What a command line says before its last word, and so what that word may be."""

from __future__ import annotations

from roost.cli.command import GLOBAL, Argument, Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HELP = Option("--help", help="Show what it does.")
VERSION = Option("--version", help="Print the version.")


class Line:
    """The words after `roost`, read up to the last one, which is being written."""

    def __init__(self, words: Sequence[str], find: Callable[[str], Command | None]) -> None:
        """Mistakes are taken as they are: what comes after them is guessed."""
        self.command: Command | None = None
        self.helped = False
        """After `roost help`."""
        self.lost = False
        """There is no such command."""
        self.values: dict[str, str] = {}
        """The latest value of each argument and each option."""
        self.given: set[str] = set()
        """The flags that stand there."""
        self._find = find
        self._places = 0
        self._only_words = False
        self._open: Option | None = None
        *before, last = list(words) or [""]
        for word in before:
            self._take(word)
        self.prefix, self.word = "", last
        flag, equals, rest = last.partition("=")
        if equals and self._open is None and not self._only_words:
            option = self.options.get(flag)
            if option is not None and option.takes_value:
                self._open, self.prefix, self.word = option, flag + equals, rest

    @property
    def options(self) -> dict[str, Option]:
        """The options that may stand at its end, by flag."""
        known = [*GLOBAL, VERSION] if self.command is None else [*self.command.options, *self.command.of_all]
        return {option.flag: option for option in (*known, HELP)}

    @property
    def writes_option(self) -> bool:
        """The last word is the beginning of an option."""
        return self.word.startswith("-") and self._open is None and not self._only_words

    @property
    def parameter(self) -> Argument | Option | None:
        """Whose value the last word is, if it is one's."""
        if self._open is not None:
            return self._open
        return self._argument()

    def _argument(self) -> Argument | None:
        arguments = self.command.arguments if self.command is not None else []
        if self._places < len(arguments):
            return arguments[self._places]
        return arguments[-1] if arguments and arguments[-1].many else None

    def _take(self, word: str) -> None:
        """One whole word."""
        if self._open is not None:
            self.values[self._open.name] = word
            self._open = None
        elif word == "--" and not self._only_words and self.command is not None:
            self._only_words = True
        elif word.startswith("-") and word != "-" and not self._only_words:
            self._take_option(word)
        elif self.command is None:
            self._take_command(word)
        else:
            argument = self._argument()
            if argument is not None:
                self.values[argument.name] = word
            self._places += 1

    def _take_option(self, word: str) -> None:
        flag, equals, value = word.partition("=")
        option = self.options.get(flag)
        self.given.add(flag)
        if option is not None and option.takes_value:
            if equals:
                self.values[option.name] = value
            else:
                self._open = option

    def _take_command(self, word: str) -> None:
        if word == "help" and not self.helped:
            self.helped = True
            return
        self.command = self._find(word)
        self.lost = self.lost or self.command is None
