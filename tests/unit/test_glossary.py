"""docs/glossary.md: its words are the code's, the code's modules are called by its words."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.support.glossary import PAGE, ROOT, SOURCE, lines, names_in, parts

LINES = lines(PAGE.read_text())
WORDS = {part for line in LINES for word in line.words for part in parts(word)}
FOR_USERS = [
    ROOT / "README.md",
    ROOT / "docs/tutorial.md",
    *(ROOT / "docs/how-to").glob("*.md"),
    *(ROOT / "docs/reference").glob("*.md"),
]
PLAIN = {part for page in FOR_USERS for part in parts(page.read_text())}
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


def test_each_name_beside_a_word_stands_in_the_code_of_its_room() -> None:
    found = [
        f"{line.words[0]}: {name}" for line in LINES for name in line.names if name not in names_in(line.room)
    ]
    assert found == []


def test_each_word_is_one_that_the_code_uses() -> None:
    """Some name beside it says a part of it."""
    unused = [
        line.words[0]
        for line in LINES
        if not {part for name in line.names for part in parts(name)}
        & {part for word in line.words for part in parts(word)}
    ]
    assert unused == []


def test_each_module_is_called_by_plain_words_or_by_words_of_the_glossary() -> None:
    """Plain is what the pages for users say. Who calls a module by another word has to say what it means."""
    named = {Path(line.room, name) for line in LINES for name in line.names}
    without_a_line = [
        str(module)
        for module in MODULES
        if parts(module.stem) - WORDS - PLAIN and not {room / module.stem for room in module.parents} & named
    ]
    assert without_a_line == []


# Words that this code had for things for which the field has a word.
_RETIRED = re.compile(r"undertaker|autops|errand|census|glance|burial|buried|bury\b")
_RETIRED_NAMES = {"keeper", "standing", "remains", "handing", "lives", "bearing"}
_NAME_THEM = {
    "src/roost/store/migrations/0006.sql",  # renames one in stores that have it
    "tests/integration/test_store_migrations.py",
    "tests/unit/test_glossary.py",
}


def _texts() -> Iterator[tuple[str, str]]:
    for folder in ("src", "tests", "docs", "scripts"):
        for path in sorted((ROOT / folder).rglob("*")):
            name = str(path.relative_to(ROOT))
            if path.is_file() and path.suffix != ".pyc" and name not in _NAME_THEM:
                yield name, path.read_text(errors="replace")


def test_retired_words_are_gone() -> None:
    found = [
        f"{name}: {match.group()}" for name, text in _texts() for match in _RETIRED.finditer(text.lower())
    ]
    assert found == []


def test_retired_names_are_no_modules_and_no_classes() -> None:
    found: list[str] = []
    for name, text in _texts():
        if name.startswith("src/") and name.endswith(".py"):
            classes = re.findall(r"^class (\w+)", text, re.MULTILINE)
            said = {word.lower() for each in classes for word in re.findall(r"[A-Z][a-z]+", each)}
            found += [f"{name}: {word}" for word in _RETIRED_NAMES & {*said, Path(name).stem}]
    assert found == []
