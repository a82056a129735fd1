"""The screen: a transcript that scrolls, and below it a few lines that are redrawn."""

from typing import Protocol

_KEPT = 500
_MOST_FRESH = 10_000
"""Rows that are kept for a terminal that takes none."""
_NARROWEST = 8


def clean(text: str) -> str:
    """Return one line of text without anything a terminal would obey."""
    plain = text.replace("\t", "    ")
    if plain.isascii() and plain.isprintable():
        return plain
    return "".join("\u00b7" if "\0" <= c < " " or "\x7f" <= c < "\xa0" else c for c in plain)


def columns(character: str) -> int:
    """Return how many columns a character takes: 0 (combining), 1 or 2 (wide)."""
    if character.isascii():
        return 1
    # Loaded only when such text appears.
    import unicodedata  # noqa: PLC0415

    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def wrap(text: str, width: int) -> list[str]:
    """Split one line of text into rows of at most `width` columns."""
    if text.isascii():
        return [text[start : start + width] for start in range(0, len(text), width)] or [""]
    rows: list[str] = []
    row = ""
    used = 0
    for character in text:
        needed = columns(character)
        if used + needed > width:
            rows.append(row)
            row, used = "", 0
        row += character
        used += needed
    rows.append(row)
    return rows


class Surface(Protocol):
    """What is drawn on."""

    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        ...

    def write(self, data: bytes) -> None:
        """Take all of it."""
        ...


class Screen:
    """Draws on a terminal. Rows never wrap, so the redrawn block's height is always known."""

    __slots__ = ("_block", "_drawn_rows", "_fresh", "_kept", "_terminal", "height", "width")

    def __init__(self, terminal: Surface) -> None:
        """Start at the terminal's cursor with an empty block."""
        self._terminal = terminal
        self._kept: list[str] = []
        self._fresh: list[str] = []
        self._block: list[str] = []
        self._drawn_rows = 0
        self.width = self.height = 0
        self._measure()

    def _measure(self) -> None:
        columns_now, rows_now = self._terminal.size()
        # One column stays free: erasing to the end of a full row would take its last character.
        self.width = max(columns_now - 1, _NARROWEST)
        self.height = rows_now

    def say(self, text: str, mark: str = "", most_lines: int = 0) -> None:
        """Add text to the transcript, at most `most_lines` of its lines if given; `draw` shows it."""
        lines = text.split("\n")
        if most_lines and len(lines) > most_lines:
            lines = [*lines[:most_lines], f"\u2026 +{len(lines) - most_lines} lines"]
        for number, line in enumerate(lines):
            rows = wrap(clean(line), self.width - len(mark))
            if most_lines and len(rows) > most_lines:
                rows = [*rows[:most_lines], "\u2026"]
            for row_number, row in enumerate(rows):
                lead = mark if not number and not row_number else " " * len(mark)
                self._fresh.append(lead + row)
        if len(self._fresh) > _MOST_FRESH:
            del self._fresh[:-_MOST_FRESH]

    def draw(self, block: list[str]) -> None:
        """Show the new transcript lines and the block; does nothing when nothing changed."""
        if not self._fresh and block == self._block:
            return
        up = f"\x1b[{self._drawn_rows - 1}A" if self._drawn_rows > 1 else ""
        self._put("\r" + up, [*self._fresh, *block])
        self._kept = [*self._kept, *self._fresh][-_KEPT:]
        self._fresh = []
        self._block = block
        self._drawn_rows = len(block)

    def resize(self) -> None:
        """Draw everything anew at the terminal's present size."""
        self._measure()
        room = max(self.height - len(self._block), 0)
        last = [*self._kept, *self._fresh][-room:] if room else []
        self._kept = [*self._kept, *self._fresh][-_KEPT:]
        self._fresh = []
        self._put("\x1b[H\x1b[2J", [wrap(row, self.width)[0] for row in [*last, *self._block]])
        self._drawn_rows = len(self._block)

    def _put(self, start: str, rows: list[str]) -> None:
        """Write rows in one go; each clears only the rest of its own row, so nothing flickers."""
        body = "\r\n".join(f"{row}\x1b[K" for row in rows)
        self._terminal.write(f"{start}{body}\x1b[J".encode("utf-8", "replace"))
