"""C7: a conversation that the model refuses is left; a message that is to blame itself is given up."""

import pytest

from roost.core.decide import deadline
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.message import Message, MessageState, Notice, Timing
from roost.core.vocabulary.peer import ResumePolicy, WakeMode, WakePolicy
from roost.core.vocabulary.session import Cause, SessionState, WakeCause
from roost.core.vocabulary.view import shown
from roost.faults import Fault
from tests.support.playbook import Play

WORDS = "API Error: 400 no"


def found(play: Play, number: int) -> Message | None:
    return play.state.message(f"{number:032x}")


def fail(play: Play, number: int, *, twice: bool = False) -> list[str]:
    """The turn of the message fails; with `twice`, its second one, too."""
    play.taken(number)
    words = play.ended(WORDS)
    if twice:
        play.tell(f.Tick(), after=5)
        words += fail(play, number)
    return words


def poisoned() -> Play:
    """The first message has failed twice, and the second one once."""
    play = Play(resume=ResumePolicy.ALWAYS)
    for number in (1, 2, 3):
        play.submit(number)
    play.ready()
    fail(play, 1, twice=True)
    assert found(play, 1) is None
    return play


def test_C7_the_second_message_that_fails_ends_the_conversation_and_is_kept() -> None:
    play = poisoned()
    old = play.session.conversation
    assert fail(play, 2) == [
        "Notify conversation refused",
        "stopping(conversation-refused)",
        "End conversation-refused",
    ]
    assert [message.state for message in play.state.messages] == [MessageState.QUEUED] * 2
    assert play.died(Cause.UNKNOWN) == [
        "stopped(conversation-refused)",
        "starting(conversation-refused)",
        "Launch",
    ]
    peer = play.state.peer
    assert (peer.deaths, peer.failures, peer.quarantine) == ((), 0, None)
    assert not play.session.resumed
    assert play.session.conversation != old
    play.ready()
    play.taken(2)
    play.ended()
    play.taken(3)
    play.ended()
    assert not play.state.messages
    assert play.state.peer.refusals == 0


@pytest.mark.parametrize("blame", [Blame.SETUP, Blame.PROGRAM])
def test_C7_it_stays_left_where_the_next_one_cannot_be_started(blame: Blame) -> None:
    play = poisoned()
    fail(play, 2)
    play.died(Cause.UNKNOWN)
    play.tell(f.BootFailed(play.session.id, "no program", blame))
    play.died(Cause.UNKNOWN)
    assert play.state.peer.left_refused
    assert play.tell(r.Wake(WakeMode.RESUME, "op")) == ["Refuse RefusedError"]
    play.tell(f.Tick(), after=60)
    assert (play.session.wake, play.session.resumed) == (WakeCause.CONVERSATION_REFUSED, False)


def test_C7_it_is_shown_before_it_is_sure_and_after() -> None:
    play = poisoned()
    play.taken(2)
    assert play.session.refusal is not None
    play = Play()
    play.busy()
    play.ended(WORDS)
    play.tell(f.Tick(), after=5)
    fail(play, 1)
    play.tell(play.seen(play.session.state))
    assert f"its model refused its latest turn: {WORDS}" in shown(play.state, play.now).why
    play.tell(r.Rest("op"))
    play.died()
    assert f"its model refused its latest turn: {WORDS}" in shown(play.state, play.now).why


def test_C7_an_answer_in_between_clears_it() -> None:
    play = poisoned()
    play.taken(2)
    play.ended()
    assert play.session.refusal is None
    fail(play, 3)
    assert play.state.session is not None
    assert play.session.ending is None


def test_C7_messages_of_one_turn_are_one_failure() -> None:
    play = Play()
    play.policy = type(play.policy)({"demo": type(play.policy.of("demo"))(steers=True)})
    play.busy()
    play.tell(play.seen(SessionState.WORKING))
    play.submit(2, timing=Timing.NOW)
    play.taken(2)
    play.ended(WORDS)
    assert play.session.ending is None
    assert play.session.refusal is not None


@pytest.mark.parametrize("what", ["outage", "interrupt", "unknown"])
def test_C7_a_failing_service_a_person_and_what_nobody_knows_tell_nothing(what: str) -> None:
    play = poisoned()
    play.taken(2)
    fault = {"outage": Fault.SERVICE, "interrupt": Fault.REQUEST, "unknown": Fault.UNKNOWN}[what]
    before = play.session.refusal
    play.tell(f.TurnEnded(play.session.id, "record", "no", interrupted=what == "interrupt", fault=fault))
    assert play.session.ending is None
    assert play.session.refusal == before


def test_C7_it_survives_sleep_and_restart_with_the_conversation() -> None:
    play = Play(resume=ResumePolicy.ALWAYS)
    play.submit(1)
    play.ready()
    fail(play, 1, twice=True)
    play.tell(r.Rest("op"))
    play.died()
    play.submit(2)
    assert play.session.resumed
    play.ready()
    assert "stopping(conversation-refused)" in fail(play, 2)


def test_C7_a_message_that_is_the_poison_itself_is_given_up_after_its_second_failure() -> None:
    play = poisoned()
    fail(play, 2)
    play.died(Cause.UNKNOWN)
    play.ready()
    words = fail(play, 2)
    assert words[:2] == ["dead-letter", "Notify failed"]
    assert play.session.ending is None, "one message alone proves nothing about the new conversation"
    assert "stopping(conversation-refused)" in fail(play, 3)


def test_C7_conversations_that_are_refused_one_after_another_wait() -> None:
    """A model that refuses whatever it is asked: each message has its two turns, with a growing pause."""
    play = Play()
    for number in range(1, 9):
        play.submit(number)
    play.ready()
    fail(play, 1, twice=True)
    waits: list[float] = []
    for number in range(2, 8):
        fail(play, number)
        play.died(Cause.UNKNOWN)
        if play.state.session is None:
            assert "left its conversation: its conversation is refused" in shown(play.state, play.now).why
            at = deadline(play.state, play.now)
            assert at is not None
            waits.append(at - play.now)
            play.tell(f.Tick(), after=waits[-1])
        play.ready()
        fail(play, number)
        assert found(play, number) is None
    assert waits == [4, 8, 16, 32, 60]


def test_C7_refresh_begins_a_fresh_conversation_for_what_comes_next() -> None:
    play = Play(resume=ResumePolicy.ALWAYS)
    play.busy()
    play.ended(WORDS)
    play.tell(f.Tick(), after=5)
    fail(play, 1)
    play.tell(play.seen(SessionState.IDLE))
    assert play.tell(r.Refresh("op")) == [
        "fresh-next",
        "stopping(conversation-refused)",
        "End conversation-refused",
    ]
    play.died(Cause.UNKNOWN)
    assert play.submit(2)[-1] == "Launch"
    assert not play.session.resumed
    assert not play.state.peer.fresh_next


def test_C7_a_session_that_answers_is_not_ended_by_refresh() -> None:
    play = Play()
    play.busy()
    play.ended()
    assert play.tell(r.Refresh("op")) == ["fresh-next"]


def test_C7_an_operators_resume_does_not_go_back_to_a_refused_conversation() -> None:
    play = poisoned()
    old = play.session.conversation
    fail(play, 2)
    play.tell(r.Wake(WakeMode.RESUME, "op"))
    play.died(Cause.UNKNOWN)
    assert (play.session.wake, play.session.resumed) == (WakeCause.CONVERSATION_REFUSED, False)
    assert play.session.conversation != old


def test_C7_a_resume_that_cannot_be_is_refused_aloud() -> None:
    play = Play()
    play.submit(1)
    play.ready()
    fail(play, 1, twice=True)
    play.tell(play.seen(SessionState.IDLE), r.Refresh("op"))
    play.died(Cause.UNKNOWN)
    assert play.tell(r.Wake(WakeMode.RESUME, "op")) == ["Refuse RefusedError"]
    assert play.tell(r.Wake(WakeMode.NATURAL, "op"))[-1] == "Launch"


def test_C7_a_session_that_is_stopped_meanwhile_shows_no_body_twice() -> None:
    play = poisoned()
    play.taken(2)
    conversation = play.session.conversation
    play.tell(r.Stop("op"))
    play.ended(WORDS)
    play.died(Cause.UNKNOWN)
    play.tell(r.Start("op"))
    assert (play.session.conversation, play.session.wake) == (conversation, WakeCause.REDRIVE)
    play.ready()
    assert play.tell(f.Tick(), after=5) == ["offered", "Redrive 2"]
    assert "stopping(conversation-refused)" in fail(play, 2)
    play.died(Cause.UNKNOWN)
    play.ready()
    play.taken(3)
    play.ended()
    assert not play.state.messages


def test_C7_another_topic_keeps_its_own_conversation() -> None:
    play = Play(pool=2, resume=ResumePolicy.ALWAYS)
    play.submit(1, topic="good")
    play.ready()
    play.taken(1)
    play.ended()
    good = play.session.conversation
    play.submit(2, topic="bad")
    play.submit(3, topic="bad")
    play.ready()
    fail(play, 2, twice=True)
    fail(play, 3)
    play.died(Cause.UNKNOWN)
    assert (play.session.topic, play.session.wake) == ("bad", WakeCause.CONVERSATION_REFUSED)
    assert [session.conversation for session in play.state.pool] == [good]


def test_C7_a_task_has_a_conversation_of_its_own() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL, silence=1e6)
    play.submit(1)
    play.ready()
    play.taken(1)
    play.ended(WORDS)
    assert play.session.ending is None


def test_C7_P4_a_task_that_was_given_up_holds_up_no_other_for_the_bound_of_silence() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL, silence=1e6)
    for number in (1, 2):
        play.submit(number)
    play.ready()
    fail(play, 1, twice=True)
    play.tell(play.seen(SessionState.IDLE))
    words = play.submit(9, sender="roost", notice=Notice("x", "died", "why"))
    assert words == ["notice"], "it would be lost in a conversation that is refused"
    assert play.tell(f.Tick(), after=30)[-1] == "End ephemeral-done guarded"


def test_C7_a_conversation_that_a_person_began_is_another_one() -> None:
    play = poisoned()
    play.tell(f.Observed(play.session.id, SessionState.IDLE, "at its prompt", "another"))
    fail(play, 2)
    assert play.session.ending is None


def test_C7_an_id_that_becomes_known_is_no_other_conversation() -> None:
    play = Play()
    play.policy = type(play.policy)({"demo": type(play.policy.of("demo"))(chooses_conversation=False)})
    play.submit(1)
    play.submit(2)
    play.ready()
    fail(play, 1, twice=True)
    play.tell(f.Observed(play.session.id, SessionState.IDLE, "at its prompt", "c"))
    assert "stopping(conversation-refused)" in fail(play, 2)


def test_C7_refresh_cuts_no_turn_short_to_leave_a_conversation() -> None:
    play = Play()
    play.submit(1)
    play.ready()
    fail(play, 1, twice=True)
    assert play.submit(2) == ["queued", "offered", "Offer 2"]
    assert play.tell(r.Refresh("op")) == ["fresh-next"], "its model has not refused this one"
    play.taken(2)
    assert play.ended() == ["done"]
