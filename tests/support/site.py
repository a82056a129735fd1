"""The documentation as a site: its pages laid out for the generator, and built."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "docs/zensical.toml"
BESIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "license.md",
}
"""Pages that stand beside the folder `docs`, and where they are on the site."""
_LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))")


def pages() -> dict[str, Path]:
    """Every page: its place on the site, and the file that it is made of."""
    found = {str(path.relative_to(ROOT / "docs")): path for path in (ROOT / "docs").rglob("*.md")}
    return found | {place: ROOT / name for name, place in BESIDE.items()}


def lay_out(folder: Path) -> None:
    """Write the generator's configuration and all pages into an empty folder, their links made right."""
    shutil.copytree(ROOT / "docs", folder / "pages", ignore=shutil.ignore_patterns(CONFIG.name))
    shutil.copy(CONFIG, folder)
    for place, path in pages().items():
        text = path.read_text()
        if path.suffix != ".md":
            text = f"# {path.stem.capitalize()}\n\n```text\n{text}```\n"
        (folder / "pages" / place).write_text(_LINK.sub(partial(_moved, source=path, place=place), text))


def build(out: Path) -> None:
    """Make the site and put it at `out`; whatever stood there goes.

    Raises CalledProcessError where a link leads nowhere, with the generator's words in `output`.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(folder)
        words = [sys.executable, "-m", "zensical", "build", "--strict"]
        subprocess.run(
            words,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(folder / "site", out)


def _moved(link: re.Match[str], source: Path, place: str) -> str:
    """The link from a page at its place on the site, where both ends may have moved."""
    name, mark, anchor = link[0].partition("#")
    if not name or ":" in name:
        return link[0]
    target = os.path.relpath((source.parent / name).resolve(), ROOT)
    there = BESIDE.get(target, target.removeprefix("docs/"))
    return os.path.relpath(there, Path(place).parent) + mark + anchor


if __name__ == "__main__":
    try:
        build(Path(sys.argv[1]))
    except subprocess.CalledProcessError as error:
        sys.exit(error.output)
