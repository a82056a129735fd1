"""How the demo speaks: plain lines of at most 80 columns, printed as things happen."""

import sys
import textwrap
from collections.abc import Iterable

from roost.cli.output import harmless, paint, say
from roost.cli.table import table

COLUMNS = 80
_INDENT = "  "
_OUTPUT = "    "
OUTPUT_COLUMNS = COLUMNS - len(_OUTPUT)
"""What is left for the output of a command that the demo shows."""


def heading(number: int, title: str) -> None:
    """Begin a step."""
    _line("")
    _line(paint(f"{number}. {title}", "bold"))


def tell(text: str) -> None:
    """A sentence about what happens or was found."""
    for line in _wrap(text):
        _line(line)


def command(line: str) -> None:
    """A command, as a person would type it."""
    for number, part in enumerate(line.splitlines()):
        _line(paint(f"{_INDENT}{'$' if number == 0 else ' '} {part}", "cyan"))


def output(text: str) -> None:
    """What a command printed."""
    for line in harmless(text).splitlines():
        for part in textwrap.wrap(line, OUTPUT_COLUMNS, subsequent_indent="  ", break_on_hyphens=False) or [
            ""
        ]:
            _line(f"{_OUTPUT}{part}".rstrip())


def failure(text: str) -> None:
    """Why a step failed."""
    for line in _wrap(f"FAILED: {text}"):
        _line(paint(line, "red"))


def summary(rows: Iterable[tuple[str, str, str, str]]) -> None:
    """The table at the end: step, result, time, what was seen."""
    _line("")
    table(("STEP", "RESULT", "TIME", "SEEN"), rows)
    sys.stdout.flush()


def milliseconds(seconds: float) -> str:
    """A short time, for reading."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _wrap(text: str) -> list[str]:
    return textwrap.wrap(
        text, COLUMNS, initial_indent=_INDENT, subsequent_indent=_INDENT, break_on_hyphens=False
    )


def _line(text: str) -> None:
    say(text)
    sys.stdout.flush()
