"""Which code this is: two programs are the same when their files hold the same."""

import hashlib
from pathlib import Path

FOLDER = Path(__file__).resolve().parent


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
