"""Threads: the messages of a topic, with those who have sent or been sent any of them and have not left.

Who takes part is what the messages themselves say, so it is stored with each of them; only that a peer
has left stands in its row.
"""

from roost.core.transition.step import Step
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.limits import THREADS_LEFT
from roost.core.vocabulary.peer import Left, Peer


def on_leave_thread(step: Step, event: r.LeaveThread) -> None:
    """The peer gets no more of a thread, until it writes into it or is named in it again."""
    peer = step.peer
    if peer.removing:
        return step.refuse(f"'{peer.name}' is being removed")
    others = [each for each in peer.left if each.thread != event.thread]
    left = Left(event.thread, max(event.latest, step.now))
    return step.set_peer(left=(*others, left)[-THREADS_LEFT:])


def takes_part(peer: Peer, thread: str, latest: float) -> bool:
    """Whether a peer is in a thread whose latest message from or to that name is of then (Unix seconds).

    One that has the name of a peer that was removed has no part in what that one did.
    """
    return peer.had_name(latest) and all(each.thread != thread or latest > each.at for each in peer.left)
