"""Playbooks of pools: which session takes a message, which makes way, which ends."""

import pytest
from msgspec.structs import replace

from roost.core.decide import deadline
from roost.core.sessions.pool import wants_spare
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import Settings, WakePolicy
from roost.core.vocabulary.session import Cause, Death, Session, SessionState
from roost.core.vocabulary.settings import apply_settings
from roost.errors import InvalidSettingError
from tests.support.playbook import POLICY, RUNNING, Play, mail

EVICTED = ["stopping(idle-sleep)", "End idle-sleep guarded"]


def idle(play: Play, session: Session) -> list[str]:
    return play.tell(f.Launched(session.id, RUNNING), f.Observed(session.id, SessionState.IDLE, "prompt"))


def over(play: Play, session: Session, cause: Cause = Cause.UNKNOWN) -> list[str]:
    return play.tell(f.Died(Death(session.id, "p", session.generation, play.now, cause)))


def done(play: Play, number: int) -> list[str]:
    return [*play.taken(number), *play.ended()]


def worker() -> Play:
    """An ephemeral peer with a task that was taken and a spare that is ready."""
    play = Play(wake=WakePolicy.EPHEMERAL, pool=1, silence=100.0)
    play.busy()
    assert play.tell(f.Spare()) == ["starting(ephemeral)", "Launch"]
    assert idle(play, play.state.pool[0]) == ["ready"]
    return play


def thinker(pool: int = 1) -> Play:
    """A warm peer with an idle session for the topic `a`."""
    play = Play(pool=pool)
    play.submit(1, topic="a")
    play.ready()
    done(play, 1)
    return play


def test_B1_P4_the_next_task_goes_to_a_spare_at_once() -> None:
    play = worker()
    spare = play.state.pool[0]
    assert play.submit(2) == ["queued"], "one task at a time, whatever is ready"
    play.tell(f.Replied(mail(1).id, "r"), f.TurnEnded(play.session.id, "record"))
    assert "End ephemeral-done guarded" in play.tell(f.Tick(), after=5.0)
    assert over(play, play.session) == ["stopped(ephemeral-done)", "ready", "offered", "Offer 2"]
    assert play.session.id == spare.id
    assert not play.session.pooled
    assert play.state.pool == ()


def test_B1_a_spare_boots_only_when_the_task_has_been_taken() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL, pool=2)
    assert not wants_spare(play.state, play.now, play.policy), "nobody has used it yet"
    play.submit(1)
    assert not wants_spare(play.state, play.now, play.policy)
    play.ready()
    assert play.message(1).state is MessageState.OFFERED
    assert not wants_spare(play.state, play.now, play.policy)
    play.taken()
    assert wants_spare(play.state, play.now, play.policy)
    play.tell(f.Spare())
    assert not wants_spare(play.state, play.now, play.policy), "one boots at a time"
    idle(play, play.state.pool[0])
    assert wants_spare(play.state, play.now, play.policy)


def test_B1_a_task_that_was_cut_off_is_shown_to_the_spare_whole() -> None:
    play = worker()
    play.tell(f.Died(Death(play.session.id, "p", 1, play.now, Cause.CRASHED, 1)))
    assert play.tell(f.Tick(), after=2.0)[-1] == "Offer 1"
    assert play.message(1).redriven


def test_B1_a_spare_is_kept_while_its_peer_is_used_and_a_person_holds_it() -> None:
    play = worker()
    assert play.tell(f.Tick(), after=31.0) == [], "its peer works"
    play.tell(f.Completed(play.session.id, ""), f.TurnEnded(play.session.id, "record"))
    play.tell(play.seen(SessionState.IDLE))
    over(play, play.session)
    spare = play.state.pool[0]
    at = deadline(play.state, play.now)
    assert at == play.now + 30.0
    assert play.tell(f.Tick(), after=30.0) == EVICTED
    assert play.tell(f.EndVetoed(spare.id, "a person types", play.now + 100.0)) == ["idle"]
    assert play.tell(f.Tick(), after=60.0) == []
    assert play.tell(f.Tick(), after=41.0) == EVICTED[1:]


def test_B1_an_idle_session_makes_way_and_comes_back() -> None:
    play = thinker()
    first = play.session
    assert play.submit(2, topic="b") == ["queued", "starting(first-wake)", "Launch"]
    assert [session.id for session in play.state.pool] == [first.id]
    assert play.ready()[-1] == "Offer 2"
    assert play.submit(3, topic="a") == ["queued"], "nobody is interrupted"
    assert done(play, 2) == ["accepted", "done", "ready", "offered", "Offer 3"]
    assert play.session.id == first.id
    saves = [command.session for command in play.commands if isinstance(command, c.SaveSession)]
    assert [session.pooled for session in saves][-2:] == [True, False], "the place is left before it is taken"


def test_B1_B4_the_least_recently_used_is_evicted_and_resumed() -> None:
    play = thinker()
    conversations = {"a": play.session.conversation}
    for number, topic in ((2, "b"), (3, "c")):
        play.now += 1.0
        play.submit(number, topic=topic)
        idle(play, play.session)
        done(play, number)
        conversations[topic] = play.session.conversation
    first = next(session for session in play.state.pool if session.topic == "a")
    assert first.state is SessionState.STOPPING
    assert play.submit(4, topic="a") == ["queued"], "two sessions never run one conversation"
    assert over(play, first) == ["stopped(idle-sleep)", "starting(parked-topic)", "Launch", *EVICTED]
    assert play.session.conversation == conversations["a"]
    assert play.session.resumed


def test_B1_after_a_crash_only_the_conversation_that_crashed_begins_anew() -> None:
    play = thinker()
    play.submit(2, topic="b")
    idle(play, play.session)
    done(play, 2)
    play.died()
    play.now += 2.0
    assert play.submit(3, topic="b") == ["queued", "starting(crash-or-self-close)", "Launch"]
    play.ready()
    assert done(play, 3) == ["accepted", "done"]
    assert play.submit(4, topic="a")[1] == "ready"


def test_P7_stop_and_restart_end_the_pool_too() -> None:
    for ask, cause in (
        (r.Stop("op"), "operator-stop"),
        (r.Restart("op"), "restart"),
        (r.Rest("op"), "operator-stop"),
    ):
        play = thinker()
        play.submit(2, topic="b")
        idle(play, play.session)
        done(play, 2)
        assert play.tell(ask).count(f"End {cause}") == 2


def test_B5_a_pool_that_is_turned_off_leaves_no_session_behind() -> None:
    play = thinker(2)
    for number, topic in ((2, "b"), (3, "c")):
        play.submit(number, topic=topic)
        idle(play, play.session)
        done(play, number)
    play.tell(r.Configure(Settings("/", "demo", idle=30.0)))
    assert [session.state for session in play.state.pool] == [SessionState.STOPPING] * 2
    assert play.session.topic == "c"


@pytest.mark.parametrize("state", [SessionState.WORKING, SessionState.UNKNOWN, SessionState.BLOCKED])
def test_N5_the_host_evicts_only_what_is_idle_for_certain(state: SessionState) -> None:
    play = thinker()
    play.submit(2, topic="b")
    idle(play, play.session)
    (kept,) = play.state.pool
    play.tell(f.Observed(kept.id, state, "seen"))
    assert play.tell(f.Evict(kept.id, "full")) == []
    assert play.tell(f.Evict(play.session.id, "full")) == [], "the active session is not the host's to end"
    play.tell(f.Observed(kept.id, SessionState.IDLE, "prompt"))
    assert play.tell(f.Evict(kept.id, "full")) == EVICTED


def test_a_mailbox_has_no_pool() -> None:
    with pytest.raises(InvalidSettingError, match="mailbox"):
        apply_settings(Settings("/", "human"), [("pool", "1")])
    assert apply_settings(Settings("/", "demo"), [("pool", "32")]).pool == 32
    for value in ("33", "-1", "x"):
        with pytest.raises(InvalidSettingError, match="0 to 32"):
            apply_settings(Settings("/", "demo"), [("pool", value)])


def test_P6_B1_people_at_pooled_sessions_do_not_hold_up_the_end_of_a_quarantine() -> None:
    """The pool was turned off, so each end that they veto is due again three seconds later."""
    play = Play(pool=2, restarts=1)
    for number, topic in enumerate("abc", 1):
        play.submit(number, topic=topic)
        idle(play, play.session)
        done(play, number)
    assert "quarantined(crashed)" in over(play, play.session, Cause.CRASHED)
    assert play.state.peer.quarantine is not None
    until = play.state.peer.quarantine.until
    play.submit(4, topic="c")
    play.tell(r.Configure(replace(play.state.peer.settings, pool=0)))
    vetoes, said = 0, [""]
    while play.state.session is None:
        for session in play.state.pool:
            if session.state is SessionState.STOPPING:
                play.tell(f.EndVetoed(session.id, "a person types", play.now + 3.0))
                vetoes += 1
        due = deadline(play.state, play.now)
        assert due is not None
        assert play.now < due <= until
        play.now = due
        said = play.tell(f.Tick())
    assert (play.now, said[-1]) == (until, "Launch")
    assert vetoes == 2 * POLICY.quarantine / 3.0


def test_P6_B1_what_waits_for_another_conversation_goes_on_when_a_quarantine_ends() -> None:
    play = Play(pool=1, restarts=1)
    for number, topic in enumerate("ab", 1):
        play.submit(number, topic=topic)
        idle(play, play.session)
        done(play, number)
    play.tell(play.seen(SessionState.IDLE))
    assert "quarantined(crashed)" in over(play, play.state.pool[0], Cause.CRASHED)
    assert play.state.peer.quarantine is not None
    play.submit(3, topic="c")
    assert play.message(3).state is MessageState.QUEUED, "the active session is of another conversation"
    until = play.state.peer.quarantine.until
    assert deadline(play.state, play.now) == until
    assert "Launch" in play.tell(f.Tick(), after=until - play.now)


def test_P4_the_end_of_a_task_without_an_answer_can_be_stored_while_a_spare_waits() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL, pool=1)
    play.busy()
    play.tell(f.Spare())
    play.tell(f.Tick(), after=10)
    assert play.session.ending is not None
    assert play.session.ending.cause is Cause.EPHEMERAL_SILENT
    ended = play.session.id
    assert "dead-letter" in play.died(Cause.UNKNOWN)
    saved = [each.session.id for each in play.commands if isinstance(each, c.SaveSession)]
    assert ended not in saved, "the store takes no session that has ended"
