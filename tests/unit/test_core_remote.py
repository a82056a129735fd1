"""Playbooks of messages between hosts: brought there once, followed there, their senders' hosts told."""

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import reports
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import MessageState, Notice
from roost.core.vocabulary.peer import WakeMode
from roost.core.vocabulary.policy import Traits
from roost.core.vocabulary.view import shown
from tests.support.playbook import POLICY, Play

ID = f"{1:032x}"


def remote(name: str = "reviewer@venus") -> Play:
    play = Play(name, runtime="remote")
    play.policy = replace(POLICY, traits={**POLICY.traits, "remote": Traits(remote=True, resumable=False)})
    return play


def effects(play: Play, kind: type) -> list[c.Command]:
    return [each for each in play.commands if isinstance(each, kind)]


def progress(play: Play, state: MessageState, why: str = "there", at: float | None = None) -> list[str]:
    return play.tell(reports.Progressed(ID, state, why, at))


def test_each_message_is_sent_on_once_and_in_order() -> None:
    play = remote()
    play.submit(1)
    (sent,) = effects(play, c.Forward)
    assert isinstance(sent, c.Forward)
    assert (sent.peer, sent.message.id, sent.message.why) == ("reviewer@venus", ID, "on its way to venus")
    play.submit(2)
    assert [each.message.id for each in effects(play, c.Forward) if isinstance(each, c.Forward)] == [
        f"{2:032x}"
    ]
    assert play.tell(f.Tick(), after=999.0) == []
    assert play.state.session is None


def test_what_its_host_says_is_shown_and_its_sender_is_not_told_twice() -> None:
    play = remote()
    play.submit(1)
    assert play.tell(reports.Arrived(ID)) == ["arrived"]
    assert (play.message().state, play.message().why) == (MessageState.QUEUED, "stored by venus")
    assert play.tell(reports.Arrived(ID)) == []
    progress(play, MessageState.OFFERED)
    assert (play.message().state, play.message().why) == (MessageState.OFFERED, "venus: there")
    assert progress(play, MessageState.ACCEPTED, at=95.0) == ["accepted"]
    assert play.message().accepted_at == 95.0
    assert progress(play, MessageState.ACCEPTED, at=95.0) == []
    assert progress(play, MessageState.DONE, at=95.0) == ["done"]
    assert not play.state.messages
    assert progress(play, MessageState.DONE) == []
    assert not effects(play, c.Notify)


def test_an_end_tells_of_the_acceptance_too() -> None:
    play = remote()
    play.submit(1)
    assert progress(play, MessageState.DONE, at=95.0) == ["arrived", "accepted", "done"]


@pytest.mark.parametrize("state", [MessageState.REFUSED, MessageState.EXPIRED, MessageState.DEAD_LETTER])
def test_a_refusal_there_ends_it_here_and_is_told_by_that_host(state: MessageState) -> None:
    play = remote()
    play.submit(1)
    assert progress(play, state, "there is no peer 'reviewer'")[-1] == str(state)
    assert not effects(play, c.Notify)


def test_a_time_to_live_that_runs_out_on_the_way_proves_nothing() -> None:
    """Its host may have taken it in time; what it says later counts."""
    play = remote()
    play.submit(1, expires_at=play.now + 5.0)
    assert play.tell(f.Tick(), after=6.0) == ["unknown"]
    assert play.message().state is MessageState.UNKNOWN
    assert play.tell(f.Tick(), after=60.0) == []
    assert progress(play, MessageState.DONE, at=101.0) == ["arrived", "accepted", "done"]


def test_where_it_has_arrived_its_host_watches_its_time_to_live() -> None:
    play = remote()
    play.submit(1, expires_at=play.now + 5.0)
    play.tell(reports.Arrived(ID))
    assert play.tell(f.Tick(), after=60.0) == []


@pytest.mark.parametrize(
    "asked",
    [r.Wake(WakeMode.NATURAL, "op"), r.Stop("op"), r.Drop(ID, "op"), r.Resend(ID, "op"), r.Interrupt("op")],
)
def test_what_only_its_host_can_do_is_refused_here(asked: r.Request) -> None:
    play = remote()
    play.submit(1)
    assert play.tell(asked) == ["Refuse RefusedError"]
    assert "host 'venus'" in str(effects(play, c.Refuse)[0])


def test_it_cannot_be_removed_while_messages_are_on_their_way() -> None:
    play = remote()
    play.submit(1)
    assert play.tell(r.Remove("op", force=True)) == ["Refuse RefusedError"]
    progress(play, MessageState.DONE)
    play.tell(r.Remove("op", force=False))
    assert play.gone


def test_it_is_shown_as_what_is_known_here() -> None:
    play = remote()
    play.submit(1)
    assert shown(play.state, play.now).state == "remote"
    assert "lives on venus; unfinished from here: 1" in shown(play.state, play.now).why


def test_the_senders_host_is_told_of_each_step() -> None:
    play = Play()
    play.submit(1, sender="alice@mars")
    told = [each for each in play.commands if isinstance(each, c.Report)]
    assert [(each.to, each.message_id, each.state) for each in told] == [
        ("alice@mars", ID, MessageState.QUEUED)
    ]
    play.ready()
    play.taken()
    (word,) = (each for each in play.commands if isinstance(each, c.Report))
    assert (word.state, word.accepted_at) == (MessageState.ACCEPTED, play.now)
    play.ended()
    assert [each.state for each in play.commands if isinstance(each, c.Report)] == [MessageState.DONE]
    play.submit(2)
    assert not effects(play, c.Report), "its sender is of this host"


def test_a_message_that_is_not_taken_here_is_reported_to_its_host() -> None:
    play = remote("alice@mars")
    play.tell(reports.TurnedAway(ID, MessageState.REFUSED, "there is no peer 'reviewer'"))
    (word,) = effects(play, c.Report)
    assert word == c.Report("alice@mars", ID, MessageState.REFUSED, "there is no peer 'reviewer'")


def test_a_notice_goes_over_and_is_answered_by_none() -> None:
    play = remote("alice@mars")
    play.submit(1, sender="roost", notice=Notice("x", "died", "it died"))
    assert effects(play, c.Forward)
    progress(play, MessageState.REFUSED, "there is no peer 'alice'")
    assert not effects(play, c.Notify)
