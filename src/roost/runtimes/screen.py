"""Reading a captured screen: its text, and how its letters are drawn."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

_SEQUENCE = re.compile(r"\x1b\[([0-9;:]*)([@-~])|\x1b[()][0-9A-Za-z]|[\x0e\x0f]")
_CHANGES: Mapping[str, Mapping[str, bool]] = {
    "1": {"bold": True},
    "2": {"faint": True},
    "7": {"inverse": True},
    "22": {"bold": False, "faint": False},
    "27": {"inverse": False},
    "39": {"coloured": False},
    **{str(number): {"coloured": True} for number in (*range(30, 38), *range(90, 98))},
}


class Style(Struct, frozen=True):
    """How a letter is drawn (SGR 1, 2, 7, and any colour of its own)."""

    bold: bool = False
    faint: bool = False
    inverse: bool = False
    coloured: bool = False


PLAIN = Style()


class Line(Struct, frozen=True):
    """One line of a screen. `firm` is its text with faint letters and the one under the cursor left out.

    `faint`: some of its letters are faint. `mark`: how its first visible letter is drawn.
    """

    text: str
    firm: str
    faint: bool = False
    mark: Style = PLAIN


def read_lines(screen: str) -> list[Line]:
    """The lines of a screen, captured with its escape sequences or without; none blank at the end."""
    return list(_lines(screen))


@lru_cache(maxsize=8)
def _lines(screen: str) -> tuple[Line, ...]:
    """As read before: a look reads its screen more than once, and most show what the look before did."""
    lines = [_line(runs) for runs in _rows(screen)]
    while lines and not lines[-1].text.strip():
        lines.pop()
    return tuple(lines)


def styled(screen: str) -> bool:
    """Whether a screen was captured with its escape sequences: only then is a missing style a fact."""
    return "\x1b[" in screen


def plain(screen: str) -> str:
    """The text of a screen without its escape sequences."""
    return _SEQUENCE.sub("", screen)


def is_hint(line: Line, start: int) -> bool:
    """Whether all of the line from `start` on is a faint hint, but for the letter under the cursor."""
    return line.faint and not line.firm[start:].strip()


def cut(line: Line, width: int) -> Line:
    """The line's first `width` letters."""
    return replace(line, text=line.text[:width].rstrip(), firm=line.firm[:width])


def one_line(lines: list[str]) -> str:
    """The words of some lines, in one."""
    return " ".join(" ".join(lines).split())


def _line(runs: list[tuple[str, Style]]) -> Line:
    firm = "".join(" " * len(part) if style.faint or style.inverse else part for part, style in runs)
    faint = any(style.faint and part.strip() for part, style in runs)
    mark = next((style for part, style in runs if part.strip()), PLAIN)
    return Line("".join(part for part, _ in runs), firm, faint, mark)


def _rows(screen: str) -> Iterator[list[tuple[str, Style]]]:
    """The runs of each line."""
    row: list[tuple[str, Style]] = []
    for part, style in _parts(screen):
        for index, piece in enumerate(part.split("\n")):
            if index:
                yield row
                row = []
            if piece:
                row.append((piece, style))
    yield row


def _parts(screen: str) -> Iterator[tuple[str, Style]]:
    """Runs of text, each with its style."""
    style = PLAIN
    position = 0
    for match in _SEQUENCE.finditer(screen):
        if match.start() > position:
            yield screen[position : match.start()], style
        position = match.end()
        if match[2] == "m":
            style = _restyle(match[1], style)
    if position < len(screen):
        yield screen[position:], style


@lru_cache(maxsize=1024)
def _restyle(codes: str, style: Style) -> Style:
    """The style after one SGR sequence."""
    numbers = iter(code.partition(":")[0] for code in codes.split(";"))
    for code in numbers:
        if code in ("", "0"):
            style = PLAIN
        elif code in _CHANGES:
            style = replace(style, **_CHANGES[code])
        elif code in ("38", "48"):
            # `5;N` or `2;R;G;B` follow, which are no styles.
            for _ in range(1 if next(numbers, "") == "5" else 3):
                next(numbers, None)
            style = replace(style, coloured=style.coloured or code == "38")
    return style
