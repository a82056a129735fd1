"""Rows under headers, in whatever width there is."""

from __future__ import annotations

from roost.cli.output import GAP, cells, clip, folded, local, one_line, paint, paint_state, paints, say, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOM = 32
"""Columns that the last cell of a row is given, if others can go for it."""
_INDENT = 2


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    state: str | None = None,
    spare: Sequence[str] = (),
    roomy: int = ROOM,
    whole: int = 0,
) -> None:
    """Print columns under their headers; what has no room in the last one is cut, with an ellipsis.

    `state`: the column whose words are coloured as states. `spare`: columns that are left out in a narrow
    terminal, the first of them first, until the last column has `roomy` columns of the terminal. Where even
    so too little is left for it, it stands below the others, whole. `whole`: so many rows at the top keep
    their last cell whole in any case, on as many lines as it needs.
    """
    lines = [[local(one_line(cell)) for cell in row] for row in rows]
    columns = [_Column(name, texts) for name, *texts in zip(headers, *lines, strict=True)]
    total = width()
    shown = _fitted(columns, spare, roomy, total)
    room = _room(shown, total)
    last = shown[-1]
    if room < roomy and max(last.widths[1:], default=0) > room:
        _stack(_fitted(columns, spare, -len(GAP), total), state, total)
        return
    before = _beginnings(shown, state)
    printed = [f"{begun}{end}".rstrip() for begun, end in zip(before, last.cut(room, state), strict=True)]
    printed[0] = paint(printed[0], "bold")
    for number in range(1, min(whole, len(lines)) + 1):
        if last.widths[number] > room:
            start = total - room
            printed[number] = before[number] + folded(last.texts[number], total, start, start)
    say("\n".join(printed))


class _Column:
    """The header and all cells below it."""

    def __init__(self, name: str, texts: Sequence[str]) -> None:
        self.name = name
        self.texts = (name, *texts)
        self.widths = [cells(text) for text in self.texts]
        self.size = max(self.widths)

    def padded(self, state: str | None) -> list[str]:
        """Each as wide as all, and the gap to the next column."""
        size = self.size + len(GAP)
        if self.name == state and paints():
            texts = (self.name, *(paint_state(text, text) for text in self.texts[1:]))
        else:
            texts = self.texts
        return [text + " " * (size - taken) for text, taken in zip(texts, self.widths, strict=True)]

    def cut(self, room: int, state: str | None) -> list[str]:
        """Each in so much room."""
        fits = self.size <= room
        texts = self.texts if fits else [clip(text, room) for text in self.texts]
        if self.name == state and paints():
            return [texts[0], *map(paint_state, texts[1:], self.texts[1:])]
        return list(texts)


def _fitted(columns: Sequence[_Column], spare: Sequence[str], room: int, total: int) -> list[_Column]:
    """The columns without those spare ones that have to go for the last one to have so many columns."""
    shown, left = list(columns), list(spare)
    while left and _room(shown, total) < room:
        name = left.pop(0)
        shown = [column for column in shown if column.name != name]
    return shown


def _room(columns: Sequence[_Column], total: int) -> int:
    """Columns for the last cell, when the others have what they need."""
    return total - sum(column.size + len(GAP) for column in columns[:-1])


def _beginnings(columns: Sequence[_Column], state: str | None) -> list[str]:
    """Each line up to its last cell."""
    if len(columns) == 1:
        return [""] * len(columns[0].texts)
    return list(map("".join, zip(*(column.padded(state) for column in columns[:-1]), strict=True)))


def _stack(columns: Sequence[_Column], state: str | None, total: int) -> None:
    """Print the last cell of each row below the others."""
    header, *before = (begun.rstrip() for begun in _beginnings(columns, state))
    printed = [paint(header, "bold")]
    for begun, end in zip(before, columns[-1].texts[1:], strict=True):
        printed.append(begun)
        if end:
            printed.append(" " * _INDENT + folded(end, total, _INDENT, _INDENT))
    say("\n".join(printed))
