"""Who takes part in a thread: whoever is in its messages, until it leaves."""

from msgspec.structs import replace

from roost.core.messages.taking_part import takes_part
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.limits import THREADS_LEFT
from roost.core.vocabulary.peer import WakeMode
from tests.support.playbook import Play


def test_one_takes_part_until_it_leaves_and_from_the_next_message_on_again() -> None:
    play = Play(runtime="human")
    assert takes_part(play.state.peer, "release", 200.0)
    play.tell(r.LeaveThread("release", 0.0))
    at = play.now
    assert not takes_part(play.state.peer, "release", at)
    assert takes_part(play.state.peer, "release", at + 1)
    assert takes_part(play.state.peer, "another", at)


def test_a_message_by_a_clock_that_is_ahead_is_left_too() -> None:
    play = Play(runtime="human")
    play.tell(r.LeaveThread("release", play.now + 600))
    assert not takes_part(play.state.peer, "release", play.now + 600)


def test_who_leaves_again_is_noted_once_and_the_latest_are_kept() -> None:
    play = Play(runtime="human")
    for n in range(THREADS_LEFT + 1):
        play.tell(r.LeaveThread(f"t{n}", 0.0), after=1)
    play.tell(r.LeaveThread("t1", 0.0), after=1)
    left = [each.thread for each in play.state.peer.left]
    assert left == [*(f"t{n}" for n in range(2, THREADS_LEFT + 1)), "t1"]


def test_a_peer_has_no_part_in_what_another_of_its_name_did() -> None:
    peer = Play(runtime="human").state.peer
    assert not takes_part(peer, "release", peer.created_at - 1)
    assert takes_part(replace(peer, name="p@far"), "release", peer.created_at - 1), "by its host's clock"


def test_one_that_is_being_removed_leaves_by_that() -> None:
    play = Play()
    play.tell(r.Wake(WakeMode.NATURAL, "op"))
    play.tell(r.Remove("op", force=True))
    play.tell(r.LeaveThread("release", 0.0))
    assert play.state.peer.left == ()
