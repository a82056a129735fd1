"""When a draft may stand in an input line that shows nothing, and when it cannot."""

import pytest

from roost.daemon.delivery.paste import label
from roost.daemon.session.free_line import Draws, FreeLine
from roost.host.interfaces.terminals import Passed, Presence
from roost.runtimes.view import Composer, View

EMPTY, FILLED = View(Composer.EMPTY), View(Composer.FILLED)
BUSY, DIALOG = View(Composer.EMPTY, busy=True), View(Composer.FILLED, "Allow?")
NOW = 100.0
NOBODY = Presence(0.0, None, NOW)


def typed(at: float, *, joined: float = 60.0, there: bool = True) -> Presence:
    """Somebody who joined then pressed a key last at that time."""
    return Presence(joined, at if there else None, at)


def at_prompt(at: float = 50.0) -> FreeLine:
    """A program that has come to its prompt then."""
    free = FreeLine(40.0)
    free.seen(FILLED, at - 1)
    free.seen(EMPTY, at)
    return free


def test_what_nobody_has_touched_is_free_also_for_a_new_daemon() -> None:
    assert at_prompt().holds(NOBODY, EMPTY, None, NOW)
    assert FreeLine(40.0, ready=True).holds(NOBODY, EMPTY, None, NOW)


@pytest.mark.parametrize("draws", [Draws.UNKNOWN, Draws.NOTHING])
def test_a_key_at_a_prompt_that_proves_nothing_leaves_it_in_doubt(draws: Draws) -> None:
    free = at_prompt()
    free.draws = draws
    assert not free.holds(typed(70.0), EMPTY, 70.0, NOW)
    free.seen(EMPTY, 80.0)
    assert not free.holds(typed(70.0), EMPTY, 70.0, NOW), "the same prompt again is no sign"


@pytest.mark.parametrize(
    ("looks", "free_again"),
    [
        ([(BUSY, 71.0), (EMPTY, 72.0)], True),
        ([(DIALOG, 69.0), (EMPTY, 71.0)], True),
        ([(FILLED, 69.0), (EMPTY, 71.0)], True),
        ([(BUSY, 69.0), (BUSY, 71.0), (EMPTY, 72.0)], False),
    ],
    ids=["a turn after it", "a dialog that took it", "a draft that went away", "typed during a turn"],
)
def test_a_prompt_that_comes_back_after_the_last_key_is_free(
    looks: list[tuple[View, float]], *, free_again: bool
) -> None:
    free = at_prompt()
    for view, at in looks:
        free.seen(view, at)
    assert free.holds(typed(70.0), EMPTY, 70.0, NOW) is free_again


def test_a_turn_that_is_written_down_frees_it_from_the_first_that_was_written_of_it() -> None:
    free = at_prompt()
    free.grew(71.0)
    free.ended(75.0)
    assert free.holds(typed(70.0), EMPTY, 70.0, NOW)
    assert not free.holds(typed(73.0), EMPTY, 73.0, NOW), "typed into that turn"


def test_what_was_written_before_a_new_daemon_came_frees_nothing() -> None:
    free = FreeLine(40.0, ready=True)
    free.seen(EMPTY, 80.0)
    free.grew(80.0)
    free.taken(80.0)
    assert not free.holds(typed(70.0), EMPTY, 70.0, NOW)
    free.seen(EMPTY, 81.0)
    free.taken(81.0)
    assert free.holds(typed(70.0), EMPTY, 70.0, NOW)


def test_who_looks_and_leaves_has_left_no_draft() -> None:
    """A terminal tells when it was read in steps of eight seconds."""
    free = at_prompt()
    assert free.holds(typed(70.0, there=False), EMPTY, 49.0, NOW)
    assert not free.holds(typed(70.0, there=False), EMPTY, 70.0, NOW), "the program has read a key"
    assert not free.holds(typed(70.0, there=False), EMPTY, None, NOW), "it is not known whether it has"
    assert not free.holds(typed(55.0, joined=51.0, there=False), EMPTY, 49.0, NOW), "too soon to tell"
    free.entered(80.0, "60/70", 80.0)
    assert not free.holds(typed(95.0, there=False), EMPTY, 79.0, NOW), "somebody was there before"


@pytest.mark.parametrize(
    ("view", "begins", "ends", "draws"),
    [
        (FILLED, True, True, Draws.PROMPT),
        (FILLED, False, True, Draws.UNKNOWN),
        (View(Composer.EMPTY, draft="[roost message"), True, True, Draws.TEXT),
        (EMPTY, True, True, Draws.UNKNOWN),
        (EMPTY, False, False, Draws.NOTHING),
        (BUSY, False, False, Draws.UNKNOWN),
    ],
    ids=["prompt away", "scrolled away", "behind the prompt", "elsewhere", "nothing", "in a turn"],
)
def test_how_a_paste_shows_tells_what_a_prompt_proves(
    view: View, draws: Draws, *, begins: bool, ends: bool
) -> None:
    free = at_prompt()
    free.note(EMPTY)
    free.drew(view, begins=begins, ends=ends)
    assert free.draws is draws


def test_a_prompt_that_proves_is_believed_and_text_behind_one_is_a_draft() -> None:
    free = at_prompt()
    free.draws = Draws.PROMPT
    assert free.holds(typed(70.0), EMPTY, 70.0, NOW)
    free.draws = Draws.TEXT
    free.note(View(Composer.EMPTY, draft="type here"))
    assert free.holds(typed(70.0), View(Composer.EMPTY, draft="type here"), 70.0, NOW)
    assert not free.holds(typed(70.0), View(Composer.EMPTY, draft="half a thought"), 70.0, NOW)


def test_a_time_before_the_clock_was_set_back_proves_nothing_also_once_it_has_come() -> None:
    """A person's draft was sent with a message: every key counted as earlier, for good."""
    free, draft = at_prompt(60.0), typed(40.0, joined=35.0)
    assert free.holds(NOBODY, EMPTY, None, 30.0), "nobody ever came"
    for now in (45.0, 65.0):
        assert not free.untouched(draft, now)
        assert not free.holds(draft, EMPTY, 40.0, now)
    free.taken(66.0)
    assert free.holds(draft, EMPTY, 40.0, 66.0), "it was taken since"


def test_a_turn_that_began_before_the_clock_was_set_back_proves_nothing() -> None:
    shown, written = at_prompt(), at_prompt()
    for at in (61.0, 31.0):
        shown.seen(BUSY, at)
        written.grew(at)
    shown.seen(EMPTY, 62.0)
    written.ended(62.0)
    for free in (shown, written):
        assert not free.holds(typed(40.0, joined=35.0), EMPTY, 40.0, 62.0), "typed into that turn"


def test_what_an_earlier_daemon_noted_before_the_clock_was_set_back_proves_nothing() -> None:
    free = FreeLine(40.0)
    label.restore(free, Passed("m:1:55/55", "m:1:55/55:660.000:unknown"), 60.0)
    assert not free.holds(typed(59.0, joined=55.0), EMPTY, 59.0, 60.0)
    assert free.holds(typed(55.0, joined=55.0), EMPTY, 59.0, 60.0), "no key since"
