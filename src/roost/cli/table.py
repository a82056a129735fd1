"""Rows under headers, in whatever width there is."""

from __future__ import annotations

from roost.cli.output import GAP, cells, clip, folded, local, one_line, paint, paint_state, paints, say, width

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOM = 32
"""Columns that the last cell of a row is given, if others can go for it."""
_INDENT = 2
_REST = "\0"
"""Stands for a cell that takes more than one line; it is in nothing that is shown."""


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
    all_names = list(headers)
    all_lines = [[local(one_line(cell)) for cell in row] for row in rows]
    names, lines = _fitted(all_names, all_lines, spare, roomy)
    room = _room(names, lines)
    if room < roomy and any(cells(line[-1]) > room for line in lines):
        return _stacked(*_fitted(all_names, all_lines, spare, -len(GAP)), state)
    painted = names.index(state) if state in names and paints() else None
    sizes = _sizes(names, lines)
    sizes[-1] = room
    say(paint(_join(names, sizes, None), "bold"))
    for number, line in enumerate(lines):
        if number < whole and cells(line[-1]) > room:
            start = width() - room
            shown = _join([*line[:-1], _REST], sizes, painted)
            say(shown.replace(_REST, folded(line[-1], width(), start, start)))
        else:
            say(_join(line, sizes, painted))
    return None


def _fitted(
    names: list[str], lines: list[list[str]], spare: Sequence[str], room: int
) -> tuple[list[str], list[list[str]]]:
    """The columns without those spare ones that have to go for the last one to have so many columns."""
    left = list(spare)
    while left and _room(names, lines) < room:
        at = names.index(left.pop(0))
        names = names[:at] + names[at + 1 :]
        lines = [line[:at] + line[at + 1 :] for line in lines]
    return names, lines


def _stacked(names: Sequence[str], lines: Sequence[Sequence[str]], state: str | None) -> None:
    """The last cell of each row below the others."""
    sizes = _sizes(names, lines)
    painted = names.index(state) if state in names and paints() else None
    say(paint(_join(names[:-1], sizes[:-1], None), "bold"))
    for line in lines:
        say(_join(line[:-1], sizes[:-1], painted))
        if line[-1]:
            say(" " * _INDENT + folded(line[-1], width(), _INDENT, _INDENT))


def _sizes(names: Sequence[str], lines: Iterable[Sequence[str]]) -> list[int]:
    return [max(map(cells, column)) for column in zip(names, *lines, strict=True)]


def _room(names: Sequence[str], lines: Iterable[Sequence[str]]) -> int:
    """Columns for the last cell, when the others have what they need."""
    return width() - sum(_sizes(names, lines)[:-1]) - len(GAP) * (len(names) - 1)


def _join(line: Sequence[str], sizes: Sequence[int], painted: int | None) -> str:
    parts: list[str] = []
    for index, (cell, size) in enumerate(zip(line, sizes, strict=True)):
        last = index == len(sizes) - 1
        taken = cells(cell)
        if taken > size:
            shown = clip(cell, size)
            taken = cells(shown)
        else:
            shown = cell
        padding = "" if last else " " * (size - taken)
        parts.append((paint_state(shown, cell) if index == painted else shown) + padding)
    return GAP.join(parts).rstrip()
