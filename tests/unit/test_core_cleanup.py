"""What the core makes of children that outlive a session, and of ends that are vetoed again and again."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.peer import WakeMode, WakePolicy
from roost.core.vocabulary.session import Cause, Death, SessionState
from roost.core.vocabulary.view import shown
from roost.store.interfaces import clear_of, intent_for
from tests.support.playbook import Play


def test_N7_what_may_be_left_is_cleared_before_the_next_session_starts() -> None:
    play = Play(wake=WakePolicy.ALWAYS)
    play.tell(f.Tick())
    play.ready()
    ended = play.session
    assert ended.processes is not None
    death = Death(ended.id, "p", 1, play.now, Cause.COMPLETED)
    play.tell(f.Died(death, cleared=False))
    play.tell(f.Tick(), after=120)
    assert play.session.id != ended.id
    play = Play(wake=WakePolicy.ALWAYS)
    play.tell(f.Tick())
    play.ready()
    play.submit()
    play.tell(f.Died(death, cleared=False), f.Tick())
    (clear,) = [command for command in play.commands if isinstance(command, c.Clear)]
    assert (clear.session, clear.nonce, clear.root) == (ended.id, ended.nonce, ended.processes.agent)
    launches = [place for place, command in enumerate(play.commands) if isinstance(command, c.Launch)]
    assert all(place > play.commands.index(clear) for place in launches)


def test_N7_the_intent_to_clear_survives_the_daemon() -> None:
    play = Play()
    play.tell(r.Wake(WakeMode.NATURAL, "op"))
    for clear in (c.clear(play.session), c.clear((play.ready(), play.session)[1])):
        assert clear_of(intent_for(clear, 1.0)) == clear


def test_N7_a_tree_that_was_seen_empty_is_not_cleared_again() -> None:
    play = Play()
    play.tell(r.Wake(WakeMode.NATURAL, "op"))
    play.ready()
    play.died()
    assert not any(isinstance(command, c.Clear) for command in play.commands)


def test_N7_what_cannot_be_ended_is_an_alarm() -> None:
    play = Play()
    assert play.tell(f.Remained("s", "still there: 7")) == ["alarm"]


def test_a_veto_is_in_the_journal_once_and_shown_as_long_as_it_holds() -> None:
    play = Play()
    play.tell(r.Wake(WakeMode.NATURAL, "op"))
    play.ready()
    assert play.tell(f.Tick(), after=30) == ["stopping(idle-sleep)", "End idle-sleep guarded"]
    veto = f.EndVetoed(play.session.id, "a draft stands there", play.now + 5)
    assert play.tell(veto) == ["idle"]
    play.tell(play.seen(SessionState.IDLE))
    assert shown(play.state, play.now).why == "idle; not put to sleep: a draft stands there"
    assert play.tell(f.Tick(), after=30) == ["End idle-sleep guarded"]
    assert play.tell(veto) == []
    play.tell(f.Tick(), after=30)
    assert play.tell(f.EndVetoed(play.session.id, "a person types", play.now)) == ["idle"]
    play.tell(play.seen(SessionState.WORKING), play.seen(SessionState.IDLE))
    assert shown(play.state, play.now).why == "idle"
    assert play.tell(f.Tick(), after=30) == ["stopping(idle-sleep)", "End idle-sleep guarded"]
