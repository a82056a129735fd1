"""The recordings in tests/data/screens/PROGRAM/views: a header, a line `---`, the screen with its escapes."""

from dataclasses import dataclass
from pathlib import Path

SCREENS = Path(__file__).parents[2] / "data/screens"


@dataclass(frozen=True, slots=True)
class Left:
    """What one key did to a view: the input line that a look saw then, and the rows that were new."""

    key: str
    composer: str
    adds: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """One view as a real program of `version` showed it, `keys` after the start of a conversation."""

    view: str
    version: str
    keys: str
    size: str
    cursor: str
    title: str
    left: tuple[Left, ...]
    screen: str

    def write(self, folder: Path) -> None:
        """Keep it, named after its view."""
        header = [
            f"view: {self.view}",
            f"version: {self.version}",
            f"keys: {self.keys}",
            f"size: {self.size}",
            f"cursor: {self.cursor}",
            f"title: {self.title}",
            *(f"left: {each.key} -> {each.composer}; {each.adds}".rstrip(" ;") for each in self.left),
        ]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.view}.txt").write_text("\n".join([*header, "---", self.screen]))


def folder_of(program: str) -> Path:
    """Where a program's recordings are."""
    return SCREENS / program / "views"


def read(path: Path) -> Recording:
    """A recording."""
    header, _, screen = path.read_text().partition("\n---\n")
    known: dict[str, str] = {}
    left: list[Left] = []
    for line in header.splitlines():
        name, _, value = line.partition(": ")
        if name == "left":
            left.append(_left(value))
        else:
            known[name.rstrip(":")] = value
    return Recording(**known, left=tuple(left), screen=screen)


def _left(value: str) -> Left:
    key, _, rest = value.partition(" -> ")
    composer, _, adds = rest.partition("; ")
    return Left(key, composer, adds)
