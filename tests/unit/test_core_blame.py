"""A launch that failed before the agent's program ran: whose failure it is, and what follows."""

import pytest
from msgspec.structs import replace

from roost.core.decide import deadline
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import ResumePolicy, WakeMode, WakePolicy
from roost.core.vocabulary.session import Cause, Death, WakeCause
from roost.core.vocabulary.view import shown
from tests.support.playbook import RUNNING, Play

NOBODYS = [Blame.ROOST, Blame.HOST, Blame.SETUP]


def fail(play: Play, blame: Blame = Blame.SETUP, why: str = "no program") -> list[str]:
    """The launch fails, and its death is confirmed."""
    return play.tell(f.BootFailed(play.session.id, why, blame)) + play.died(Cause.UNKNOWN)


def again(play: Play) -> float:
    """Time passes until the next launch; returns how long that was."""
    at = deadline(play.state, play.now)
    assert at is not None
    waited = at - play.now
    assert play.tell(f.Tick(), after=waited)[-1] == "Launch"
    return waited


@pytest.mark.parametrize("blame", NOBODYS)
def test_C11_a_program_that_never_ran_is_nobodys_crash_however_often(blame: Blame) -> None:
    play = Play(restarts=1)
    play.submit()
    waits: list[float] = []
    for _ in range(9):
        assert "stopped(not-started)" in fail(play, blame)
        waits.append(again(play))
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    peer = play.state.peer
    assert (peer.deaths, peer.failures, peer.quarantine, peer.last_death) == ((), 0, None, None)
    assert play.session.wake is WakeCause.FIRST_WAKE
    assert play.message().state is MessageState.QUEUED


def test_P6_a_program_that_ran_and_ended_still_counts() -> None:
    play = Play(restarts=1)
    play.submit()
    assert "quarantined(boot-failed)" in fail(play, Blame.PROGRAM)
    assert play.state.peer.hindered is None


def test_C11_who_waits_is_told_once_when_it_does_not_heal_within_seconds() -> None:
    play = Play()
    play.submit()
    play.submit(2)
    told: list[str] = []
    for _ in range(6):
        told += [word for word in fail(play) if word.startswith("Notify")]
        if play.now < 105:
            assert not told
        again(play)
    assert told == ["Notify cannot be woken"] * 2
    fail(play)
    assert play.submit(3) == ["queued", "Advise"]


def story(play: Play) -> list[tuple[str, str]]:
    """What the latest commands add to the stories of messages."""
    return [(each.message_id[-1], each.outcome) for each in play.commands if isinstance(each, c.SaveAttempt)]


def test_C11_the_story_of_a_message_says_once_why_nobody_is_woken_and_then_that_somebody_is() -> None:
    play = Play()
    play.submit(1, expires_at=140.0)
    told = story(play)
    for why in ("no folder", "no folder", "no folder", "no program", "no program"):
        play.tell(f.BootFailed(play.session.id, why, Blame.SETUP))
        play.died(Cause.UNKNOWN)
        told += story(play)
        again(play)
        told += story(play)
    assert told == [("1", "woke"), ("1", "not woken"), ("1", "not woken")]
    play.submit(2)
    play.tell(f.Tick(), after=20)
    fail(play, why="no program")
    assert story(play) == [("2", "not woken")], "the first one has expired"
    again(play)
    assert story(play) == []
    play.ready()
    assert story(play)[:2] == [("2", "woke"), ("2", "ready")]
    assert play.state.peer.hindered is None


def test_C11_it_is_shown_with_the_time_of_the_next_try() -> None:
    play = Play()
    play.submit()
    fail(play, why="the program 'x' was not found")
    row = shown(play.state, play.now)
    assert row.state == "blocked"
    assert row.why.startswith("cannot be started: the program 'x' was not found; tried again at 1970-01-01")
    again(play)
    assert shown(play.state, play.now).why.endswith("before, the program 'x' was not found")
    play.tell(f.Launched(play.session.id, RUNNING))
    assert play.state.peer.hindered is None
    assert shown(play.state, play.now).why == "starting a fresh conversation"


def test_C11_nobody_waits_so_nothing_is_tried() -> None:
    play = Play()
    play.submit(expires_at=100.5)
    fail(play)
    play.tell(f.Tick(), after=1)
    assert play.state.session is None
    assert shown(play.state, play.now).state == "asleep"
    assert deadline(play.state, play.now) is None


def test_C11_a_parked_conversation_is_resumed_after_launches_that_failed() -> None:
    play = Play(resume=ResumePolicy.ALWAYS)
    play.busy()
    play.ended()
    play.tell(r.Rest("op"))
    play.died()
    conversation = play.state.peer.conversation
    play.submit(2)
    for _ in range(4):
        assert play.session.resumed
        assert play.session.conversation == conversation
        fail(play)
        again(play)
    assert play.session.wake is WakeCause.PARKED_ALWAYS


def asleep() -> tuple[Play, str | None]:
    """A peer whose conversation has dealt with the topic `login`."""
    play = Play()
    play.submit(topic="login")
    play.ready()
    play.taken()
    play.ended()
    play.tell(r.Rest("op"))
    play.died()
    return play, play.state.peer.conversation


@pytest.mark.parametrize("blame", Blame)
def test_C11_a_start_that_never_ran_takes_no_conversation_away(blame: Blame) -> None:
    play, conversation = asleep()
    play.submit(2, topic="other", expires_at=100.5)
    assert not play.session.resumed
    fail(play, blame)
    play.tell(f.Tick(), after=10)
    assert (play.state.peer.conversation, play.state.peer.topics) == (conversation, ("login",))
    play.submit(3, topic="login")
    assert (play.session.conversation, play.session.wake) == (conversation, WakeCause.PARKED_TOPIC)
    play.ready()
    play.taken(3)
    play.ended()
    assert play.state.peer.topics == ("login",)


def test_C11_a_fresh_start_that_an_operator_wants_is_wanted_still() -> None:
    play, conversation = asleep()
    play.tell(r.Wake(WakeMode.FRESH, "op"))
    fail(play)
    assert (play.state.peer.conversation, play.state.peer.fresh_next) == (conversation, True)
    play.submit(2, topic="login")
    play.tell(f.Tick(), after=5)
    assert (play.session.wake, play.session.resumed) == (WakeCause.REFRESH, False)
    fail(play)
    play.tell(r.Drop(f"{2:032x}", "op"))
    play.tell(r.Wake(WakeMode.RESUME, "op"))
    assert (play.session.conversation, play.session.resumed) == (conversation, True)


def test_C11_a_cut_off_message_waits_for_a_fresh_session_that_runs() -> None:
    play = Play()
    play.busy()
    play.tell(r.Stop("op"))
    play.died(Cause.UNKNOWN)
    play.tell(r.Start("op"))
    fail(play)
    play.tell(r.Wake(WakeMode.FRESH, "op"))
    assert not any("dead-letter" in word for word in fail(play))
    assert play.message().cut
    play.tell(f.Tick(), after=5)
    assert (play.session.wake, play.message().cut) == (WakeCause.REFRESH, True)
    assert "Offer 1" in play.ready()


def test_C11_each_conversation_of_a_pool_keeps_its_past() -> None:
    play = Play(pool=2, resume=ResumePolicy.ALWAYS)
    play.submit(1, topic="t")
    play.ready()
    play.taken()
    play.ended()
    play.tell(r.Rest("op"))
    play.died()
    before = play.state.peer.conversations
    play.submit(2, topic="t")
    fail(play)
    assert play.state.peer.conversations == before
    again(play)
    assert play.session.resumed


def test_C11_a_shims_record_alone_tells_it_too() -> None:
    """The daemon ended before it heard of the failure: the next one finds the record."""
    play = Play(restarts=1)
    play.submit()
    session = play.session
    record = Death(session.id, "p", 1, play.now, Cause.NOT_STARTED, 127, evidence="cannot run /x: Exec")
    play.tell(f.Died(record))
    assert play.state.peer.hindered is not None
    assert play.state.peer.hindered.why == "cannot run /x: Exec"
    assert play.state.peer.quarantine is None


def test_F12_other_settings_are_tried_at_once() -> None:
    play = Play()
    play.submit()
    fail(play)
    assert play.tell(r.Configure(replace(play.state.peer.settings, dir="/elsewhere")))[-1] == "Launch"
    assert play.state.peer.hindered is None


def test_C11_a_peer_that_is_always_up_is_tried_again_for_ever() -> None:
    play = Play(wake=WakePolicy.ALWAYS)
    play.tell(f.Tick())
    for _ in range(20):
        fail(play)
        assert shown(play.state, play.now).state == "blocked"
        again(play)


def test_B1_a_spare_that_cannot_be_started_tells_nobody_while_its_peer_works() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL, pool=1, silence=1e6)
    play.submit()
    play.submit(2)
    play.ready()
    play.taken()
    for _ in range(5):
        play.tell(f.Spare(), after=70)
        (spare,) = play.state.pool
        play.tell(f.BootFailed(spare.id, "no program", Blame.SETUP))
        words = play.tell(f.Died(Death(spare.id, "p", spare.generation, play.now, Cause.UNKNOWN)))
        assert words == ["stopped(not-started)"]


def test_a_moved_clock_moves_what_is_known_of_the_failed_starts() -> None:
    play = Play()
    play.submit()
    fail(play)
    before = play.state.peer.hindered
    assert before is not None
    play.now += 1000
    play.tell(f.ClockMoved(1000.0, 1000.0))
    assert play.state.peer.hindered == replace(before, since=before.since + 1000, at=before.at + 1000)
