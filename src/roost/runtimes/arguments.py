"""The options in a list of command line arguments, by the grammar of one program. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum, auto

from msgspec import Struct

from roost.errors import InvalidSettingError

PROMPT = ""
"""The name under which words that belong to no option are found."""


class Takes(Enum):
    """How many words an option takes."""

    NONE = auto()
    ONE = auto()
    MAYBE = auto()
    MANY = auto()


class Given(Struct, frozen=True):
    """One option as it was given: its name as the grammar knows it, its values, its words as they stood."""

    name: str
    values: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def value(self) -> str:
        """Its only value, or nothing."""
        return self.values[-1] if self.values else ""


class Grammar(Struct, frozen=True):
    """What the options of a program take, and the other names that some of them have.

    An option that is not listed takes one word if the next one does not begin with a dash.
    """

    takes: Mapping[str, Takes]
    aliases: Mapping[str, str]

    def read(self, arguments: Sequence[str]) -> Iterator[Given]:
        """The options in order; a word that is no option and belongs to none is a PROMPT."""
        rest = list(arguments)
        while rest:
            word = rest.pop(0)
            if word == "--":
                yield from (Given(PROMPT, (prompt,), (prompt,)) for prompt in rest)
                return
            if word.startswith("--"):
                name, is_joined, joined = word.partition("=")
                yield self._option(name, word, (joined,) if is_joined else None, rest)
            elif len(word) > 1 and word.startswith("-"):
                yield from self._short(word, rest)
            else:
                yield Given(PROMPT, (word,), (word,))

    def _short(self, word: str, rest: list[str]) -> Iterator[Given]:
        """`-c`, `-cVALUE`, `-c=VALUE` and `-ab`, which is `-a -b`."""
        name, tail = word[:2], word[2:]
        if not tail:
            yield self._option(name, word, None, rest)
        elif self._takes(name) is Takes.NONE:
            yield self._option(name, name, None, rest)
            yield from self._short(f"-{tail}", rest)
        else:
            yield self._option(name, word, (tail.removeprefix("="),), rest)

    def _option(self, name: str, word: str, joined: tuple[str, ...] | None, rest: list[str]) -> Given:
        values: list[str] = list(joined or ())
        takes = self._takes(name)
        if (
            joined is None
            and rest
            and (takes is Takes.ONE or (takes is not Takes.NONE and not _dashed(rest[0])))
        ):
            values.append(rest.pop(0))
        while takes is Takes.MANY and rest and not _dashed(rest[0]):
            values.append(rest.pop(0))
        taken = values if joined is None else values[1:]
        return Given(self.aliases.get(name, name), tuple(values), (word, *taken))

    def _takes(self, name: str) -> Takes:
        return self.takes.get(self.aliases.get(name, name), Takes.MAYBE)


def _dashed(word: str) -> bool:
    return len(word) > 1 and word.startswith("-")


def grammar(
    *, none: str = "", one: str = "", many: str = "", aliases: Mapping[str, str] | None = None
) -> Grammar:
    """A grammar from names with spaces between them."""
    takes = dict.fromkeys(none.split(), Takes.NONE)
    takes |= dict.fromkeys(one.split(), Takes.ONE)
    takes |= dict.fromkeys(many.split(), Takes.MANY)
    return Grammar(takes, aliases or {})


def refuse(given: Given, refusals: Mapping[str, str]) -> None:
    """Raise InvalidSettingError when these arguments may not hold the option; the refusal says what to do."""
    if (why := refusals.get(given.name)) is not None:
        raise InvalidSettingError(f"'{given.words[0]}' cannot be given in 'args': {why}")
