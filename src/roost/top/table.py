"""The table of all peers: only what has changed is drawn anew, and the cursor stays on its peer."""

from collections.abc import Sequence

from rich.text import Text
from textual.widgets import DataTable

from roost.client.connection import Record
from roost.top.rows import COLUMNS, cells


class FleetTable(DataTable[Text]):
    """Rows of peers, each by its name."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__(cursor_type="row", zebra_stripes=False)
        self._shown: dict[str, Record] = {}

    def on_mount(self) -> None:
        """The columns."""
        for column in COLUMNS:
            self.add_column(column, key=column)

    @property
    def selected(self) -> str | None:
        """The peer under the cursor."""
        names = list(self._shown)
        return names[self.cursor_row] if self.cursor_row < len(names) else None

    def show(self, rows: Sequence[Record], *, anew: bool = False) -> None:
        """Show these rows in this order; `anew`: also those that have not changed, as their ages have."""
        wanted = {str(row["name"]): row for row in rows}
        if list(wanted) != list(self._shown):
            self._arrange(wanted)
        else:
            for name, row in wanted.items():
                if anew or self._shown[name] != row:
                    for column, cell in zip(COLUMNS, cells(row), strict=True):
                        self.update_cell(name, column, cell)
        self._shown = wanted

    def _arrange(self, wanted: dict[str, Record]) -> None:
        selected, at = self.selected, self.cursor_row
        self.clear()
        for name, row in wanted.items():
            self.add_row(*cells(row), key=name)
        names = list(wanted)
        if names:
            self.move_cursor(row=names.index(selected) if selected in names else min(at, len(names) - 1))
