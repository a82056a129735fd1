"""What people see: aligned text that fits the terminal, colour only on one, nothing that could drive it."""

from __future__ import annotations

import os
import sys
import time

from roost.cli.stdout import told, write
from roost.client.wire import encode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import IO, ClassVar

WIDTH = 80
"""Columns of output that is not a terminal."""
GAP = "  "
"""Between two columns."""
_NARROWEST = 20
_DIGITS = 6
"""Of a COLUMNS that a terminal could have."""
_JOINT = "\0"
"""Stands for a space at which no line is broken; it is in nothing that is shown."""
_CONTROLS = [*range(9), *range(11, 32), *range(127, 160)]
_BIDI = [0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_HARMLESS = dict.fromkeys(_CONTROLS, "\ufffd") | {13: ""}
_PLAIN = dict.fromkeys([*_CONTROLS, *_BIDI], "")
_COLOURS = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
    "dim": "2",
    "bold": "1",
}
_STATES = {
    "idle": "green",
    "working": "cyan",
    "starting": "cyan",
    "stopping": "dim",
    "asleep": "dim",
    "blocked": "yellow",
    "unknown": "yellow",
    "stopped": "dim",
    "quarantined": "red",
    "done": "green",
    "accepted": "cyan",
    "offered": "cyan",
    "expired": "red",
    "refused": "red",
    "dead-letter": "red",
}


def say(text: str = "") -> None:
    """One line on stdout."""
    told.note(text)
    write(text + "\n")


def remark(text: str) -> None:
    """One sentence on stdout, broken between words where the terminal is too narrow for it."""
    say(wrap(text, 2))


def counted(number: int, one: str, many: str = "") -> str:
    """So many of a thing: `1 peer`, `2 peers`."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def warn(text: str) -> None:
    """One line on stderr, where it can never be taken for data; what was said before it stands before it."""
    try:  # noqa: SIM105 -- contextlib takes two milliseconds to load
        sys.stdout.flush()
    except OSError:
        pass  # what was said stays to be written, and the end of the command tells of it
    for progress in Progress.shown:
        progress.clear()
    sys.stderr.write(wrap(one_line(text), 2, on=sys.stderr) + "\n")
    sys.stderr.flush()


def show_json(value: object) -> None:
    """JSON for a program; indented when a person looks at it."""
    if sys.stdout.isatty():
        import json

        say(json.dumps(value, indent=2))
    else:
        say(encode(value, ascii_only=True))


def show_json_line(value: object) -> None:
    """One JSON object on a line of its own."""
    say(encode(value, ascii_only=True))


def is_terminal(stream: IO[str]) -> bool:
    """Whether the stream is a terminal that understands control sequences."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: str | None) -> str:
    """The text in a colour, when stdout is a terminal or FORCE_COLOR is set, and NO_COLOR is not."""
    if colour is None or not paints():
        return text
    return f"\x1b[{_COLOURS[colour]}m{text}\x1b[0m"


def paints() -> bool:
    """Whether stdout is shown in colours."""
    if os.environ.get("NO_COLOR"):
        return False
    forced = os.environ.get("FORCE_COLOR")
    return forced != "0" if forced else is_terminal(sys.stdout)


def paint_state(text: str, state: str) -> str:
    """The text in the colour of a state."""
    return paint(text, _STATES.get(state))


def one_line(text: object) -> str:
    """The text on one line, without control characters and without changes of writing direction."""
    if text is None:
        return ""
    words = " ".join(str(text).split())
    return words if words.isascii() and words.isprintable() else words.translate(_PLAIN)


def harmless(text: str) -> str:
    """Text of several lines whose control characters (other than newline and tab) cannot reach a terminal."""
    return text.translate(_HARMLESS)


def width() -> int:
    """Columns to fill: COLUMNS, the terminal's, or 80."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isascii() and asked.isdigit() and len(asked) <= _DIGITS and int(asked) > 0:
        return int(asked)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or WIDTH
    except (OSError, ValueError):
        return WIDTH


def follow_terminal() -> None:
    """Fill the terminal from now on, however large it becomes, where it tells how large it is.

    COLUMNS and LINES, where a user exports them, are what it was once.
    """
    try:
        known = all(os.get_terminal_size(sys.stdout.fileno()))
    except (OSError, ValueError):
        return
    for name in ("COLUMNS", "LINES") if known else ():
        os.environ.pop(name, None)


def cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    import unicodedata

    return sum(
        0
        if unicodedata.combining(c) or c in "\u200d\ufe0f"
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def clip(text: str, columns: int) -> str:
    """The text, or its beginning and an ellipsis, in at most so many columns."""
    if cells(text) <= columns:
        return text
    if columns < 1:
        return ""
    kept = text[: columns - 1]
    while cells(kept) >= columns:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def wrap(text: str, indent: int, start: int = 0, on: IO[str] | None = None) -> str:
    """One line as a terminal shows it best: broken between words, what follows indented by so many columns.

    `start`: columns that are taken before it. Nothing is ever cut; a longer word stands on a line of its own.
    Unchanged when stdout, or what it is printed `on`, is no terminal: there, one line stays one line.
    """
    columns = width()
    if not (on or sys.stdout).isatty() or start + cells(text) <= columns or columns - indent < _NARROWEST:
        return text
    return folded(text, columns, indent, start)


def folded(text: str, columns: int, indent: int, start: int) -> str:
    """The text in lines of so many columns, the first of them `start` columns shorter and without them.

    A command in backticks is not broken where it has room on a line of its own: people copy it.
    """
    import re
    import textwrap

    room = columns - indent

    def joined(command: re.Match[str]) -> str:
        return command[0].replace(" ", _JOINT) if len(command[0]) < room else command[0]

    lines = textwrap.wrap(
        re.sub(r"`[^`\n]+`", joined, text),
        columns,
        initial_indent=" " * start,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return "\n".join(lines)[start:].replace(_JOINT, " ")


def fields(pairs: Iterable[tuple[str, object]]) -> None:
    """Print `name  value` lines, leaving out what is empty; a value of several lines is indented."""
    shown = [(name, str(value)) for name, value in pairs if value not in (None, "", [], {})]
    if not shown:
        return
    size = max(len(name) for name, _ in shown)
    for name, value in shown:
        first, *rest = harmless(value).splitlines() or [""]
        indent = size + len(GAP)
        say(f"{paint(name.ljust(size), 'bold')}{GAP}{wrap(local(first), indent, indent)}")
        for line in rest:
            say(" " * indent + wrap(line, indent, indent))


def age(at: str | None) -> str:
    """How long ago an ISO-8601 time was (`45s`, `3m`), empty for None and for what is no time."""
    if not at:
        return ""
    from datetime import datetime

    try:
        return rough(max(time.time() - datetime.fromisoformat(at).timestamp(), 0.0))
    except ValueError:
        return ""


def rough(seconds: float) -> str:
    """A duration by its largest unit (`45s`, `3m`, `2h`, `5d`)."""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds:.0f}s"


def clock(at: str | None) -> str:
    """An ISO-8601 time as local date and time of day, to the second."""
    if not at:
        return ""
    from datetime import datetime

    try:
        return datetime.fromisoformat(at).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except ValueError:
        return one_line(at)


def local(text: str) -> str:
    """The text with its ISO-8601 UTC times as `clock` shows them: people read one time zone."""
    if "Z" not in text or "T" not in text:
        return text
    import re

    return re.sub(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z\b", lambda found: clock(found[0]), text)


class Progress:
    """What is going on, on one line of stderr that rewrites itself; silent unless stderr is a terminal."""

    shown: ClassVar[list[Progress]] = []
    """The one that has something on its line, if any."""

    def __init__(self) -> None:
        """Nothing is shown yet."""
        self._on = is_terminal(sys.stderr)
        self._last = ""

    def show(self, text: str) -> None:
        """Replace what is shown."""
        line = clip(one_line(text), width() - 1)
        if self._on and line != self._last:
            sys.stderr.write(f"\r\x1b[K{line}")
            sys.stderr.flush()
            self._last = line
            Progress.shown = [self]

    def clear(self) -> None:
        """Show nothing; to be called before anything else is printed."""
        Progress.shown = []
        if self._last:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._last = ""
