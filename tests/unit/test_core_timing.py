"""`--when now|next|idle`: what a busy, an idle and a sleeping peer get, and in which order."""

from roost.core import commands as c
from roost.core import events as e
from roost.core.message import MessageState, Timing
from roost.core.peer import WakeMode, WakePolicy
from roost.core.session import Cause
from tests.unit.test_core_decide import Play

NOW, IDLE = Timing.NOW, Timing.IDLE


def order(play: Play) -> list[int]:
    """Which messages are handed over one after another, from now on."""
    offered: list[int] = []
    while play.state.messages:
        flight = play.state.in_flight
        if flight is None:
            return offered
        offered.append(int(flight.id, 16))
        play.taken(offered[-1])
        play.ended()
    return offered


def test_a_busy_agent_gets_what_is_urgent_next_and_the_rest_in_order_and_then_what_can_wait() -> None:
    play = Play()
    play.busy()
    for number, timing in enumerate([IDLE, Timing.NEXT, NOW, Timing.NEXT, IDLE, NOW], 2):
        assert play.submit(number, timing=timing) == ["queued"], "a running turn is not broken into"
    assert play.ended() == ["done", "offered", "Offer 4"]
    assert order(play) == [4, 7, 3, 5, 2, 6]


def test_what_can_wait_wakes_nobody_and_its_sender_is_told() -> None:
    play = Play()
    assert play.submit(1, timing=IDLE) == ["queued", "Advise"]
    (advice,) = (each for each in play.commands if isinstance(each, c.Advise))
    assert "sleeps" in advice.text
    assert play.tell(e.Tick(), after=3600) == []
    assert play.submit(2) == ["queued", "starting(first-wake)", "Launch"]
    assert play.ready() == ["ready", "offered", "Offer 2"]
    assert order(play) == [2, 1]


def test_what_can_wait_goes_to_a_session_that_an_operator_wakes() -> None:
    play = Play()
    play.submit(1, timing=IDLE)
    play.tell(e.Wake(WakeMode.NATURAL, "op"))
    assert play.ready() == ["ready", "offered", "Offer 1"]


def test_an_ephemeral_peer_has_an_idle_session_for_each_task() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    assert play.submit(1, timing=IDLE) == ["queued", "starting(ephemeral)", "Launch"]
    assert play.ready() == ["ready", "offered", "Offer 1"]


def test_a_turn_that_was_cut_off_goes_on_before_anything_urgent_begins() -> None:
    play = Play()
    play.busy()
    play.submit(2, timing=NOW)
    play.died(Cause.CRASHED)
    play.tell(e.Tick(), after=5)
    play.ready()
    assert order(play) == [1, 2]


def test_what_can_wait_expires_and_is_cut_and_driven_again_like_any_other() -> None:
    play = Play()
    play.submit(1, timing=IDLE, expires_at=play.now + 5)
    assert play.tell(e.Tick(), after=5) == ["expired", "Notify expired"]
    play.tell(e.Wake(WakeMode.NATURAL, "op"))
    play.ready()
    play.submit(2, timing=IDLE)
    play.taken(2)
    assert sorted(play.died()) == ["Notify interrupted", "stopped(crashed)"]
    assert play.message(2).state is MessageState.ACCEPTED
    assert play.tell(e.Tick(), after=5) == ["starting(redrive)", "Launch"]
