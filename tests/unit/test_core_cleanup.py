"""What the core makes of children that outlive a session, and of ends that are vetoed again and again."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import events as e
from roost.core.vocabulary.peer import WakeMode, WakePolicy
from roost.core.vocabulary.session import Cause, Death, SessionState
from roost.core.vocabulary.view import shown
from roost.store.interfaces import clear_of, intent_for
from tests.support.playbook import Play


def test_N7_what_may_be_left_is_cleared_before_the_next_session_starts() -> None:
    play = Play(wake=WakePolicy.ALWAYS)
    play.tell(e.Tick())
    play.ready()
    ended = play.session
    assert ended.processes is not None
    death = Death(ended.id, "p", 1, play.now, Cause.COMPLETED)
    play.tell(e.Died(death, cleared=False))
    play.tell(e.Tick(), after=120)
    assert play.session.id != ended.id
    play = Play(wake=WakePolicy.ALWAYS)
    play.tell(e.Tick())
    play.ready()
    play.submit()
    play.tell(e.Died(death, cleared=False), e.Tick())
    (clear,) = [command for command in play.commands if isinstance(command, c.Clear)]
    assert (clear.session, clear.nonce, clear.root) == (ended.id, ended.nonce, ended.processes.agent)
    launches = [place for place, command in enumerate(play.commands) if isinstance(command, c.Launch)]
    assert all(place > play.commands.index(clear) for place in launches)


def test_N7_the_intent_to_clear_survives_the_daemon() -> None:
    play = Play()
    play.tell(e.Wake(WakeMode.NATURAL, "op"))
    for clear in (c.clear(play.session), c.clear((play.ready(), play.session)[1])):
        assert clear_of(intent_for(clear, 1.0)) == clear


def test_N7_a_tree_that_was_seen_empty_is_not_cleared_again() -> None:
    play = Play()
    play.tell(e.Wake(WakeMode.NATURAL, "op"))
    play.ready()
    play.died()
    assert not any(isinstance(command, c.Clear) for command in play.commands)


def test_N7_what_cannot_be_ended_is_an_alarm() -> None:
    play = Play()
    assert play.tell(e.Remained("s", "still there: 7")) == ["alarm"]


def test_a_veto_is_in_the_journal_once_and_shown_as_long_as_it_holds() -> None:
    play = Play()
    play.tell(e.Wake(WakeMode.NATURAL, "op"))
    play.ready()
    assert play.tell(e.Tick(), after=30) == ["stopping(idle-sleep)", "End idle-sleep guarded"]
    veto = e.EndVetoed(play.session.id, "a draft stands there", play.now + 5)
    assert play.tell(veto) == ["idle"]
    play.tell(play.seen(SessionState.IDLE))
    assert shown(play.state, play.now).why == "idle; not put to sleep: a draft stands there"
    assert play.tell(e.Tick(), after=30) == ["End idle-sleep guarded"]
    assert play.tell(veto) == []
    play.tell(e.Tick(), after=30)
    assert play.tell(e.EndVetoed(play.session.id, "a person types", play.now)) == ["idle"]
    play.tell(play.seen(SessionState.WORKING), play.seen(SessionState.IDLE))
    assert shown(play.state, play.now).why == "idle"
    assert play.tell(e.Tick(), after=30) == ["stopping(idle-sleep)", "End idle-sleep guarded"]
