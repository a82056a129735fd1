"""The offer of a message to the active session, and how one ends that came to nothing."""

from roost.core.messages.queue import next_offer
from roost.core.transition.step import Step
from roost.core.transition.turns import noted, put_back, release, untask
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import (
    HANDED,
    HANDED_AGAIN,
    STEERED,
    UNHINDERED,
    Message,
    MessageState,
    Timing,
)
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.phrases import WOKEN
from roost.core.vocabulary.session import FORGETS, Session, SessionState


def offer(step: Step) -> None:
    """Hand the next message over, one at a time: to an idle session, or into its running turn."""
    session = step.session
    if session is None or not session.ready or session.reads or step.state.offered is not None:
        return
    if session.ending is not None or session.open_control is not None:
        return
    message = next_offer(step)
    if message is None:
        return
    steers = _steers(step, session, message)
    if session.own_terminal and not step.traits.calls:
        if not _asks_for_mail(step, session):
            return
    elif not steers and (session.state is not SessionState.IDLE or step.state.turn):
        return
    if step.peer.settings.wake is WakePolicy.EPHEMERAL and message.notice is None:
        step.set_session(task=message.id)
    again, held = message.cut, session.holds_offer(message.id)
    offered = step.set_message(
        message,
        state=MessageState.OFFERED,
        session=session.id,
        attempts=message.attempts + (not held),
        cut=False,
        redriven=message.redriven or again,
        not_before=None,
        why=STEERED if steers else HANDED_AGAIN if again else HANDED,
    )
    step.set_session(active_at=step.now)
    if message.notice is None:
        step.set_session(sender=message.sender)
    if held:  # what was in its way is shown until that is seen to be gone
        step.set_message(offered, why=message.why)
    else:
        step.attempt(offered, "offered", offered.why)
        step.journal("offered", message=message.id)
        _tell_forgets(step, session, message)
    step.emit(c.Offer(session.id, step.peer.name, offered, noted(offered), steers))


def _tell_forgets(step: Step, session: Session, message: Message) -> None:
    """Its sender may count on what was said before: the session was to go on with that, and could not."""
    if session.wake in FORGETS and not session.used and not session.spare:
        why = f"'{step.peer.name}' was woken {WOKEN[session.wake]}"
        step.tell(message, "fresh conversation", f"{why}: it knows nothing of what was said before")


def _steers(step: Step, session: Session, message: Message) -> bool:
    """Whether the message goes into the running turn.

    A task has a turn of its own, and so has what is driven again: the end of another would end it, too.
    """
    again = message.cut or message.redriven
    if message.timing is not Timing.NOW or again or not step.traits.steers:
        return False
    return session.state is SessionState.WORKING and step.peer.settings.wake is not WakePolicy.EPHEMERAL


def _asks_for_mail(step: Step, session: Session) -> bool:
    """Whether the program in a person's terminal will ask: by a hook in a turn, at its prompt by a pipe."""
    if session.state is SessionState.WORKING:
        return step.traits.hooks
    return session.state is SessionState.IDLE and step.traits.piped and not step.state.turn


def on_offer_waits(step: Step, event: f.OfferWaits) -> None:
    """What an offer waits for is shown meanwhile, and told where a person was in its way and is no more."""
    message = step.state.message(event.message_id)
    if message is None or message.state is not MessageState.OFFERED or message.session != event.session:
        return
    if event.attempt != message.attempts or event.why == message.why:
        return
    step.set_message(message, why=event.why)
    session = step.live(event.session)
    if session is not None and session.holds_offer(message.id) and event.why in UNHINDERED:
        release(step, message)
        step.attempt(message, "released", "nobody is in its way any more")
        step.journal("released", message=message.id)


def on_offer_failed(step: Step, event: f.OfferFailed) -> None:
    """An offer ended without evidence."""
    message = step.state.message(event.message_id)
    if message is None or message.state is not MessageState.OFFERED or message.session != event.session:
        return
    if event.attempt not in (None, message.attempts):
        return
    session = step.live(event.session)
    if event.certain:
        if not event.person:
            step.attempt(message, "not pasted", event.why)
        elif session is None or not session.holds_offer(message.id):
            why = f"{event.why}; the message is kept and goes in when nobody types there"
            step.tell(message, "waits", why)
        put_back(step, message, event.why, person=event.person)
        return
    step.attempt(message, "unclear", event.why)
    if session is not None:
        step.emit(c.Examine(session.id, step.peer.name, message, session.conversation))


def on_rejected(step: Step, event: f.Rejected) -> None:
    """A hook of the agent's program, or that itself, stopped the message: no model will ever see it."""
    message = step.state.message(event.message_id)
    if message is None or message.session != event.session or not message.in_flight:
        return
    release(step, message)
    step.attempt(message, "rejected", event.why)
    why = f"{event.by} refused the prompt: {event.why}"
    step.finish(message, MessageState.DEAD_LETTER, why, tell="refused")
    if step.live(event.session) is not None:
        step.set_session(active_at=step.now)
        untask(step, message)
