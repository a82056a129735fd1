"""Turns that fail because the model's service does."""

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.view import shown
from tests.support.playbook import Play


def test_N4_an_outage_of_the_model_costs_no_message() -> None:
    """It is driven again until the service answers."""
    play = Play()
    play.busy()
    assert play.ended("529 overloaded", outage=True) == ["Notify waits"]
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
        assert play.ended("529 overloaded", outage=True) == []
    play.tell(f.Tick(), after=300)
    play.taken()
    assert play.ended() == ["done"]


def test_an_outage_of_the_model_has_an_end() -> None:
    play = Play()
    play.busy()
    for _ in range(play.policy.outage_tries - 1):
        play.ended("401", outage=True)
        play.tell(f.Tick(), after=play.policy.outage_retry_most)
        play.taken()
    assert play.ended("401", outage=True)[0] == "dead-letter"
