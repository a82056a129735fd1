"""Answers that are wanted by a time: who asked hears of an answer, or once that none has come.

The peer that asks awaits it, so an answer and the end of the waiting for it are one transition, and a host
that is not heard of changes nothing.
"""

from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.durations import format_duration
from roost.core.vocabulary.identity import derive
from roost.core.vocabulary.limits import REPLIES_AWAITED
from roost.core.vocabulary.message import Message, Notice
from roost.core.vocabulary.peer import Awaited, Peer

NO_ANSWER = "no answer"
"""The outcome of the notice that none has come in time."""


def on_await_reply(step: Step, event: r.AwaitReply) -> None:
    """An answer is wanted from now on; the message that asks for it is sent next."""
    peer = step.peer
    if peer.removing:
        return step.refuse(f"'{peer.name}' is being removed")
    if any(each.message == event.message_id for each in peer.awaits):
        return None
    if len(peer.awaits) >= REPLIES_AWAITED:
        return step.refuse(
            f"'{peer.name}' awaits {REPLIES_AWAITED} answers already, the most that one may; send it without"
            " a time for the answer, or wait until some of them have come"
        )
    asked = Awaited(event.message_id, step.now + event.within, event.within)
    return step.set_peer(awaits=(*peer.awaits, asked))


def on_not_sent(step: Step, event: f.NotSent) -> None:
    """The message that asks was refused: nobody can answer it."""
    _let_go(step, event.message_id)


def answered(step: Step, message: Message) -> None:
    """An answer came, in time or after it."""
    if message.reply_to is not None and message.notice is None:
        _let_go(step, message.reply_to)


def expire(step: Step) -> None:
    """Tell the peer of each answer that has not come in time; one that comes later is mail like any."""
    for each in step.peer.awaits:
        if step.now >= each.by:
            _let_go(step, each.message)
            why = f"None has come within {format_duration(each.within)}; a later one still comes to you"
            ident = notice_id(step.peer.seed, each.message)
            notice = Notice(each.message, NO_ANSWER, why)
            step.emit(c.Notify(ident, step.peer.name, notice, since=step.now))


def notice_id(seed: str, message_id: str) -> str:
    """The id of the notice that no answer to this message has come, for the peer of that seed."""
    return derive(seed, "notice", message_id, NO_ANSWER)


def awaited_until(peer: Peer, message_id: str) -> float | None:
    """Until when the peer awaits an answer to this message (Unix seconds); None: it does not."""
    return next((each.by for each in peer.awaits if each.message == message_id), None)


def _let_go(step: Step, message_id: str) -> None:
    kept = tuple(each for each in step.peer.awaits if each.message != message_id)
    if kept != step.peer.awaits:
        step.set_peer(awaits=kept)
