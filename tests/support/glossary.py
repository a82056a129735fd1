"""docs/glossary.md, and the names that the code has in each of its rooms."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src/roost"
PAGE = ROOT / "docs/glossary.md"
_LINE = re.compile(r"^\| (?P<words>[^|`]+) \| [^|]+ \| `(?P<room>[a-z_/]+)`: (?P<names>`[^|]+`) \|$")
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


class Line(NamedTuple):
    """One line of the page."""

    words: tuple[str, ...]
    room: str
    names: tuple[str, ...]


def lines(text: str) -> list[Line]:
    """All lines of its tables; one that is not made like the others is an error."""
    found: list[Line] = []
    for row in text.splitlines():
        if not row.startswith("| ") or row.startswith("| word |"):
            continue
        cells = _LINE.match(row)
        assert cells is not None, row
        words = tuple(cells["words"].split(", "))
        found.append(Line(words, cells["room"], tuple(re.findall(r"`(\w+)`", cells["names"]))))
    return found


def parts(name: str) -> set[str]:
    """The words of a name, each in its shortest form: `LiveSessions` is live and session."""
    return {_plain(part.lower()) for part in _PARTS.findall(name)}


def _plain(word: str) -> str:
    """Without what grammar adds: sessions, taken, steered and waiting are session, tak, steer and wait."""
    for ending in ("ation", "ing", "er", "ed", "en", "es", "s", "e", "or"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return _plain(word.removesuffix(ending))
    return word


@cache
def names_in(room: str) -> frozenset[str]:
    """Modules, classes, public functions, constants, fields and enum values of a room and of those below."""
    return frozenset().union(*(_names_of(path) for path in (SOURCE / room).rglob("*.py")))


@cache
def _names_of(path: Path) -> frozenset[str]:
    module = path.stem if path.stem != "__init__" else path.parent.name
    return frozenset({module, *_named(ast.parse(path.read_text()))})


def _named(tree: ast.Module) -> Iterator[str]:
    for node in (*tree.body, *(inner for each in tree.body for inner in getattr(each, "body", ()))):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from (target.id for target in targets if isinstance(target, ast.Name))
