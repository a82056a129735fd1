"""Moving a peer to another host: at no moment it lives on both.

Nothing of it lives here from the moment that it begins to leave. The other host gets all that belongs to it
and keeps its name free; once it has said so, and the fleet has it on record whose the peer is, it is the
other's, and only then that host wakes it.
"""

from msgspec.structs import replace

from roost.core.sessions.clock import moved_message
from roost.core.transition.ending import end_all
from roost.core.transition.step import Step
from roost.core.transition.turns import give_up
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import move as m
from roost.core.vocabulary.identity import OPERATOR, REMOTE, host_of
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import PeerState, Settings, WakePolicy
from roost.core.vocabulary.session import Cause


def on_depart(step: Step, event: m.Depart) -> None:
    """It leaves; a live one with `force`, after its sessions have ended as a clean park."""
    peer, host = step.peer, event.move.host
    if step.traits.mailbox:
        return step.refuse(f"'{peer.name}' is a mailbox; it stays with whoever reads it")
    if peer.settings.wake is WakePolicy.NEVER:
        return step.refuse(f"'{peer.name}' runs in a person's own terminal, and stays there")
    if peer.settings.threaded:
        return step.refuse(f"'{peer.name}' is a thread of a server, and stays with it")
    if peer.removing or peer.renaming is not None:
        return step.refuse(f"'{peer.name}' is being {'removed' if peer.removing else 'renamed'}")
    if peer.moving is not None:
        return step.refuse(f"'{peer.name}' is moving already; see `roost show {peer.name}`")
    if any(message.state is MessageState.UNKNOWN for message in step.state.messages):
        return step.refuse(
            f"a message of '{peer.name}' is in doubt; see `roost messages --state unknown` first",
        )
    if step.state.sessions and not event.force:
        way = f"stop it first or use `roost move {peer.name} {host} --force`"
        return step.refuse(f"'{peer.name}' is live; {way}")
    step.set_peer(moving=event.move)
    step.journal("move-begun", host=host, by=event.move.by)
    end_all(step, Cause.OPERATOR_STOP, event.move.by)
    return None


def on_stay(step: Step, event: m.Stay) -> None:
    """The move is called off, unless the other host may have been told to go on."""
    move = step.peer.moving
    if move is None or move.arriving:
        return step.refuse(f"'{step.peer.name}' is not on its way from here to another host")
    if move.ready:
        return step.refuse(f"'{move.host}' has all of '{step.peer.name}' already; move it back from there")
    _stay(step, move, f"called off by {event.by}")
    return None


def hand_over(step: Step) -> None:
    """Send a peer's things once nothing of it goes on here."""
    move = step.peer.moving
    if move is None or move.arriving or move.handed or step.state.sessions:
        return
    if any(message.state is MessageState.OFFERED for message in step.state.messages):
        return
    begun = [message for message in step.state.messages if message.state is MessageState.ACCEPTED]
    give_up(step, begun, f"its turn was cut off as '{step.peer.name}' moved to {move.host}")
    move = replace(move, handed=True)
    step.set_peer(moving=move)
    step.emit(m.HandOver(step.peer.name, move))


def on_answered(step: Step, event: m.Answered) -> None:
    """The other host has all of it, or will not have it."""
    move = step.peer.moving
    if move is None or move.arriving or move.id != event.id or move.ready:
        return
    if not event.ready:
        _stay(step, move, f"{move.host}: {event.why}", told=False)
        return
    move = replace(move, ready=True)
    step.set_peer(moving=move)
    step.emit(m.Own(step.peer.name, move))


def on_owned(step: Step, event: m.Owned) -> None:
    """It is on record whose the peer is: it leaves, or it was not this host's to give."""
    move = step.peer.moving
    if move is None or move.id != event.id:
        return
    if event.host == move.host:
        _leave(step, move, event)
    else:
        _stay(step, move, f"it belongs to {event.host}")
        step.set_peer(stopped=True)


def on_decided(step: Step, event: m.Decided) -> None:
    """It lives here from now on, or nothing came of it."""
    move = step.peer.moving
    if move is None or not move.arriving or move.id != event.id:
        return
    if event.decision == "cancel":
        step.set_peer(moving=None, removing=True, stopped=True)
        return
    step.set_peer(moving=None, since=step.now)
    step.journal("moved-in", host=move.host)


def on_disowned(step: Step, event: m.Disowned) -> None:
    """A peer that another host has is not woken here, until somebody starts it in the face of that."""
    if step.peer.stopped or step.state.sessions or step.peer.moving is not None:
        return
    step.set_peer(stopped=True, since=step.now)
    step.journal("disowned", host=event.host)


def _stay(step: Step, move: m.Move, why: str, *, told: bool = True) -> None:
    if told and move.handed:
        step.emit(m.Decide(step.peer.name, move.host, move.id, "cancel"))
    step.set_peer(moving=None)
    step.journal("move-ended", host=move.host, why=why)


def _leave(step: Step, move: m.Move, event: m.Owned) -> None:
    """From now on the name stands for the peer of the other host; what waited for it is sent there.

    Nobody but their own host can send messages of other hosts: they are given back. What was sent to the
    peer's new name before goes on as it was, and its rows are the peer's from now on.
    """
    old, new = step.peer.name, f"{step.peer.name}@{move.host}"
    why = f"'{old}' lives on {move.host} now; send it to {new}"
    for message in step.state.messages:
        if host_of(message.sender) is not None:
            step.finish(message, MessageState.REFUSED, why, tell="refused")
    step.emit(m.Decide(new, move.host, move.id, "go"), c.Rename(old, new, step.peer.created_at))
    messages = [
        replace(message, to=new, attempts=0, cut=False, not_before=None, session=None)
        for message in step.state.messages
    ]
    kept = (
        [moved_message(each, event.moved) for each in event.kept] if event.moved is not None else event.kept
    )
    every = sorted([*kept, *messages], key=lambda message: message.created_at)
    step.state = PeerState.of(step.peer, step.state.sessions, tuple(every))
    step.emit(*(c.SaveMessage(now) for now, then in zip(kept, event.kept, strict=True) if now != then))
    earlier = dict.fromkeys((*event.former, *step.peer.former))
    former = tuple(name for name in earlier if name not in (old, new))
    step.set_peer(
        name=new,
        former=(*former, old),
        moving=None,
        settings=Settings(dir="/", runtime=REMOTE),
        conversation=None,
        conversations=(),
        topics=(),
        topics_at=(),
        earlier=(),
        past=None,
        pending=None,
        stopped=False,
        since=step.now,
    )
    step.journal("moved", host=move.host, by=move.by or OPERATOR)
