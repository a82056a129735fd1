"""Playbooks of `rename` (P11)."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import Examination
from tests.support.playbook import Play, mail


def moves(play: Play) -> list[tuple[str, str]]:
    return [(one.old, one.new) for one in play.commands if isinstance(one, c.Rename)]


def test_a_sleeping_peer_is_renamed_at_once_with_its_mail() -> None:
    play = Play()
    play.tell(r.Stop("op"))
    play.submit()
    play.submit(2, sender="p")
    assert play.tell(r.Rename("q", "op", force=False)) == ["renamed"]
    assert moves(play) == [("p", "q")]
    assert (play.state.peer.name, play.state.peer.former, play.state.peer.renaming) == ("q", ("p",), None)
    assert [(one.to, one.sender) for one in play.state.messages] == [("q", "asker"), ("q", "q")]
    assert play.tell(r.Start("op"))[-1] == "Launch"
    assert play.session.peer == "q"


def test_a_message_on_its_way_to_the_old_name_is_the_new_ones() -> None:
    play = Play()
    play.tell(r.Rename("q", "op", force=False))
    play.submit()
    assert play.message().to == "q"


def test_a_live_peer_is_refused_without_force_and_parked_with_it() -> None:
    play = Play()
    play.busy()
    play.ended()
    assert play.tell(r.Rename("q", "op", force=False)) == ["Refuse RefusedError"]
    assert play.tell(r.Rename("q", "op", force=True)) == ["stopping(operator-stop)", "End operator-stop"]
    assert play.tell(r.Rename("r", "op", force=True)) == ["Refuse RefusedError"]
    assert play.submit(2) == ["queued"]
    words = play.died()
    assert words[0] == "stopped(operator-stop)"
    assert "renamed" in words
    assert words[-2:] == ["starting(parked-no-topic)", "Launch"]
    assert play.session.peer == "q"


def test_a_rename_waits_for_the_look_at_an_offer_that_a_death_cut_short() -> None:
    play = Play()
    play.submit()
    play.ready()
    play.tell(r.Rename("q", "op", force=True))
    play.died()
    assert play.state.peer.name == "p"
    assert "renamed" in play.examined(Examination.ABSENT)
    assert play.state.peer.name == "q"


def test_mail_of_a_renamed_sender_is_from_its_new_name() -> None:
    play = Play()
    play.tell(r.Stop("op"))
    play.submit()
    play.submit(2, sender="other")
    play.tell(f.SenderRenamed("asker", "inquirer"))
    assert [one.sender for one in play.state.messages] == ["inquirer", "other"]
    assert mail().sender == "asker"
