"""Playbooks of a peer that moves to another host: it never lives on both, and nothing that waits is lost."""

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import move as m
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import WakeMode
from roost.core.vocabulary.policy import Traits
from roost.core.vocabulary.session import SessionState
from roost.core.vocabulary.view import shown
from roost.errors import RefusedError
from tests.support.playbook import POLICY, Play, mail

ID = f"{7:032x}"
MOVE = m.Move(ID, "venus", "/srv/app", "operator")


def play(name: str = "reviewer", **settings: object) -> Play:
    made = Play(name, **settings)
    made.policy = replace(POLICY, traits={**POLICY.traits, "remote": Traits(remote=True, resumable=False)})
    return made


def kinds(made: Play) -> list[type]:
    between = (m.HandOver, m.Own, m.Decide, c.Forward, c.Launch, c.Rename)
    return [type(each) for each in made.commands if isinstance(each, between)]


def refusal(made: Play, event: object) -> str:
    made.tell(event)  # type: ignore[arg-type]
    (refused,) = made.commands
    assert isinstance(refused, c.Refuse)
    assert isinstance(refused.error, RefusedError)
    return refused.error.message


def leaving(*numbers: int) -> Play:
    """A peer whose things are on their way, with messages that came meanwhile."""
    made = play()
    made.tell(m.Depart(MOVE, force=False))
    for number in numbers:
        made.submit(number)
    return made


def test_its_things_are_sent_once_and_it_is_woken_no_more() -> None:
    made = play()
    made.tell(m.Depart(MOVE, force=False))
    assert kinds(made) == [m.HandOver]
    made.submit(1)
    assert kinds(made) == []
    made.tell(f.Tick(), after=9999.0)
    assert (kinds(made), made.state.session) == ([], None)
    assert "moves to venus, which has not said yet" in shown(made.state, made.now).why


def test_a_live_one_ends_first_and_leaves_only_when_nothing_of_it_goes_on() -> None:
    made = play()
    made.submit(1)
    made.ready()
    assert "is live" in refusal(made, m.Depart(MOVE, force=False))
    made.tell(m.Depart(MOVE, force=True))
    assert m.HandOver not in kinds(made)
    assert made.state.session is not None
    assert "once nothing of it lives here" not in shown(made.state, made.now).why
    assert made.session.state is SessionState.STOPPING


def test_it_is_the_others_once_the_fleet_has_it_on_record_and_its_mail_follows() -> None:
    made = leaving(1, 2)
    made.tell(m.Answered(ID, ready=True, why=""))
    assert kinds(made) == [m.Own]
    assert made.state.peer.name == "reviewer"
    made.tell(m.Owned(ID, "venus"))
    assert kinds(made) == [m.Decide, c.Rename, c.Forward, c.Forward], "it is told before its mail comes"
    assert made.state.peer.name == "reviewer@venus"
    assert made.state.peer.former == ("reviewer",)
    assert [message.to for message in made.state.messages] == ["reviewer@venus"] * 2
    made.tell(f.Tick(), after=9999.0)
    assert kinds(made) == []


def test_what_waits_under_its_new_name_already_stays_in_its_place_and_is_not_sent_twice() -> None:
    made = leaving(2)
    made.tell(m.Answered(ID, ready=True, why=""))
    before = mail(1, 50.0, to="reviewer@venus", attempts=1, why="stored by venus", expires_at=90.0)
    moved = f.ClockMoved(100.0, 100.0)
    made.tell(m.Owned(ID, "venus", (before,), moved, ("reviewer", "critic")))
    assert made.state.peer.former == ("critic", "reviewer")
    kept, own = made.state.messages
    assert (kept, own.id) == (replace(before, expires_at=190.0), f"{2:032x}")
    assert c.SaveMessage(kept) in made.commands
    assert [each.message.id for each in made.commands if isinstance(each, c.Forward)] == [own.id]
    assert made.state.expiry == 190.0


def test_what_other_hosts_sent_goes_back_to_them_with_its_new_address() -> None:
    made = leaving()
    made.submit(1, sender="alice@pluto")
    made.submit(2)
    made.tell(m.Answered(ID, ready=True, why=""), m.Owned(ID, "venus"))
    assert [message.id for message in made.state.messages] == [f"{2:032x}"]
    (told,) = [each for each in made.commands if isinstance(each, c.Report)]
    assert (told.to, told.state) == ("alice@pluto", MessageState.REFUSED)
    assert "send it to reviewer@venus" in told.why


def test_a_host_that_cannot_take_it_leaves_it_as_it_was() -> None:
    made = leaving(1)
    made.tell(m.Answered(ID, ready=False, why="there is no directory /srv/app"))
    assert made.state.peer.moving is None
    assert c.Launch in kinds(made), "what waited wakes it"
    assert m.Decide not in kinds(made), "that host knows"


def test_it_can_be_called_off_until_the_other_host_has_it() -> None:
    made = leaving(1)
    made.tell(m.Stay("operator"))
    assert kinds(made) == [m.Decide, c.Launch]
    (told,) = [each for each in made.commands if isinstance(each, m.Decide)]
    assert told.decision == "cancel"
    assert made.tell(m.Answered(ID, ready=True, why="")) == [], "too late"
    assert m.Own not in kinds(made)
    late = leaving()
    late.tell(m.Answered(ID, ready=True, why=""))
    assert "has all of 'reviewer' already" in refusal(late, m.Stay("operator"))
    assert "not on its way" in refusal(play(), m.Stay("operator"))


def test_a_peer_that_belongs_to_somebody_else_is_not_given_away() -> None:
    made = leaving(1)
    made.tell(m.Answered(ID, ready=True, why=""), m.Owned(ID, "pluto"))
    assert made.state.peer.name == "reviewer"
    assert made.state.peer.stopped
    assert kinds(made) == [m.Own, m.Decide]


def arriving() -> Play:
    made = play()
    peer = replace(made.state.peer, moving=replace(MOVE, host="mars", arriving=True))
    made.state = replace(made.state, peer=peer)
    return made


def test_one_that_comes_is_woken_only_once_it_has_left_the_other_host() -> None:
    made = arriving()
    made.submit(1)
    assert "lives there until all of it is here" in shown(made.state, made.now).why
    assert "is moving" in refusal(made, r.Wake(WakeMode.NATURAL, "operator"))
    made.tell(m.Decided(f"{8:032x}", "go"))
    assert made.state.peer.moving is not None, "another move's"
    made.tell(m.Decided(ID, "go"))
    assert kinds(made) == [c.Launch]
    made.tell(m.Decided(ID, "cancel"))
    assert not made.gone, "decided already"


def test_one_that_comes_to_nothing_is_gone_and_who_wrote_to_it_is_told() -> None:
    made = arriving()
    made.submit(1)
    made.tell(m.Decided(ID, "cancel"))
    assert made.gone
    assert any(isinstance(each, c.Notify) for each in made.commands)


@pytest.mark.parametrize(
    "event",
    [
        r.Rename("other", "operator", force=True),
        r.Remove("operator", force=True),
        r.Restart("operator"),
        m.Depart(replace(MOVE, id=f"{9:032x}"), force=True),
    ],
)
@pytest.mark.parametrize("begun", [leaving, arriving])
def test_nothing_else_is_done_with_it_meanwhile(begun: type, event: object) -> None:
    assert "moving" in refusal(begun(), event)


def test_a_copy_of_a_peer_that_has_left_is_not_woken() -> None:
    made = play()
    made.tell(m.Disowned("venus"))
    assert made.state.peer.stopped
    made.submit(1)
    assert kinds(made) == []


def test_mailboxes_and_threads_of_servers_stay() -> None:
    made = play(runtime="human")
    assert "is a mailbox" in refusal(made, m.Depart(MOVE, force=False))
    made = play(server="unix:/tmp/app")
    assert "thread of a server" in refusal(made, m.Depart(MOVE, force=False))
