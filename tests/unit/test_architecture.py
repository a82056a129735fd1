"""docs/architecture.md and the other pages about the code: what they name is there."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.pictures import Step, picture

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src/roost"
PAGES = [ROOT / "CONTRIBUTING.md", *(ROOT / "docs" / name for name in ("architecture.md", "design.md"))]
PICTURES = ("The way of a message", "The way of a death")
_TOP = ("docs/", "tests/", "scripts/", "src/", ".ci/", "requirements/", "CHANGELOG.md", "pyproject.toml")
_MADE = ".cache/"
_PLACEHOLDER = re.compile(r"NAME|NNNN|\*")
_PATH = re.compile(r"`((?:[\w.-]+/)+|(?:[\w.-]+/)*[\w-]+\.(?:py|md|sql))`")


def places(page: Path) -> Iterator[Path]:
    """Every path that a page names: below the package, unless it begins at the top of the project."""
    for name in _PATH.findall(page.read_text()):
        if name != _MADE:
            yield (ROOT if name.startswith(_TOP) else SOURCE) / name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_path_that_a_page_names_is_there(page: Path) -> None:
    named = set(places(page))
    assert len(named) > 20
    gone = [
        str(path.relative_to(ROOT))
        for path in named
        if not (path.parent if _PLACEHOLDER.search(path.name) else path).exists()
    ]
    assert sorted(gone) == []


@pytest.mark.parametrize("heading", PICTURES)
def test_every_step_of_a_picture_is_in_its_module(heading: str) -> None:
    steps = [step for part in picture(heading).values() for step in part]
    assert len(steps) > 15
    assert [step for step in steps if step.name not in set(defined(step))] == []


def defined(step: Step) -> Iterator[str]:
    """The functions and classes of a step's module, and the methods of its classes."""
    for node in ast.parse((SOURCE / step.module).read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        if isinstance(node, ast.ClassDef):
            methods = (each for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
            yield from (f"{node.name}.{method.name}" for method in methods)
