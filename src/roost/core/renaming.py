"""Giving a peer another name: once nothing of it lives, all that is keyed to the name moves at one stroke."""

from msgspec.structs import replace

from roost.core.transition.ending import end_all
from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.session import Cause
from roost.errors import RefusedError


def on_rename(step: Step, event: r.Rename) -> None:
    """Another name; a live peer gets it with `force`, after its sessions have ended as a clean park.

    The caller keeps the new name free until the peer has it.
    """
    peer = step.peer
    if peer.removing:
        return step.emit(c.Refuse(RefusedError(f"'{peer.name}' is being removed")))
    if peer.renaming not in (None, event.new):
        return step.emit(c.Refuse(RefusedError(f"'{peer.name}' is being renamed to '{peer.renaming}'")))
    if peer.moving is not None:
        return step.emit(c.Refuse(RefusedError(f"'{peer.name}' is moving; see `roost show {peer.name}`")))
    if step.state.sessions and not event.force:
        way = f"stop it first or use `roost rename {peer.name} {event.new} --force`"
        return step.emit(c.Refuse(RefusedError(f"'{peer.name}' is live; {way}")))
    step.set_peer(renaming=event.new)
    end_all(step, Cause.OPERATOR_STOP, event.by)
    return None


def on_sender_renamed(step: Step, event: f.SenderRenamed) -> None:
    """Another peer has another name: what it sent here is from that name now."""
    for message in step.state.messages:
        if message.sender == event.old:
            step.set_message(message, sender=event.new)


def rename(step: Step) -> None:
    """Rename a peer that waits for it, unless something of it still goes on under the old name."""
    old, new = step.peer.name, step.peer.renaming
    if new is None:
        return
    if step.state.sessions or any(m.state is MessageState.OFFERED for m in step.state.messages):
        return
    step.emit(c.Rename(old, new, step.peer.created_at))
    messages = tuple(
        replace(message, to=new, sender=new if message.sender == old else message.sender)
        for message in step.state.messages
    )
    step.state = replace(step.state, messages=messages)
    former = tuple(name for name in step.peer.former if name != new)
    step.set_peer(name=new, former=(*former, old), renaming=None)
    step.journal("renamed", **{"from": old})
