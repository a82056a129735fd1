"""Quoting for a tmux command line."""

from roost.host.errors import TmuxError

# Letters, digits and signs that mean nothing to tmux's lexer anywhere in a word. `~`, `%`, `{` and `#` do
# at a word's start, `$`, `;`, quotes and blanks everywhere.
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@+,")
_ESCAPED = frozenset('"\\$~')


def quote(word: str) -> str:
    """`word` as one argument on a control line, taken literally by the parser (formats are another matter).

    Raises TmuxError for a NUL, which no argument can hold.
    """
    if "\0" in word:
        raise TmuxError("a tmux argument cannot hold a NUL character; remove it")
    if word and all(character in _PLAIN for character in word):
        return word
    return '"' + "".join(_character(character) for character in word) + '"'


def _character(character: str) -> str:
    if character in _ESCAPED or character < " " or character == "\x7f":
        return f"\\{ord(character):03o}"
    return character


def line(*words: str) -> str:
    """A command line of quoted words."""
    return " ".join(quote(word) for word in words)
