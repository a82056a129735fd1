"""Messages of a peer: accepting, offering, evidence, ends."""

from collections.abc import Iterable

from roost.core.messages import refusal
from roost.core.transition.conversations import found_in, goes_on, held_by
from roost.core.transition.step import Step
from roost.core.transition.turns import cut_off, endure, lost, noted, put_back, requeue, untask
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import events as e
from roost.core.vocabulary.copies import replace
from roost.core.vocabulary.identity import OPERATOR
from roost.core.vocabulary.limits import TOPICS_KEPT
from roost.core.vocabulary.message import (
    HANDED,
    HANDED_AGAIN,
    STEERED,
    Examination,
    Message,
    MessageState,
    Timing,
)
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.session import COUNTED, Session, SessionState
from roost.errors import QueueFullError, RefusedError

_URGENCY = {Timing.NOW: 1, Timing.NEXT: 2, Timing.IDLE: 3}
_DOUBTFUL = (MessageState.OFFERED, MessageState.UNKNOWN)


def on_submit(step: Step, event: e.Submit) -> None:
    """Accept a message into the queue, or refuse it aloud. The same message twice is one message."""
    peer, message = step.peer, event.message
    if peer.removing:
        return step.emit(c.Refuse(RefusedError(f"'{peer.name}' is being removed")))
    known = None if event.fresh else step.state.message(message.id)
    if known is not None:
        if known.digest != message.digest:
            step.emit(c.Refuse(RefusedError(f"the id {message.id} belongs to another message")))
        return None
    if not _room(step, message):
        return step.emit(
            c.Refuse(
                QueueFullError(
                    f"the queue of '{peer.name}' is full ({peer.settings.queue_limit} messages);"
                    f" see `roost messages {peer.name} --state queued`"
                )
            )
        )
    if not _share(step, message):
        return step.emit(
            c.Refuse(
                QueueFullError(
                    f"{peer.settings.sender_limit} messages from '{message.sender}' wait for '{peer.name}'"
                    f" already, the most that one sender may have there (sender_limit);"
                    f" see `roost messages {peer.name} --state queued`"
                )
            )
        )
    if message.to != peer.name:  # it was on its way when the peer got another name
        message = replace(message, to=peer.name)
    step.add_message(message)
    kind = "notice" if message.notice else "queued"
    step.journal(kind, message=message.id, sender=message.sender, size=message.size)
    if event.repeats is not None:
        step.emit(c.SaveAttempt(event.repeats, None, "sent again", f"as message {message.id}"))
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
    elif message.timing is Timing.IDLE and not step.traits.mailbox and not step.session and not waking(step):
        step.emit(c.Advise(f"'{peer.name}' sleeps: the message waits until something else wakes it"))


def _room(step: Step, message: Message) -> bool:
    """Whether the queue takes one more; the operator's mailbox makes room by letting go of its oldest.

    Notices find room above the limit, as many again: news of an end must not be lost to a full queue.
    """
    limit = step.peer.settings.queue_limit * (2 if message.notice is not None else 1)
    if len(step.state.messages) < limit:
        return True
    if step.peer.name != OPERATOR:
        return step.state.queued < limit
    while step.state.queued >= step.peer.settings.queue_limit:
        oldest = next(other for other in step.state.messages if other.state is MessageState.QUEUED)
        step.finish(oldest, MessageState.EXPIRED, "the operator's mailbox was full", tell="expired")
    return True


def _share(step: Step, message: Message) -> bool:
    """Whether the sender may have one more message waiting here.

    People at the command line have no share to keep to, nor have notices; the operator's mailbox makes room.
    """
    limit = step.peer.settings.sender_limit
    if OPERATOR in (message.sender, step.peer.name) or message.notice is not None:
        return True
    if len(step.state.messages) < limit:
        return True
    waiting = sum(
        other.state is MessageState.QUEUED and other.sender == message.sender for other in step.state.messages
    )
    return waiting < limit


def on_acknowledge(step: Step, event: e.Acknowledge) -> None:
    """A mailbox's reader has read messages."""
    for message_id in event.message_ids:
        message = step.state.message(message_id)
        if message is not None and step.traits.mailbox:
            read = step.set_message(message, accepted_at=step.now)
            step.journal("accepted", message=message_id)
            step.finish(read, MessageState.DONE, "read")
            step.set_peer(since=step.now)


def on_seen(step: Step, _event: e.Seen) -> None:
    """A mailbox is in use: that is when it was last heard of."""
    if step.traits.mailbox:
        step.set_peer(since=step.now)


def on_replied(step: Step, event: e.Replied) -> None:
    """The peer answered a message: it knows it. An ephemeral task may end after its quiet window."""
    if step.traits.mailbox:
        return on_acknowledge(step, e.Acknowledge((event.message_id,)))
    session, message = step.session, step.state.message(event.message_id)
    if session is not None and session.task == event.message_id and session.armed_at is None:
        step.set_session(armed_at=step.now)
    if message is None or (message.state is MessageState.ACCEPTED and not message.cut):
        return None
    evidence = f"its answer {event.reply_id} names it"
    if message.state in _DOUBTFUL and _with_live(step, message):
        return _accept(step, message, evidence)
    _note_accepted(step, message, evidence)
    return step.finish(message, MessageState.DONE, evidence)


def on_taken(step: Step, event: e.Taken) -> None:
    """Evidence names the message: it is with the agent.

    A message that waits to be sent again, after doubt, may still be found with the session that has it.
    """
    message = step.state.message(event.message_id)
    if message is None or event.attempt not in (None, message.attempts):
        return
    if message.state is MessageState.UNKNOWN:
        _accept(step, message, event.evidence, found_by=step.state.find_session(event.session))
    elif message.session == event.session and message.state in (MessageState.OFFERED, MessageState.QUEUED):
        if event.entered:
            step.attempt(message, "entered", event.entered)
        _accept(step, message, event.evidence)


def _with_live(step: Step, message: Message) -> bool:
    return message.session is not None and step.live(message.session) is not None


def _note_accepted(step: Step, message: Message, evidence: str) -> None:
    step.attempt(message, "accepted", evidence)
    step.journal("accepted", message=message.id, evidence=evidence)


def _accept(step: Step, message: Message, evidence: str, *, found_by: Session | None = None) -> None:
    """The message was taken. Its turn runs, unless its session has ended meanwhile.

    `found_by`: the live session whose own record names the message.
    """
    late = message.state is not MessageState.OFFERED and bool(step.state.in_flight)
    taken = step.set_message(
        message,
        state=MessageState.ACCEPTED,
        why=evidence,
        accepted_at=message.accepted_at or step.now,
    )
    _note_accepted(step, taken, evidence)
    if _with_live(step, taken):
        step.set_session(active_at=step.now, used=True)
        _remember_topic(step, taken.topic)
        if late:
            step.finish(taken, MessageState.DONE, f"{evidence}; another message is with its session now")
        return
    ended = "its session ended before its turn did"
    holder = found_by or step.state.find_session(taken.session)
    if holder is not None:
        cut_off(step, taken, ended, keeps=held_by(step, holder, taken))
    elif goes_on(step, taken):
        cut_off(step, taken, ended, keeps=step.traits.resumable)
    else:
        step.attempt(taken, "cut", ended)
        step.finish(taken, MessageState.DEAD_LETTER, f"{ended}, and so has its conversation", tell="died")


def _remember_topic(step: Step, topic: str | None) -> None:
    """Note a topic that the running conversation has dealt with."""
    if topic is not None:
        kept = [other for other in step.peer.topics if other != topic]
        step.set_peer(topics=(*kept, topic)[-TOPICS_KEPT:])


def on_turn_ended(step: Step, event: e.TurnEnded) -> None:
    """The turn is over: what was taken in it is done. A failed turn is driven again, once.

    While the model's service fails it is no fault of the message, which is kept. A turn that somebody
    interrupted is left alone: whoever did so does not want it back.
    """
    session = step.live(event.session)
    if session is None:
        return
    over: list[Message] = []
    for message in step.state.turn:
        named = event.messages is None or message.id in event.messages
        if named and message.session == session.id:
            _end_turn(step, session, message, event)
            step.set_session(active_at=step.now)
            over.append(message)
    refusal.conclude(step, session, over, event)


def _end_turn(step: Step, session: Session, message: Message, event: e.TurnEnded) -> None:
    """What the end of its turn means for one message of it."""
    if event.failed is None:
        step.finish(message, MessageState.DONE, event.evidence)
    elif event.interrupted:
        _give_up(step, message, event.failed, tell="interrupted")
    elif step.peer.settings.apart and message.notice is not None:
        step.finish(message, MessageState.DONE, "it was taken")
    elif event.outage and message.attempts < step.policy.outage_tries and held_by(step, session, message):
        endure(step, message, event.failed)
    elif not event.outage and refusal.refuses(step, session, message):
        refusal.keep(step, message, event.failed)
    elif message.redriven:
        _give_up(step, message, f"the turn failed: {event.failed}", tell="failed")
    else:
        why = f"the turn failed: {event.failed}; it is driven again"
        step.attempt(message, "failed", event.failed)
        if held_by(step, session, message):
            step.set_message(message, cut=True, not_before=step.now + step.policy.turn_retry, why=why)
        else:
            requeue(step, message, why, redriven=True)


def _give_up(step: Step, message: Message, why: str, *, tell: str) -> None:
    """Nobody goes on with it. A task's session goes after its quiet window then, as after an answer."""
    step.finish(message, MessageState.DEAD_LETTER, why, tell=tell)
    session = step.session
    if session is not None and session.task == message.id:
        step.set_session(armed_at=session.armed_at or step.now)


def on_rejected(step: Step, event: e.Rejected) -> None:
    """A hook of the agent's program stopped the message: no model will ever see it."""
    message = step.state.message(event.message_id)
    if message is None or message.session != event.session or not message.in_flight:
        return
    step.attempt(message, "rejected", event.why)
    why = f"a hook refused the prompt: {event.why}"
    step.finish(message, MessageState.DEAD_LETTER, why, tell="refused")
    if step.live(event.session) is not None:
        step.set_session(active_at=step.now)
        untask(step, message)


def on_offer_failed(step: Step, event: e.OfferFailed) -> None:
    """An offer ended without evidence."""
    message = step.state.message(event.message_id)
    if message is None or message.state is not MessageState.OFFERED or message.session != event.session:
        return
    if event.attempt not in (None, message.attempts):
        return
    step.attempt(message, "not pasted" if event.certain else "unclear", event.why)
    session = step.live(event.session)
    if event.person:
        step.tell(message, "waits", f"{event.why}; the message is kept and goes in when nobody types there")
    if event.certain:
        put_back(step, message, event.why, person=event.person)
    elif session is not None:
        step.emit(c.Examine(session.id, step.peer.name, message, session.conversation))


def on_offer_waits(step: Step, event: e.OfferWaits) -> None:
    """What an offer waits for is shown meanwhile."""
    message = step.state.message(event.message_id)
    if message is None or message.state is not MessageState.OFFERED or message.session != event.session:
        return
    if event.attempt == message.attempts and event.why != message.why:
        step.set_message(message, why=event.why)


def on_examined(step: Step, event: e.Examined) -> None:
    """The look before the next paste has a result. A message in doubt may still be found by a later look."""
    message = step.state.message(event.message_id)
    if message is None or message.state not in _DOUBTFUL or event.attempt not in (None, message.attempts):
        return
    doubtful = message.state is MessageState.UNKNOWN
    if doubtful and event.verdict in (Examination.ABSENT, Examination.UNCLEAR):
        return
    step.attempt(message, f"examined: {event.verdict}", event.why)
    found_in(step, message, event.conversation)
    match event.verdict:
        case Examination.ABSENT if _ended_with(step, message):
            lost(step, message, f"its session ended while it was handed over ({event.why})")
        case Examination.ABSENT:
            put_back(step, message, event.why)
        case Examination.UNCLEAR:
            step.set_message(message, state=MessageState.UNKNOWN, why=event.why)
            if _with_live(step, message):
                step.set_session(used=True)
            step.journal("unknown", message=message.id, why=event.why)
            step.tell(message, "unknown", event.why)
        case Examination.FOUND:
            _accept(step, message, event.why)
        case Examination.ENDED:
            _note_accepted(step, message, event.why)
            _remember_topic(step, message.topic)
            taken = step.set_message(message, accepted_at=message.accepted_at or step.now)
            step.finish(taken, MessageState.DONE, event.why)


def _ended_with(step: Step, message: Message) -> bool:
    """Whether an ephemeral session has failed while it was given this task."""
    death = step.peer.last_death
    if step.peer.settings.wake is not WakePolicy.EPHEMERAL or message.notice is not None:
        return False
    return not _with_live(step, message) and death is not None and death.cause in COUNTED


def expire(step: Step) -> None:
    """End messages whose time to live is over while they wait, for the first time or after a cut turn."""
    if step.state.expiry is None or step.now < step.state.expiry:
        return
    for message in step.state.messages:
        if _waits(message) and message.expires_at is not None and step.now >= message.expires_at:
            why = (
                "its turn was cut off and its time to live ran out"
                if message.cut
                else "its time to live ran out"
            )
            step.finish(message, MessageState.EXPIRED, why, tell="expired")
    step.renew_expiry()


def head(step: Step) -> Message | None:
    """The message to see to next: the first that waits, if it may go now."""
    first = _first(message for message in step.state.messages if _waits(message) and _fits(step, message))
    if first is None or (first.not_before is not None and step.now < first.not_before):
        return None
    return first


def waking(step: Step) -> Message | None:
    """The message that wakes the sleeping peer: notices do not, nor does what waits for an idle agent.

    Each task of an ephemeral peer has a session of its own, which is idle when it comes: there all wake.
    """
    ephemeral = step.peer.settings.wake is WakePolicy.EPHEMERAL
    return _first(
        message
        for message in step.state.messages
        if _waits(message)
        and message.notice is None
        and (message.cut or ephemeral or message.timing is not Timing.IDLE)
    )


def _waits(message: Message) -> bool:
    return message.cut or message.state is MessageState.QUEUED


def _first(waiting: Iterable[Message]) -> Message | None:
    """The earliest of the most urgent: what was begun goes on before anything else begins."""
    return min(waiting, key=_urgency, default=None)


def _urgency(message: Message) -> int:
    return 0 if message.cut else _URGENCY[message.timing]


def next_offer(step: Step) -> Message | None:
    """The message to hand to the active session; one of another conversation is not passed over."""
    message, session = head(step), step.session
    if message is None or session is None:
        return None
    strange = step.peer.settings.apart and message.notice is None and message.topic != session.topic
    return None if strange else message


def _fits(step: Step, message: Message) -> bool:
    """P4: an ephemeral session gets one task, and after it, until it has answered, notices."""
    session = step.session
    if step.peer.settings.wake is not WakePolicy.EPHEMERAL or session is None:
        return True
    if message.notice is None:
        return session.task in (None, message.id)
    return session.task is not None and session.armed_at is None


def offer(step: Step) -> None:
    """Hand the next message over, one at a time: to an idle session, or into its running turn."""
    session = step.session
    if session is None or not session.ready or step.state.offered is not None:
        return
    if session.ending is not None or session.open_control is not None:
        return
    message = next_offer(step)
    if message is None:
        return
    steers = _steers(step, session, message)
    if not steers and (session.state is not SessionState.IDLE or step.state.turn):
        return
    if step.peer.settings.wake is WakePolicy.EPHEMERAL and message.notice is None:
        step.set_session(task=message.id)
    again = message.cut
    offered = step.set_message(
        message,
        state=MessageState.OFFERED,
        session=session.id,
        attempts=message.attempts + 1,
        cut=False,
        redriven=message.redriven or again,
        not_before=None,
        why=STEERED if steers else HANDED_AGAIN if again else HANDED,
    )
    step.set_session(active_at=step.now)
    if message.notice is None:
        step.set_session(sender=message.sender)
    step.attempt(offered, "offered", offered.why)
    step.journal("offered", message=message.id)
    step.emit(c.Offer(session.id, step.peer.name, offered, noted(offered), steers))


def _steers(step: Step, session: Session, message: Message) -> bool:
    """Whether the message goes into the running turn.

    A task has a turn of its own, and so has what is driven again: the end of another would end it, too.
    """
    again = message.cut or message.redriven
    if message.timing is not Timing.NOW or again or not step.traits.steers:
        return False
    return session.state is SessionState.WORKING and step.peer.settings.wake is not WakePolicy.EPHEMERAL
