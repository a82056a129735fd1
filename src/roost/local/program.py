"""Which code this is: two programs are the same when their files hold the same."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from roost import __version__

FOLDER = Path(__file__).resolve().parents[1]


def code(folder: Path = FOLDER) -> str | None:
    """A name of the code below `folder`, whatever its version says; None when it cannot be read. Blocking."""
    found = hashlib.blake2b(digest_size=8)
    try:
        for path in sorted(_files(str(folder))):
            found.update(f"{path.removeprefix(str(folder))}\0".encode())
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123 -- hundreds of paths, at each start
                found.update(file.readall())
        return found.hexdigest() if (folder / "__init__.py").exists() else None
    except OSError:
        return None


def _files(folder: str) -> Iterator[str]:
    for place, _folders, names in os.walk(folder):
        yield from (f"{place}/{name}" for name in names if name.endswith(".py"))


def other_program(begun: str | None, asker: str) -> str | None:
    """What this process runs that is not the code in the asker's folder, in words; None: it is. Blocking.

    `begun`: the code that this process began with.
    """
    folder = Path(asker)
    if begun is not None and code(folder) == begun:
        return None
    if folder == FOLDER:
        return f"the daemon runs {FOLDER} as it was before it was replaced"
    return f"the daemon runs {__version__} of {FOLDER}, and this command is of {folder}"
