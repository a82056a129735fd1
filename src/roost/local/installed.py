"""Which version of a program is installed, by the files that npm and pip leave beside it; nothing is run."""

from pathlib import Path
from typing import cast

from roost.foreign import decode


def installed_version(program: str, package: str = "") -> str | None:
    """Blocking: the version of a program; None where its files do not tell. `package`: what pip calls it."""
    path = Path(program).resolve()
    try:
        return _of_pip(path, package) if package else _of_npm(path)
    except (OSError, ValueError):
        return None


def _of_npm(path: Path) -> str | None:
    for folder in path.parents:
        above = folder.parent
        if above.name == "node_modules" or (
            above.name.startswith("@") and above.parent.name == "node_modules"
        ):
            known = decode((folder / "package.json").read_bytes())
            version = cast("dict[str, object]", known).get("version") if isinstance(known, dict) else None
            return version if isinstance(version, str) else None
    return None


def _of_pip(path: Path, package: str) -> str | None:
    for found in path.parent.parent.glob(f"lib/python*/site-packages/{package}-*.dist-info"):
        return found.name.removesuffix(".dist-info").rpartition("-")[2]
    return None
