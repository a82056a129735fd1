"""Which code this is: two programs are the same when their files hold the same."""

import hashlib
from pathlib import Path

from roost import __version__

FOLDER = Path(__file__).resolve().parents[1]


def code(folder: Path = FOLDER) -> str | None:
    """A name of the code below `folder`, whatever its version says; None when it cannot be read. Blocking."""
    found = hashlib.blake2b(digest_size=8)
    try:
        for path in sorted(folder.rglob("*.py")):
            found.update(f"{path.relative_to(folder)}\0".encode())
            found.update(path.read_bytes())
        return found.hexdigest() if (folder / "__init__.py").exists() else None
    except OSError:
        return None


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
