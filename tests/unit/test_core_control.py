"""Playbooks of `interrupt` and `compact` (P7)."""

from roost.core.decide import deadline
from roost.core.sessions.control import BOUND
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import ControlRequest, SessionState
from roost.core.vocabulary.view import shown
from tests.support.playbook import RUNNING, Play


def asked(play: Play) -> ControlRequest:
    performs = [one for one in play.commands if isinstance(one, c.Perform)]
    assert len(performs) == 1
    return performs[0].control


def advice(play: Play) -> str:
    return " ".join(one.text for one in play.commands if isinstance(one, c.Advise))


def working() -> Play:
    play = Play()
    play.busy()
    play.tell(play.seen(SessionState.WORKING))
    return play


def at_prompt() -> Play:
    play = working()
    play.ended()
    play.tell(play.seen(SessionState.IDLE))
    return play


def performed(play: Play, control: ControlRequest, failed: str | None = None) -> list[str]:
    return play.tell(f.Performed(play.session.id, control.at, failed))


def test_P7_interrupt_ends_the_turn_and_tells_the_sender_then_the_queue_goes_on() -> None:
    play = working()
    assert play.submit(2) == ["queued"]
    assert play.tell(r.Interrupt("op")) == ["interrupting"]
    control = asked(play)
    assert play.tell(r.Interrupt("op")) == []
    ended = f.TurnEnded(play.session.id, "record", "interrupted by the operator", interrupted=True)
    assert play.tell(ended) == ["dead-letter", "Notify interrupted"]
    assert play.tell(play.seen(SessionState.IDLE)) == ["idle"]
    assert performed(play, control) == ["interrupted", "offered", "Offer 2"]
    assert performed(play, control) == []


def test_P7_interrupt_of_what_does_not_run_says_so() -> None:
    play = Play()
    assert play.tell(r.Interrupt("op")) == ["Advise"]
    assert "no session" in advice(play)
    play = at_prompt()
    assert play.tell(r.Interrupt("op")) == ["Advise"]
    assert "nothing to interrupt" in advice(play)
    assert play.session.control is None
    assert Play(runtime="human").tell(r.Interrupt("op")) == ["Refuse RefusedError"]
    starting = Play()
    starting.submit()
    assert starting.tell(r.Interrupt("op")) == ["Refuse RefusedError"]


def test_P7_a_failed_interrupt_is_told_and_leaves_the_turn_alone() -> None:
    play = working()
    play.tell(r.Interrupt("op"))
    assert performed(play, asked(play), "it hangs") == ["not-interrupted"]
    assert play.session.control is not None
    assert play.session.control.failed == "it hangs"
    assert play.ended() == ["done"]


def test_P7_compact_begins_at_the_prompt_and_the_queue_waits() -> None:
    play = at_prompt()
    assert play.tell(r.Compact("op")) == ["compacting"]
    control = asked(play)
    assert play.submit(2) == ["queued"]
    assert "a message waits: it was asked by op at " in shown(play.state, play.now).why
    assert play.tell(f.Tick(), after=100) == []
    assert performed(play, control) == ["compacted", "offered", "Offer 2"]


def test_P7_compact_waits_for_the_turn_and_is_given_up_after_a_bound() -> None:
    play = working()
    assert play.tell(r.Compact("op")) == ["compacting"]
    assert not any(isinstance(one, c.Perform) for one in play.commands)
    assert play.ended() == ["done"]
    play.tell(play.seen(SessionState.IDLE))
    assert asked(play).begun
    play = working()
    play.tell(r.Compact("op"))
    assert deadline(play.state, play.now) == play.now + BOUND
    assert play.tell(f.Tick(), after=BOUND) == ["not-compacted"]
    assert play.session.control is not None
    assert "not at its prompt" in (play.session.control.failed or "")


def test_P7_an_interrupt_takes_the_place_of_a_compaction_that_runs() -> None:
    play = at_prompt()
    play.tell(r.Compact("op"))
    first = asked(play)
    play.now += 1
    assert play.tell(r.Interrupt("op")) == ["interrupting"]
    second = asked(play)
    assert performed(play, first) == []
    assert play.tell(r.Compact("op")) == ["Refuse RefusedError"]
    assert performed(play, second) == ["interrupted"]


def test_P7_what_cannot_be_compacted_is_refused_with_a_way_out() -> None:
    assert Play().tell(r.Compact("op")) == ["Refuse RefusedError"]
    assert Play(runtime="human").tell(r.Compact("op")) == ["Refuse RefusedError"]
    play = at_prompt()
    play.policy = Policy({"demo": Traits(compacts=False)})
    assert play.tell(r.Compact("op")) == ["Refuse RefusedError"]
    (refused,) = [one for one in play.commands if isinstance(one, c.Refuse)]
    assert "compact" in refused.error.message
    assert "roost restart p" in refused.error.message


def test_P7_what_only_a_person_runs_is_not_to_be_woken_for_that() -> None:
    play = Play(wake=WakePolicy.NEVER)
    assert play.tell(r.Compact("op")) == ["Refuse RefusedError"]
    (refused,) = [one for one in play.commands if isinstance(one, c.Refuse)]
    assert "`roost run p`" in refused.error.message
    assert "roost wake" not in refused.error.message


def test_a_control_request_ends_with_its_session() -> None:
    play = at_prompt()
    play.tell(r.Compact("op"))
    control = asked(play)
    play.submit(2)
    assert play.died() == ["stopped(crashed)"]
    assert play.tell(f.Tick(), after=1)[-1] == "Launch"
    play.tell(f.Launched(play.session.id, RUNNING))
    assert play.session.control is None
    assert performed(play, control) == []
