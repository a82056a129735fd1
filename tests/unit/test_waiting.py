"""How often a test that waits asks: often at first, and never so seldom that it sees little."""

import itertools
from collections.abc import Iterator

from tests.support import wait


def times(seconds: float) -> Iterator[float]:
    """When it asks."""
    at, pause = 0.0, wait._FIRST_PAUSE
    while at < seconds:
        yield at
        at += pause
        pause = wait._next_pause(pause, at)


def test_a_wait_of_seconds_asks_no_more_than_twelve_times_for_each() -> None:
    assert [len(list(times(seconds))) <= 12 * seconds for seconds in (2.5, 4, 10, 60)] == [True] * 4


def test_no_pause_is_longer_than_a_fifth_of_a_second_and_the_first_ones_are_short() -> None:
    asked = list(times(60))
    pauses = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert max(pauses) < 0.2001
    assert max(pause for at, pause in zip(asked, pauses, strict=False) if at < 0.3) < 0.0501
