"""Playbooks of `refresh`, an agent's own `fresh`, back-off, and what people are told of a failed wake."""

import pytest
from msgspec.structs import replace

from roost.core.decide import deadline
from roost.core.messages.delays import AFTER
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.peer import ResumePolicy, WakeMode, WakePolicy
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import Cause, Death, SessionState
from roost.core.vocabulary.view import shown
from tests.support.playbook import RUNNING, Play


def asleep() -> Play:
    """A peer with a conversation, put to sleep."""
    play = Play(resume=ResumePolicy.ALWAYS)
    play.busy()
    play.ended()
    play.tell(f.Tick(), after=31)
    assert play.died()[-1] == "stopped(idle-sleep)"
    return play


def news(play: Play) -> list[tuple[str, str]]:
    return [(one.notice.outcome, one.notice.why) for one in play.commands if isinstance(one, c.Notify)]


def test_P7_refresh_is_used_up_by_the_next_natural_wake() -> None:
    play = asleep()
    assert play.tell(r.Refresh("op")) == ["fresh-next"]
    assert play.tell(r.Refresh("op")) == []
    assert play.submit(2) == ["queued", "starting(refresh)", "Launch"]
    assert not play.state.peer.fresh_next
    assert not play.session.resumed
    play.tell(r.Stop("op"))
    play.died()
    assert play.tell(r.Start("op")) == ["starting(parked-always)", "Launch"]


def test_P7_refresh_leaves_the_session_alone_and_outlasts_an_operators_resume() -> None:
    play = asleep()
    play.submit(2)
    play.ready()
    assert play.tell(r.Refresh("op")) == ["fresh-next"]
    play.taken(2)
    play.ended()
    play.tell(f.Tick(), after=31)
    play.died()
    assert play.tell(r.Wake(WakeMode.RESUME, "op")) == ["starting(operator-resume)", "Launch"]
    assert play.state.peer.fresh_next
    play.tell(r.Stop("op"))
    play.died()
    play.tell(r.Start("op"))
    assert play.submit(3) == ["queued", "starting(refresh)", "Launch"]


def test_P7_a_mailbox_cannot_be_refreshed() -> None:
    assert Play(runtime="human").tell(r.Refresh("op")) == ["Refuse RefusedError"]


def test_P7_an_agents_fresh_ends_its_session_after_the_turn_and_the_next_message_starts_anew() -> None:
    play = Play(resume=ResumePolicy.ALWAYS)
    play.busy()
    play.tell(play.seen(SessionState.WORKING))
    assert play.tell(r.FreshAsked(play.session.id)) == ["fresh-next"]
    assert play.ended() == ["done"]
    assert play.tell(play.seen(SessionState.IDLE)) == ["idle", "stopping(restart)", "End restart"]
    assert play.died() == ["stopped(restart)"]
    assert play.state.peer.last_death is not None
    assert play.submit(2) == ["queued", "starting(refresh)", "Launch"]


@pytest.mark.parametrize("always", [False, True])
def test_P7_a_fresh_session_begins_at_once_where_it_is_needed(always: bool) -> None:
    play = Play(wake=WakePolicy.ALWAYS if always else WakePolicy.WARM)
    play.busy()
    play.tell(r.FreshAsked(play.session.id))
    if not always:
        assert play.submit(2) == ["queued"]
    play.ended()
    assert play.died() == ["stopped(restart)", "starting(refresh)", "Launch"]


def test_P7_fresh_wins_over_done_and_a_crash_before_the_turns_end_loses_no_message() -> None:
    play = Play()
    play.busy()
    play.tell(f.Completed(play.session.id, "did it"), r.FreshAsked(play.session.id))
    assert play.died() == ["Notify interrupted", "stopped(restart)", "starting(refresh)", "Launch"]
    assert play.ready() == ["ready", "offered", "Offer 1"]


def test_P6_back_off_grows_until_a_session_was_up_for_long() -> None:
    play = Play(wake=WakePolicy.ALWAYS, restarts=100)
    play.tell(f.Tick())
    waits: list[float] = []
    for lived in (0.0, 0.0, 10.0, 10.0, 299.0, 300.0, 0.0):
        play.ready()
        play.now += lived
        assert play.died() == ["stopped(crashed)"]
        at = deadline(play.state, play.now)
        assert at is not None
        waits.append(at - play.now)
        assert play.tell(f.Tick(), after=at - play.now)[-1] == "Launch"
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 1.0, 2.0]


def test_P6_an_always_peer_that_leaves_by_itself_again_and_again_is_slowed_down_too() -> None:
    play = Play(wake=WakePolicy.ALWAYS)
    play.tell(f.Tick())
    waits: list[float] = []
    for _ in range(8):
        play.ready()
        play.died(Cause.COMPLETED)
        at = deadline(play.state, play.now)
        assert at is not None
        waits.append(at - play.now)
        play.tell(f.Tick(), after=at - play.now)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert play.state.peer.quarantine is None


def test_P6_start_clears_what_the_failures_left() -> None:
    play = Play(restarts=2)
    play.submit()
    for _ in range(2):
        play.tell(f.BootFailed(play.session.id, "no such program"))
        play.died()
        play.tell(f.Tick(), after=1)
    assert play.state.peer.quarantine is not None
    assert play.tell(r.Start("op"))[-1] == "Launch"
    peer = play.state.peer
    assert (peer.quarantine, peer.failures, peer.deaths, peer.backoff_until) == (None, 0, (), None)


def test_N1_who_waits_for_a_peer_that_fails_to_start_hears_so_when_it_lasts_and_once() -> None:
    """One trouble, one notice: also when it ends in quarantine after that."""
    play = Play(restarts=5)
    play.submit()
    play.submit(2, sender="other")
    told: list[str] = []
    for number in range(5):
        play.tell(f.BootFailed(play.session.id, "the directory /gone is not there"))
        play.died()
        lasted = play.now - play.state.messages[0].created_at >= Policy().healing
        assert [outcome for outcome, _ in news(play)] == (["fails to start"] * 2 if lasted else []), number
        assert all("the directory /gone is not there" in why for _, why in news(play))
        told += [one.id for one in play.commands if isinstance(one, c.Notify)]
        seen = shown(play.state, play.now)
        if play.state.peer.quarantine is None:
            assert seen.state == "asleep"
            assert "failed to start: the directory /gone is not there; woken again at" in seen.why
            at = deadline(play.state, play.now)
            assert at is not None
            play.tell(f.Tick(), after=at - play.now)
    assert play.state.peer.quarantine is not None
    assert (len(told), len(set(told))) == (4, 2), "the same news has the same id, and is delivered once"


def test_N1_a_quarantine_that_comes_at_once_is_the_one_notice_and_says_what_to_do() -> None:
    play = Play(restarts=2)
    play.submit()
    told: list[list[tuple[str, str]]] = []
    for _ in range(2):
        play.tell(f.BootFailed(play.session.id, "no such program"))
        play.died()
        told.append(news(play))
        play.tell(f.Tick(), after=1)
    first, ((outcome, why),) = told
    assert first == []
    assert outcome == "fails to start"
    assert "no such program; the message is kept, `roost start " in why


def test_N1_a_crash_as_the_program_starts_says_what_it_showed() -> None:
    play = Play()
    play.submit()
    session = play.session
    launched = f.Launched(session.id, RUNNING)
    died = replace(dead(play), exit_code=127, last_lines=("", "sh: agent: not found"))
    play.tell(launched, f.Died(died), after=Policy().healing)
    assert "exit code 127: sh: agent: not found" in news(play)[0][1]


def test_N1_who_waits_for_a_peer_that_needs_a_person_to_start_hears_so() -> None:
    play = Play()
    play.submit()
    play.tell(f.Launched(play.session.id, RUNNING))
    blocked = f.Observed(play.session.id, SessionState.BLOCKED, "its start-up shows: Log in")
    assert play.tell(blocked) == ["blocked"]
    assert deadline(play.state, play.now) == play.now + AFTER
    assert play.tell(f.Tick(), after=AFTER) == ["Notify blocked"]
    assert "needs a person before it can start: its start-up shows: Log in" in news(play)[0][1]


def dead(play: Play) -> Death:
    return Death(play.session.id, "p", play.session.generation, play.now, Cause.CRASHED, 1)
