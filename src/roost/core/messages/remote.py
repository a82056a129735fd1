"""Messages for a peer of another host: brought there, in order; what became of them there is shown here."""

from roost.core.messages.acceptance import note_accepted
from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import reports
from roost.core.vocabulary.identity import host_of
from roost.core.vocabulary.message import FINAL, Message, MessageState
from roost.errors import RefusedError

ON_ITS_WAY = "on its way to {}"
ARRIVED = "stored by {}"
OVERDUE = "its time to live ran out before {} had said that it has it"


def elsewhere(name: str) -> RefusedError:
    """Whoever asks it of this host hears where it can be done."""
    host = host_of(name)
    return RefusedError(f"'{name}' lives on the host '{host}', and only there this can be done")


def forward(step: Step) -> None:
    """Send what has not been sent."""
    for message in step.state.messages:
        if message.state is MessageState.QUEUED and not message.attempts:
            sent = step.set_message(message, attempts=1, why=ON_ITS_WAY.format(_host(step)))
            step.emit(c.Forward(step.peer.name, sent))


def overdue(step: Step, message: Message) -> None:
    """Its time to live is over: its host may have taken it in time, and says so when it is heard of."""
    why = OVERDUE.format(_host(step))
    step.set_message(message, state=MessageState.UNKNOWN, why=why, expires_at=None)
    step.attempt(message, "unclear", why)
    step.journal("unknown", message=message.id, why=why)


def on_arrived(step: Step, event: reports.Arrived) -> None:
    """Its host has it: from now on that host's word counts, and its time to live is that host's to watch."""
    message = step.state.message(event.message_id)
    if message is not None:
        _arrive(step, message)


def _arrive(step: Step, message: Message) -> Message:
    if message.why not in (ON_ITS_WAY.format(_host(step)), OVERDUE.format(_host(step))):
        return message
    why = ARRIVED.format(_host(step))
    step.attempt(message, "arrived", why)
    step.journal("arrived", message=message.id)
    return step.set_message(message, state=MessageState.QUEUED, why=why, expires_at=None)


def on_progressed(step: Step, event: reports.Progressed) -> None:
    """Its host tells how far it has come: the sender is told of an end by that host, not by this one."""
    message = step.state.message(event.message_id)
    if message is None or not step.traits.remote:
        return
    if event.state is not MessageState.REFUSED:
        message = _arrive(step, message)
    why = f"{_host(step)}: {event.why}" if event.why else message.why
    taken = event.accepted_at is not None and message.accepted_at is None
    if taken:
        message = step.set_message(message, accepted_at=event.accepted_at)
        note_accepted(step, message, why)
    if event.state in FINAL:
        step.finish(message, event.state, why)
    elif (message.state, message.why) != (event.state, why):
        message = step.set_message(message, state=event.state, why=why)
        if not taken:
            step.attempt(message, str(event.state), why)


def on_turned_away(step: Step, event: reports.TurnedAway) -> None:
    """A message from this peer was not taken here: its host is told why."""
    step.emit(c.Report(step.peer.name, event.message_id, event.state, event.why))


def _host(step: Step) -> str:
    return host_of(step.peer.name) or step.peer.name
