"""Reading a captured screen: its text, and which of it is only a hint drawn in faint letters."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SEQUENCE = re.compile(r"\x1b\[([0-9;:]*)([@-~])|\x1b[()][0-9A-Za-z]|[\x0e\x0f]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a screen. `firm` is its text with faint letters and the one under the cursor left out.

    `faint`: some of its letters are faint (SGR 2).
    """

    text: str
    firm: str
    faint: bool = False


def read_lines(screen: str) -> list[Line]:
    """The lines of a screen captured with its escape sequences, or of one without any."""
    lines: list[Line] = []
    text, firm, seen_faint = "", "", False
    for part, faint, inverse in _parts(screen):
        for index, piece in enumerate(part.split("\n")):
            if index:
                lines.append(Line(text, firm, seen_faint))
                text, firm, seen_faint = "", "", False
            text += piece
            if faint and piece.strip():
                seen_faint = True
            firm += " " * len(piece) if faint or inverse else piece
    lines.append(Line(text, firm, seen_faint))
    return lines


def plain(screen: str) -> str:
    """The text of a screen without its escape sequences."""
    return _SEQUENCE.sub("", screen)


def is_hint(line: Line, start: int) -> bool:
    """Whether all of the line from `start` on is a faint hint, but for the letter under the cursor."""
    return line.faint and not line.firm[start:].strip()


def _parts(screen: str) -> Iterator[tuple[str, bool, bool]]:
    """Runs of text, each with whether it is faint and whether it is inverse."""
    faint = inverse = False
    position = 0
    for match in _SEQUENCE.finditer(screen):
        if match.start() > position:
            yield screen[position : match.start()], faint, inverse
        position = match.end()
        if match[2] == "m":
            faint, inverse = _style(match[1], faint=faint, inverse=inverse)
    if position < len(screen):
        yield screen[position:], faint, inverse


def _style(codes: str, *, faint: bool, inverse: bool) -> tuple[bool, bool]:
    """The style after one SGR sequence."""
    numbers = iter(code.partition(":")[0] for code in codes.split(";"))
    for code in numbers:
        match code:
            case "" | "0":
                faint = inverse = False
            case "2":
                faint = True
            case "22":
                faint = False
            case "7":
                inverse = True
            case "27":
                inverse = False
            case "38" | "48":
                # A colour: `5;N` or `2;R;G;B` follow, which are no styles.
                for _ in range(1 if next(numbers, "") == "5" else 3):
                    next(numbers, None)
            case _:
                pass
    return faint, inverse
