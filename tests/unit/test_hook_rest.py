"""How long a program has rested: what its turn was given stands in its record by then (17)."""

from typing import Any, cast

from roost.core.vocabulary.session import SessionState
from roost.daemon.delivery.hook.rest import Rest
from roost.daemon.session.live_sessions import LiveSession
from roost.host.memory.clock import VirtualClock
from roost.runtimes.view import Reading

IDLE, WORKING = Reading(SessionState.IDLE, "at its prompt"), Reading(SessionState.WORKING, "in a turn")


def live() -> LiveSession:
    nothing = cast("Any", None)
    return LiveSession(nothing, nothing, nothing, nothing, agent_pid=1)


async def test_17_a_rest_lasts_until_it_works_again_or_cannot_be_seen() -> None:
    clock = VirtualClock()
    rest = Rest(live(), clock)
    assert rest.lasts(IDLE) == 0
    await clock.advance(2)
    assert rest.lasts(IDLE) == 2
    assert rest.lasts(None) == 0
    assert rest.lasts(IDLE) == 0
    await clock.advance(1)
    assert rest.lasts(WORKING) == 0
    assert rest.lasts(IDLE) == 0


async def test_17_the_end_of_a_turn_stays_as_long_ago_though_the_next_one_hides_it() -> None:
    clock, session = VirtualClock(), live()
    session.turns_over = 3
    rest = Rest(session, clock)
    assert rest.ago(WORKING) == 0
    await clock.advance(5)
    assert rest.ago(WORKING) == 0
    session.turns_over += 1
    assert rest.ago(WORKING) == 0
    await clock.advance(1)
    session.turns_over += 1
    assert rest.ago(WORKING) == 1
    await clock.advance(1)
    assert rest.ago(IDLE) == 2


async def test_17_a_rest_before_the_turn_is_no_end_of_it() -> None:
    """The status file may be late: what a prompt's hook was given comes with the turn that begins."""
    clock = VirtualClock()
    rest = Rest(live(), clock)
    rest.ago(IDLE)
    await clock.advance(1)
    rest.ago(WORKING)
    await clock.advance(9)
    assert rest.ago(WORKING) == 0
