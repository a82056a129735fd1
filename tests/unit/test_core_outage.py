"""Turns that fail because the model's service does."""

import pytest

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.session import Cause
from roost.core.vocabulary.view import shown
from roost.faults import Fault
from tests.support.playbook import Play, mail


def test_N4_an_outage_of_the_model_costs_no_message() -> None:
    """It is driven again until the service answers."""
    play = Play()
    play.busy()
    assert play.ended("529 overloaded", fault=Fault.SERVICE) == ["Notify waits"]
    for wait in (5, 15, 45, 135, 300, 300):
        view = shown(play.state, play.now)
        assert (view.state, "its model fails: 529 overloaded; asked again at" in view.why) == (
            "blocked",
            True,
        )
        assert play.tell(f.Tick(), after=wait - 1) == []
        assert play.tell(f.Tick(), after=1) == ["offered", "Redrive 1"]
        assert shown(play.state, play.now).state == "idle"
        play.taken()
        assert play.ended("529 overloaded", fault=Fault.SERVICE) == []
    play.tell(f.Tick(), after=300)
    play.taken()
    assert play.ended() == ["done"]


def test_C7_a_model_that_is_not_there_ends_no_conversation_and_costs_no_message() -> None:
    play = Play()
    for number in (1, 2):
        play.submit(number)
    play.ready()
    for _ in range(5):
        play.taken()
        play.ended("404 the model does not exist", fault=Fault.SERVICE)
        play.tell(f.Tick(), after=play.policy.outage_retry_most)
    assert play.session.ending is None
    assert play.session.refusal is None
    assert len(play.state.messages) == 2
    play.taken()
    play.ended()
    assert [message.id for message in play.state.messages] == [f"{2:032x}"]


def test_an_outage_of_the_model_has_an_end() -> None:
    play = Play()
    play.busy()
    for _ in range(play.policy.outage_tries - 1):
        play.ended("401", fault=Fault.SERVICE)
        play.tell(f.Tick(), after=play.policy.outage_retry_most)
        play.taken()
    assert play.ended("401", fault=Fault.SERVICE)[0] == "dead-letter"


@pytest.mark.parametrize(
    ("event", "outcome"),
    [(r.Drop(mail().id, "op"), "dropped"), (f.Tick(), "expired")],
    ids=["drop", "expiry"],
)
def test_P4_N1_a_task_that_ends_between_two_tries_is_told_of_once_and_keeps_no_queue(
    event: Event, outcome: str
) -> None:
    play = Play(wake=WakePolicy.EPHEMERAL, silence=600.0)
    play.submit(expires_at=play.now + 4)
    play.ready()
    play.taken()
    play.ended("529 overloaded", fault=Fault.SERVICE)
    play.submit(2)
    assert play.tell(event, after=4)[-1] == f"Notify {outcome}"
    assert play.tell(f.Tick(), after=2) == ["stopping(ephemeral-done)", "End ephemeral-done guarded"]
    assert play.died(Cause.EPHEMERAL_DONE) == ["stopped(ephemeral-done)", "starting(ephemeral)", "Launch"]
    assert not any(isinstance(command, c.Notify) for command in play.commands)
