"""A launch that something was in the way of: tried again with patience, told once, and nobody's crash."""

from msgspec.structs import replace

from roost.core.transition.step import Step
from roost.core.vocabulary.peer import Hindrance


def hinder(step: Step, why: str) -> None:
    """A launch failed before the agent's program ran: nobody's crash.

    It is tried again for as long as somebody waits, after a pause that doubles. Who waits is told once, when
    it does not heal by itself within seconds, as a program that is being updated does.
    """
    policy, known = step.policy, step.peer.hindered
    if known is None or step.now - known.at > 2 * policy.backoff_most:  # that was another time
        known = Hindrance(why, since=step.now, at=step.now)
    tries = known.tries + 1
    delay = min(policy.backoff * 2 ** min(tries - 1, 20), policy.backoff_most)
    lasts = step.state.session is None and step.now - known.since >= policy.healing
    told = known.told or lasts
    hindered = replace(known, why=why, at=step.now, tries=tries, told=told)
    step.set_peer(hindered=hindered, backoff_until=step.now + delay)
    if told and not known.told:
        _tell(step, why)


def unhinder(step: Step) -> None:
    """The agent's program ran, or what it is to run with has changed: what was in its way counts no more."""
    if step.peer.hindered is not None:
        step.set_peer(hindered=None)


def _tell(step: Step, why: str) -> None:
    """N1: who waits hears of it; who sends later is told at once that the message is kept."""
    news = f"'{step.peer.name}' cannot be started: {why}; the message is kept and the start is tried again"
    for message in step.state.messages:
        if message.waiting:
            step.tell(message, "cannot be woken", news)
