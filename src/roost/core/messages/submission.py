"""A message comes to its recipient's queue, or is refused aloud."""

from msgspec.structs import replace

from roost.core.messages import mailbox
from roost.core.messages.awaited import answered
from roost.core.messages.chain import beyond, beyond_news
from roost.core.messages.queue import waking
from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import OPERATOR
from roost.core.vocabulary.message import Chain, Message, MessageState, Timing
from roost.core.vocabulary.peer import AwayPolicy, Peer, PeerState, WakePolicy
from roost.core.vocabulary.session import SessionState
from roost.errors import QueueFullError, RefusedError


def on_submit(step: Step, event: r.Submit) -> None:
    """Accept a message into the queue, or refuse it aloud. The same message twice is one message."""
    peer, message = step.peer, event.message
    if peer.removing:
        return step.emit(c.Refuse(_removing(peer)))
    known = None if event.fresh else step.state.message(message.id)
    if known is not None:
        if known.digest != message.digest:
            step.emit(c.Refuse(RefusedError(f"the id {message.id} belongs to another message")))
        return None
    notice = message.notice is not None
    error = refusal(step.state, message.sender, None if notice else message.chain, notice=notice)
    if error is None and notice:
        error = beyond_news(peer.settings, message)
    if error is not None:
        return step.emit(c.Refuse(error))
    if peer.name == OPERATOR:
        _make_room(step, message)
    if message.to != peer.name:  # it was on its way when the peer got another name
        message = replace(message, to=peer.name)
    step.add_message(message)
    answered(step, message)
    kind = "notice" if message.notice else "queued"
    step.journal(kind, message=message.id, sender=message.sender, size=message.size)
    if event.repeats is not None:
        step.emit(c.SaveAttempt(event.repeats, None, "sent again", f"as message {message.id}"))
    mailbox.keep(step, message)
    advise_kept(step, message)
    return None


def advise_kept(step: Step, message: Message) -> None:
    """Tell the asker when the peer does not take the message for the time being."""
    peer = step.peer
    if peer.stopped:
        step.emit(c.Advise(f"'{peer.name}' is stopped: the message is kept until `roost start {peer.name}`"))
    elif peer.quarantine is not None and step.now < peer.quarantine.until:
        step.emit(
            c.Advise(
                f"'{peer.name}' is quarantined ({peer.quarantine.why}):"
                f" the message is kept until `roost start {peer.name}`"
            )
        )
    elif peer.hindered is not None and step.session is None:
        step.emit(
            c.Advise(
                f"'{peer.name}' cannot be started: {peer.hindered.why};"
                " the message is kept and the start is tried again"
            )
        )
    elif away(step.state) and not step.goes_on_here:
        step.emit(c.Advise(f"nobody runs '{peer.name}' now: the message is kept; {_run(peer)}"))
    elif step.session is not None and step.session.own_terminal and (why := _waits_there(step)):
        step.emit(c.Advise(f"'{peer.name}' {why}"))
    elif message.timing is Timing.IDLE and not step.traits.mailbox and not step.session and not waking(step):
        step.emit(c.Advise(f"'{peer.name}' sleeps: the message waits until something else wakes it"))


def away(state: PeerState) -> bool:
    """Whether only a person brings the peer up, and nobody has."""
    return state.peer.settings.wake is WakePolicy.NEVER and state.session is None


def _run(peer: Peer) -> str:
    return f"`roost run {peer.name}` starts it in a terminal"


def _waits_there(step: Step) -> str:
    """Why a message is not given at once to a program in a person's own terminal; nothing: it is."""
    session, traits = step.session, step.traits
    if session is not None and session.reads:
        return "reads its mail itself: the message is kept until it does"
    if traits.calls:
        return ""
    if not traits.hooks:
        return (
            f"runs in a person's own terminal, where {step.peer.settings.runtime} takes no messages:"
            " the message is kept"
        )
    if session is None or session.state is SessionState.WORKING or traits.piped:
        return ""
    return "is at its prompt in a person's own terminal: the message is kept until its next turn"


def refusal(
    state: PeerState, sender: str, chain: Chain | None, *, notice: bool = False
) -> RefusedError | None:
    """Why a new message of this sender, in that place of a chain, is refused now; None: it would be taken."""
    peer = state.peer
    if peer.removing:
        return _removing(peer)
    if not notice and away(state) and peer.settings.away is AwayPolicy.REFUSE:
        return RefusedError(f"'{peer.name}' takes no mail while nobody runs it (away=refuse): {_run(peer)}")
    if not _room(state, notice=notice):
        return QueueFullError(
            f"the queue of '{peer.name}' is full ({peer.settings.queue_limit} messages);"
            f" see `roost messages {peer.name} --state queued`"
        )
    if not notice and not _share(state, sender):
        return QueueFullError(
            f"{peer.settings.sender_limit} messages from '{sender}' wait for '{peer.name}'"
            f" already, the most that one sender may have there (sender_limit);"
            f" see `roost messages {peer.name} --state queued`"
        )
    return beyond(peer.settings, chain, peer.name)


def _removing(peer: Peer) -> RefusedError:
    return RefusedError(f"'{peer.name}' is being removed")


def _waiting(state: PeerState, *, notices: bool) -> list[Message]:
    """The messages of one kind that wait, oldest first.

    Notices take no room from mail, nor mail from them: news of an end must not be lost to a full queue.
    """
    queued = MessageState.QUEUED
    return [each for each in state.messages if each.state is queued and (each.notice is not None) == notices]


def _room(state: PeerState, *, notice: bool) -> bool:
    """Whether the queue takes one more; the operator's mailbox makes room."""
    limit = state.peer.settings.queue_limit
    if state.peer.name == OPERATOR or len(state.messages) < limit:
        return True
    return len(_waiting(state, notices=notice)) < limit


def _make_room(step: Step, message: Message) -> None:
    """The operator's mailbox lets go of its oldest of the kind where it is full: one for each that comes.

    No sender is told of it: an agent that answered that would bring the next one to its end. The story of
    the message tells it.
    """
    limit = step.peer.settings.queue_limit
    if len(step.state.messages) < limit:
        return
    waiting = _waiting(step.state, notices=message.notice is not None)
    if len(waiting) >= limit:
        step.finish(waiting[0], MessageState.EXPIRED, "the operator's mailbox was full")


def _share(state: PeerState, sender: str) -> bool:
    """Whether the sender may have one more message waiting here.

    People at the command line have no share to keep to; the operator's mailbox makes room.
    """
    limit = state.peer.settings.sender_limit
    if OPERATOR in (sender, state.peer.name) or len(state.messages) < limit:
        return True
    waiting = sum(other.state is MessageState.QUEUED and other.sender == sender for other in state.messages)
    return waiting < limit
