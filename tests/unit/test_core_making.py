"""Values that are made quickly are those that `dataclasses` makes."""

from dataclasses import FrozenInstanceError, dataclass, field, fields

import pytest

from roost.core.vocabulary.commands import Journal
from roost.core.vocabulary.making import quickly_made
from roost.core.vocabulary.message import Message
from roost.daemon.serve.sending.draft import Draft
from roost.store.records import JournalRow


@dataclass(frozen=True, slots=True)
class Plain:
    name: str
    size: int = 3
    lines: list[str] = field(default_factory=list[str])


@quickly_made
@dataclass(frozen=True, slots=True)
class Quick:
    name: str
    size: int = 3
    lines: list[str] = field(default_factory=list[str])


def test_it_takes_what_its_class_takes() -> None:
    for plain, quick in (
        (Plain("a"), Quick("a")),
        (Plain("a", 4), Quick("a", 4)),
        (Plain(size=5, name="b", lines=["x"]), Quick(size=5, name="b", lines=["x"])),
        (Plain("a", 4, []), Quick("a", 4, [])),
    ):
        assert [getattr(quick, each.name) for each in fields(Quick)] == [
            getattr(plain, each.name) for each in fields(Plain)
        ]
    assert Quick("a") == Quick("a", 3, [])
    assert repr(Quick("a")) == "Quick(name='a', size=3, lines=[])"


def test_each_has_a_list_of_its_own() -> None:
    one, other = Quick("a"), Quick("b")
    one.lines.append("x")

    assert other.lines == []


def test_what_it_does_not_take_is_an_error() -> None:
    for wrong in ({}, {"name": "a", "other": 1}):
        with pytest.raises(TypeError):
            Quick(**wrong)  # pyright: ignore[reportArgumentType]
    with pytest.raises(TypeError):
        Quick("a", 1, [], 2)  # pyright: ignore[reportCallIssue]


@pytest.mark.parametrize("kind", [Quick, Message, Journal, JournalRow, Draft])
def test_it_stays_frozen_and_has_all_its_fields(kind: type) -> None:
    names = [each.name for each in fields(kind)]
    value = kind(**{name: name for name in names})

    assert [getattr(value, name) for name in names] == names
    with pytest.raises(FrozenInstanceError):
        setattr(value, names[0], "another")
