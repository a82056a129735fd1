"""Ready-made tables: programs that need nothing in the configuration file. Each is a file of the package."""

from functools import cache
from pathlib import Path

from msgspec import Struct

import roost
from roost.local.config import AnyTable, load_table

_FOLDER = Path(roost.__file__).parent / "runtimes" / "tables"
_ABOUT = "\n[about]\n"


class ReadyMade(Struct, frozen=True):
    """One of them. `proven`: how far. `install`: what installs its program. `package`: its name for pip."""

    table: AnyTable
    proven: str
    install: str
    package: str
    text: str
    """As it can stand in `config.toml`."""


@cache
def ready_made() -> tuple[ReadyMade, ...]:
    """Blocking: all of them, by name."""
    return tuple(_load(file) for file in sorted(_FOLDER.glob("*.toml")))


def _load(file: Path) -> ReadyMade:
    table, about = load_table(file)
    told, _, _ = file.read_text("utf-8").partition(_ABOUT)
    text = f"{told.rstrip()}\n\n# Installed by: {about['install']}\n"
    return ReadyMade(table, about["proven"], about["install"], about.get("package", ""), text)
