"""Ready-made tables: programs that need nothing in the configuration file. Each is a file of the package."""

import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import roost
from roost.local.config import RuntimeTable, load_table

_FOLDER = Path(roost.__file__).parent / "runtimes" / "tables"
_ABOUT = "\n[about]\n"


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """One of them. `proven`: how far. `install`: the command that installs its program.

    `package`: where its version stands, below the folder that its program is in: a pattern of a file of npm
    or of a folder of pip; "" where neither brings it.
    """

    table: RuntimeTable
    proven: str
    install: str
    package: str
    file: Path

    @property
    def text(self) -> str:
        """The table as it can stand in `config.toml`."""
        return self.file.read_text().partition(_ABOUT)[0].strip()

    def program(self, path: str | None = None) -> str | None:
        """Blocking: where its program is, on a search path or the process's own."""
        return shutil.which(self.table.argv[0], path=path)


@cache
def ready_made() -> tuple[ReadyMade, ...]:
    """Blocking: all of them, by name."""
    return tuple(_load(file) for file in sorted(_FOLDER.glob("*.toml")))


def _load(file: Path) -> ReadyMade:
    table, about = load_table(file)
    return ReadyMade(table, about["proven"], about["install"], about.get("package", ""), file)
