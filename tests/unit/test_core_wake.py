"""The wake table, row by row: the first match wins (P3)."""

import pytest
from msgspec.structs import replace

from roost.core.sessions.wake import WakeDecision, decide_wake
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.limits import EARLIER_KEPT
from roost.core.vocabulary.peer import LastDeath, Peer, ResumePolicy, Settings, WakeMode, WakePolicy
from roost.core.vocabulary.session import Cause, SessionState, WakeCause
from tests.support.playbook import Play

PARKED = LastDeath(Cause.IDLE_SLEEP, 1.0, cut=False)
REFUSED = LastDeath(Cause.CONVERSATION_REFUSED, 1.0, cut=False)
CRASHED = LastDeath(Cause.CRASHED, 1.0, cut=False)
PEER = Peer("p", "5eed", Settings("/", "demo"), 1.0, conversation="c", last_death=PARKED, topics=("t",))
ALWAYS = replace(PEER.settings, resume=ResumePolicy.ALWAYS)
NEVER = replace(PEER.settings, resume=ResumePolicy.NEVER)
EPHEMERAL = replace(PEER.settings, wake=WakePolicy.EPHEMERAL)

ROWS = {
    "1 operator-fresh before all": (
        {"fresh_next": True},
        WakeMode.FRESH,
        "t",
        True,
        False,
        WakeCause.OPERATOR_FRESH,
    ),
    "2 operator-resume before marks": (
        {"fresh_next": True, "resume_failed": True},
        WakeMode.RESUME,
        None,
        False,
        True,
        WakeCause.OPERATOR_RESUME,
    ),
    "a failed resume before refresh": (
        {"resume_failed": True, "fresh_next": True},
        WakeMode.NATURAL,
        "t",
        True,
        False,
        WakeCause.RESUME_FAILED,
    ),
    "2 refused before an operator's resume": (
        {"last_death": REFUSED},
        WakeMode.RESUME,
        "t",
        True,
        False,
        WakeCause.CONVERSATION_REFUSED,
    ),
    "2 refused before redrive": (
        {"last_death": REFUSED, "settings": ALWAYS},
        WakeMode.NATURAL,
        "t",
        True,
        False,
        WakeCause.CONVERSATION_REFUSED,
    ),
    "3 refresh before ephemeral": (
        {"fresh_next": True, "settings": EPHEMERAL},
        WakeMode.NATURAL,
        "t",
        True,
        False,
        WakeCause.REFRESH,
    ),
    "4 ephemeral before redrive": (
        {"settings": EPHEMERAL},
        WakeMode.NATURAL,
        "t",
        True,
        False,
        WakeCause.EPHEMERAL,
    ),
    "5 never ran": ({"last_death": None}, WakeMode.NATURAL, "t", False, False, WakeCause.FIRST_WAKE),
    "6 crashed in a turn": ({"last_death": CRASHED}, WakeMode.NATURAL, None, True, True, WakeCause.REDRIVE),
    "6 parked in a turn": ({}, WakeMode.NATURAL, None, True, True, WakeCause.REDRIVE),
    "7 crashed between turns": (
        {"last_death": CRASHED, "settings": ALWAYS},
        WakeMode.NATURAL,
        "t",
        False,
        False,
        WakeCause.CRASH_OR_SELF_CLOSE,
    ),
    "7 parked in a turn that is settled": (
        {"last_death": LastDeath(Cause.OPERATOR_STOP, 1.0, cut=True)},
        WakeMode.NATURAL,
        "t",
        False,
        False,
        WakeCause.CRASH_OR_SELF_CLOSE,
    ),
    "8 parked, resume always": (
        {"settings": ALWAYS},
        WakeMode.NATURAL,
        None,
        False,
        True,
        WakeCause.PARKED_ALWAYS,
    ),
    "9 parked, known topic": ({}, WakeMode.NATURAL, "t", False, True, WakeCause.PARKED_TOPIC),
    "10 parked, new topic": ({}, WakeMode.NATURAL, "u", False, False, WakeCause.PARKED_OTHER_TOPIC),
    "10 parked, no topic": ({}, WakeMode.NATURAL, None, False, False, WakeCause.PARKED_NO_TOPIC),
    "10 parked, resume never": (
        {"settings": NEVER},
        WakeMode.NATURAL,
        "t",
        False,
        False,
        WakeCause.PARKED_NEVER,
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_P3_row(row: tuple) -> None:
    changes, mode, topic, cut, resume, cause = row
    decided = decide_wake(replace(PEER, **changes), mode, topic, cut=cut, resumable=True)
    assert decided == WakeDecision(resume, cause)


def test_P3_row_2_fails_aloud_without_anything_to_resume() -> None:
    assert decide_wake(PEER, WakeMode.RESUME, None, cut=False, resumable=False) is None


def test_P3_row_5_without_a_conversation() -> None:
    decided = decide_wake(PEER, WakeMode.NATURAL, "t", cut=True, resumable=False)
    assert decided == WakeDecision(resume=False, cause=WakeCause.FIRST_WAKE)


@pytest.mark.parametrize("cause", [Cause.IDLE_SLEEP, Cause.OPERATOR_STOP, Cause.REBOOT])
def test_P3_clean_parks_resume(cause: Cause) -> None:
    peer = replace(PEER, last_death=LastDeath(cause, 1.0, cut=False))
    assert decide_wake(peer, WakeMode.NATURAL, "t", cut=False, resumable=True) == WakeDecision(
        resume=True, cause=WakeCause.PARKED_TOPIC
    )


def talked(topic: str, pool: int = 0) -> Play:
    """A session that is idle after a message of this topic."""
    play = Play(pool=pool)
    said(play, 1, topic)
    return play


def said(play: Play, number: int, topic: str) -> None:
    """A message is taken, and its turn ends."""
    play.now += 1
    play.submit(number, topic=topic)
    if not play.session.ready:
        play.ready()
    play.taken(number)
    play.ended()


def runs(play: Play, conversation: str, anew: float | None = None) -> None:
    """Its session is seen to run this conversation."""
    session = play.session
    play.tell(f.Observed(session.id, SessionState.IDLE, "at its prompt", conversation, anew=anew))


def topics(play: Play) -> tuple[str, ...]:
    return play.state.peer.topics


def woken_for(play: Play, topic: str) -> list[str]:
    play.died(Cause.IDLE_SLEEP)
    return play.submit(99, topic=topic)


def test_P3_a_conversation_that_a_person_begins_knows_no_topic_of_the_one_before() -> None:
    play = talked("login")
    runs(play, "second", anew=play.now + 0.5)
    assert topics(play) == ()
    said(play, 2, "other")
    assert topics(play) == ("other",)
    assert woken_for(play, "login") == ["queued", "starting(parked-other-topic)", "Launch"]


def test_P3_what_it_has_taken_since_counts_whatever_is_seen_first() -> None:
    play = talked("login")
    begun = play.now + 0.5
    said(play, 2, "other")
    runs(play, "second", anew=begun)
    assert topics(play) == ("other",), "taken before another conversation was seen"
    said(play, 3, "login")
    runs(play, "second", anew=begun)
    assert topics(play) == ("other", "login"), "told again"
    play = talked("login")
    begun = play.now + 0.5
    runs(play, "second")
    said(play, 2, "other")
    assert topics(play) == ("login", "other"), "it may be a copy"
    runs(play, "second", anew=begun)
    assert topics(play) == ("other",)
    assert woken_for(play, "other") == ["queued", "starting(parked-topic)", "Launch"]


def test_P3_a_copy_of_a_conversation_knows_what_it_knew() -> None:
    play = talked("login")
    runs(play, "copy")
    said(play, 2, "other")
    assert topics(play) == ("login", "other")
    assert woken_for(play, "login") == ["queued", "starting(parked-topic)", "Launch"]
    assert play.session.conversation == "copy"


def test_P3_a_conversation_that_is_gone_back_to_knows_what_it_knew() -> None:
    play = talked("login")
    first = play.session.conversation
    assert first is not None
    runs(play, "second", anew=play.now + 0.5)
    said(play, 2, "other")
    runs(play, first)
    assert topics(play) == ("login",)
    runs(play, "second", anew=play.now - 0.5)
    assert topics(play) == ("other",)
    play.submit(3, topic="more")
    play.taken(3)
    runs(play, first)
    assert topics(play) == ("login", "more"), "what is with it now counts"
    for number in range(20):
        runs(play, f"c{number}", anew=play.now + 0.5)
    assert len(play.state.peer.earlier) == EARLIER_KEPT


def test_B1_with_a_pool_the_topic_of_a_conversation_is_that_of_its_session() -> None:
    play = talked("login", pool=2)
    runs(play, "second", anew=play.now + 0.5)
    assert topics(play) == ("login",)
    assert woken_for(play, "login") == ["queued", "starting(parked-topic)", "Launch"]
    assert play.session.conversation == "second"
