"""The sequence of a queue: as a tuple, but that adding to it copies nothing."""

import tracemalloc
from collections.abc import Sequence

import pytest

from roost.core.vocabulary.growing import added


def grown(*items: int) -> Sequence[int]:
    made: Sequence[int] = ()
    for item in items:
        made = added(made, item)
    return made


def test_it_is_as_a_tuple_of_the_same_items() -> None:
    made = grown(1, 2, 3)

    assert made == (1, 2, 3)
    assert [each for each in [(1, 2, 3)] if each == made]
    assert made == grown(1, 2, 3)
    assert made not in ((1, 2), (1, 2, 4), [1, 2, 3])
    assert (len(made), made[0], made[-1], made[1:], list(reversed(made))) == (3, 1, 3, (2, 3), [3, 2, 1])
    assert hash(made) == hash((1, 2, 3))
    assert repr(made) == "(1, 2, 3)"
    for beyond in (3, -4):
        with pytest.raises(IndexError):
            made[beyond]


def test_what_was_there_before_an_addition_stays_as_it_was() -> None:
    before = grown(1, 2)
    passing = iter(before)
    after = added(before, 3)

    assert (before, after) == ((1, 2), (1, 2, 3))
    assert list(passing) == [1, 2]
    assert (before[-1], before[1:]) == (2, (2,))
    with pytest.raises(IndexError):
        before[2]


def test_two_additions_to_the_same_items_know_nothing_of_each_other() -> None:
    before = grown(1)
    one = added(before, 2)
    other = added(before, 3)

    assert (before, one, other) == ((1,), (1, 2), (1, 3))
    assert (added(one, 4), added(other, 5)) == ((1, 2, 4), (1, 3, 5))


def test_an_addition_to_a_tuple_leaves_it_alone() -> None:
    stored = (1, 2)

    assert added(stored, 3) == (1, 2, 3)
    assert stored == (1, 2)


def test_adding_copies_nothing_however_long_it_is() -> None:
    made = grown(*range(10_000))
    tracemalloc.start()
    try:
        kept: list[Sequence[int]] = []
        for item in range(1000):
            made = added(made, item)
            kept.append(made)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert [len(each) for each in kept] == list(range(10_001, 11_001))
    assert most < 1_000_000, "a thousand copies of 80 KB are 80 MB"
