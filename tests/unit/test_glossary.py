"""docs/glossary.md: its words are the code's, the code's modules are called by its words."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.glossary import PAGE, ROOT, SOURCE, Line, lines, names_in, parts

LINES = lines(PAGE.read_text())
WORDS = {part for line in LINES for word in line.words for part in parts(word)}
MODULES = [
    path.relative_to(SOURCE)
    for room in ("core", "daemon")
    for path in sorted((SOURCE / room).rglob("*.py"))
    if not path.stem.startswith("__")
]


def test_each_word_stands_there_once() -> None:
    words = [word for line in LINES for word in line.words]
    assert len(LINES) > 100
    assert sorted(words) == sorted(set(words))


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.words[0])
def test_each_word_is_one_that_the_code_uses(line: Line) -> None:
    assert [name for name in line.names if name not in names_in(line.room)] == []
    used = {part for name in line.names for part in parts(name)}
    assert used & {part for word in line.words for part in parts(word)}, "no name in the code says the word"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_each_module_is_called_by_words_of_the_glossary(module: Path) -> None:
    """No module is let off: who invents a word for one has to say what it means."""
    named = {Path(line.room, name) for line in LINES for name in line.names}
    mentions = {room / module.stem for room in module.parents}
    assert parts(module.stem) <= WORDS or mentions & named, f"'{module.stem}' has no line in docs/glossary.md"
