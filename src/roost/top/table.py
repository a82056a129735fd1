"""The table of all peers: only what has changed is drawn anew, and the cursor stays on its peer."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

from roost.client.connection import Record
from roost.top.rows import columns, lines, painted


class FleetTable(DataTable[Text], inherit_bindings=False):
    """Rows of peers, each by its name."""

    # In their turn among the commands of the view: a key after an arrow means the peer that it leads to.
    BINDINGS: ClassVar[list[BindingType]] = [
        replace(binding, priority=True)
        for binding in DataTable.BINDINGS
        if isinstance(binding, Binding) and binding.key != "enter"
    ]

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__(cursor_type="row", zebra_stripes=False)
        self._names: list[str] = []
        self._lines: list[tuple[str, ...]] = []
        self._heads: tuple[str, ...] = ()

    @property
    def selected(self) -> str | None:
        """The peer under the cursor."""
        return self._names[self.cursor_row] if self.cursor_row < len(self._names) else None

    def show(self, rows: Sequence[Record], width: int) -> None:
        """Show these rows in this order, in so many columns of the terminal."""
        names = [str(row["name"]) for row in rows]
        shown, heads = lines(rows, width), columns(width)
        if (names, heads) != (self._names, self._heads):
            self._arrange(names, heads, shown)
        else:
            for name, old, new in zip(names, self._lines, shown, strict=True):
                for column, before, cell in zip(heads, old, new, strict=True):
                    if before != cell:
                        self.update_cell(name, column, painted(column, cell), update_width=True)
        self._names, self._heads, self._lines = names, heads, shown

    def _arrange(self, names: list[str], heads: tuple[str, ...], shown: list[tuple[str, ...]]) -> None:
        selected, at = self.selected, self.cursor_row
        self.clear(columns=heads != self._heads)
        if heads != self._heads:
            for column in heads:
                self.add_column(column, key=column)
        for name, line in zip(names, shown, strict=True):
            self.add_row(*map(painted, heads, line), key=name)
        if names:
            row = names.index(selected) if selected in names else min(at, len(names) - 1)
            self.move_cursor(row=row, animate=False)
