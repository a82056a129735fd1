"""The one door to tmux: how a text becomes an argument, whatever it holds.

Three things read what tmux is given, and each has its own signs: the parser of a control line (`line`), the
parser of a command's own arguments (`argument`), and the formats and times that some commands expand in some
of their arguments. Measured with tmux 3.3a, one argument after the other
(`tests/integration/test_tmux_door.py`):

- expanded, `#(command)` executed: load-buffer, save-buffer, pipe-pane, run-shell, if-shell, display-message,
  rename-window, rename-session, new-session -n -s -c, new-window -n -c, select-pane -T, source-file -F,
  set-option -F, list-* -F -f, the options status-*, set-titles-string and *-format, and the commands of hooks
  when they run; with times (`%H`), too: display-message, pipe-pane, the status options;
- taken as they are: the value of set-option, set-environment, set-buffer, send-keys, new-session's command
  and -e, and `#{@option}` once it is expanded: its value is not looked at again.

There is no way to escape a text for a format: `##` gives `#`, but `##[` stays as it is. So no text ever
stands in a format. It becomes an option's value, and the format names the option (`holding`). A shell that
tmux starts gets its script in the same way, words quoted by `shlex`.
"""

import re

from roost.host.errors import TmuxError

# Letters, digits and signs that mean nothing to tmux's lexer anywhere in a word. `~`, `%`, `{` and `#` do
# at a word's start, `$`, `;`, quotes and blanks everywhere.
_PLAIN = re.compile(r"[a-zA-Z0-9_\-./:@+,]+")
_ESCAPED = re.compile(r'["\\$~\x00-\x1f\x7f\udc80-\udcff]')
_OPTION = "@roost-held"
HELD = f"#{{{_OPTION}}}"
"""Stands for the text that `holding` gives, in an argument that tmux expands."""


def quote(word: str) -> str:
    """`word` as one argument on a control line, taken literally by the parser (formats are another matter).

    Raises TmuxError for a NUL, which no argument can hold.
    """
    if "\0" in word:
        raise TmuxError("a tmux argument cannot hold a NUL character; remove it")
    return word if _PLAIN.fullmatch(word) else f'"{_ESCAPED.sub(_octal, word)}"'


def _octal(found: re.Match[str]) -> str:
    """What is no UTF-8 is a byte as `os.fsdecode` gives it. tmux 3.3a takes 0xff for the end of the line."""
    return f"\\{ord(found[0]) & 0xFF:03o}"


def line(*words: str) -> str:
    """A command line of quoted words: texts may stand only where tmux expands nothing."""
    return " ".join(quote(word) for word in words)


def holding(text: str, *words: str) -> str:
    """A command line of two commands: the second finds `text`, whatever it holds, where its words say `HELD`.

    It is an option of the server: those are looked up before the options of a pane, which could hide it.
    """
    return f"{line('set-option', '-s', '--', _OPTION, text)} ; {line(*words)}"


def argument(word: str) -> str:
    """`word` as an argument of the tmux program itself, where one that ends in `;` would end the command."""
    return f"{word[:-1]}\\;" if word.endswith(";") else word
