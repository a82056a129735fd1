"""How long a program has rested: what its turn was given stands in its record by then (17)."""

from roost.core.vocabulary.session import SessionState
from roost.daemon.delivery.hook.rest import Rest
from roost.host.memory.clock import VirtualClock
from roost.runtimes.view import Reading

IDLE, WORKING = Reading(SessionState.IDLE, "at its prompt"), Reading(SessionState.WORKING, "in a turn")


async def test_17_a_rest_lasts_until_it_works_again_or_cannot_be_seen() -> None:
    clock = VirtualClock()
    rest = Rest(clock)
    assert rest.lasts(IDLE) == 0
    await clock.advance(2)
    assert rest.lasts(IDLE) == 2
    assert rest.lasts(None) == 0
    assert rest.lasts(IDLE) == 0
    await clock.advance(1)
    assert rest.lasts(WORKING) == 0
    assert rest.lasts(IDLE) == 0


async def test_17_the_end_of_a_turn_stays_as_long_ago_though_another_one_follows() -> None:
    clock = VirtualClock()
    rest = Rest(clock)
    rest.ago(WORKING)
    await clock.advance(5)
    assert rest.ago(WORKING) == 0
    assert rest.ago(IDLE) == 0
    await clock.advance(1)
    assert rest.ago(WORKING) == 1
    await clock.advance(1)
    assert rest.ago(IDLE) == 2


async def test_17_a_rest_before_the_turn_is_no_end_of_it() -> None:
    """The status file may be late: what a prompt's hook was given comes with the turn that begins."""
    clock = VirtualClock()
    rest = Rest(clock)
    rest.ago(IDLE)
    await clock.advance(1)
    rest.ago(WORKING)
    await clock.advance(9)
    assert rest.ago(WORKING) == 0
