"""A launch that something was in the way of: tried again with patience, told once, and nobody's crash."""

from msgspec.structs import replace

from roost.core.messages.queue import waking
from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary.peer import Hindrance
from roost.core.vocabulary.phrases import WOKEN
from roost.core.vocabulary.session import Session


def hinder(step: Step, why: str) -> None:
    """A launch failed before the agent's program ran: nobody's crash.

    It is tried again for as long as somebody waits, after a pause that doubles. The story of the message that
    waits first has one line for all tries that fail for the same reason. Who waits is told once, when
    it does not heal by itself within seconds, as a program that is being updated does.
    """
    policy, known = step.policy, step.peer.hindered
    if known is None or step.now - known.at > 2 * policy.backoff_most:  # that was another time
        known = Hindrance(why, since=step.now, at=step.now)
    tries = known.tries + 1
    delay = min(policy.backoff * 2 ** min(tries - 1, 20), policy.backoff_most)
    lasts = step.state.session is None and step.now - known.since >= policy.healing
    told = known.told or lasts
    first = waking(step) if step.state.session is None else None
    if first is not None and (tries == 1 or (first.id, why) != (known.message, known.why)):
        step.attempt(first, "not woken", f"'{step.peer.name}' cannot be started: {why}")
    message = first.id if first is not None else known.message
    hindered = replace(known, why=why, at=step.now, tries=tries, told=told, message=message)
    step.set_peer(hindered=hindered, backoff_until=step.now + delay)
    if told and not known.told:
        _tell(step, why)


def runs(step: Step, session: Session) -> None:
    """The agent's program runs: what was in its way counts no more, and the story of who waited goes on."""
    hindered = step.peer.hindered
    if hindered is not None and not session.pooled and step.state.message(hindered.message):
        step.emit(c.SaveAttempt(hindered.message, session.id, "woke", WOKEN[session.wake]))
    unhinder(step)


def unhinder(step: Step) -> None:
    """What was in the way counts no more, as the peer's program or its settings are other ones."""
    if step.peer.hindered is not None:
        step.set_peer(hindered=None)


def _tell(step: Step, why: str) -> None:
    """N1: who waits hears of it; who sends later is told at once that the message is kept."""
    news = f"'{step.peer.name}' cannot be started: {why}; the message is kept and the start is tried again"
    for message in step.state.messages:
        if message.waiting:
            step.tell(message, "cannot be woken", news)
