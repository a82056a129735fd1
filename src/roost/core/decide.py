"""The reducer: one event of one peer becomes a new state and the commands that carry it out."""

from collections.abc import Callable, Iterator
from typing import Any

from roost.core import renaming, requests
from roost.core.messages import delivery, doubt, waiting
from roost.core.sessions import claim, clock, control, death, lifecycle, pool
from roost.core.sessions.wake import wake_blocked_until
from roost.core.transition.ending import end, policy_end
from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import events as e
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import PeerState, WakeMode, WakePolicy
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import Cause, SessionState


def _tick(_step: Step, _event: e.Tick) -> None:
    """Nothing of its own: what is due is seen to after every event."""


_HANDLERS: dict[type, Callable[[Step, Any], None]] = {
    e.Submit: delivery.on_submit,
    e.Resend: doubt.on_resend,
    e.Drop: doubt.on_drop,
    e.Acknowledge: delivery.on_acknowledge,
    e.Replied: delivery.on_replied,
    e.Seen: delivery.on_seen,
    e.Taken: delivery.on_taken,
    e.TurnEnded: delivery.on_turn_ended,
    e.Rejected: delivery.on_rejected,
    e.OfferFailed: delivery.on_offer_failed,
    e.OfferWaits: delivery.on_offer_waits,
    e.Examined: delivery.on_examined,
    e.Wake: requests.on_wake,
    e.Stop: requests.on_stop,
    e.Rest: requests.on_rest,
    e.Start: requests.on_start,
    e.Restart: requests.on_restart,
    e.Refresh: requests.on_refresh,
    e.Rename: renaming.on_rename,
    e.SenderRenamed: renaming.on_sender_renamed,
    e.Interrupt: control.on_interrupt,
    e.Compact: control.on_compact,
    e.Performed: control.on_performed,
    e.Remove: requests.on_remove,
    e.Configure: requests.on_configure,
    e.Completed: lifecycle.on_completed,
    e.FreshAsked: requests.on_fresh_asked,
    e.Launched: lifecycle.on_launched,
    e.Adopted: lifecycle.on_adopted,
    e.Claimed: claim.on_claimed,
    e.Outrun: claim.on_outrun,
    e.Observed: lifecycle.on_observed,
    e.EndVetoed: lifecycle.on_end_vetoed,
    e.BootFailed: lifecycle.on_boot_failed,
    e.Orphaned: lifecycle.on_orphaned,
    e.Spare: pool.on_spare,
    e.Evict: pool.on_evict,
    e.ConversationMissing: lifecycle.on_conversation_missing,
    e.Died: death.on_died,
    e.Remained: death.on_remained,
    e.Released: lifecycle.on_released,
    e.Tick: _tick,
    e.ClockMoved: clock.on_clock_moved,
}

_OF_SESSION = (
    e.Completed,
    e.FreshAsked,
    e.Launched,
    e.Adopted,
    e.Observed,
    e.EndVetoed,
    e.Evict,
    e.BootFailed,
    e.Orphaned,
    e.ConversationMissing,
)
"""Events about a session, be it active or pooled; those about messages speak of the active one."""


def decide(
    state: PeerState, event: e.Event, now: float, policy: Policy
) -> tuple[PeerState | None, tuple[c.Command, ...]]:
    """Apply one event at `now` (Unix seconds).

    Returns the new state (None: the peer is gone) and the commands in order. A `Refuse` among them means that
    nothing was changed.
    """
    step, handle = Step(state, now, policy), _HANDLERS[type(event)]
    if state.pool:
        with step.about(_session_of(event)):
            handle(step, event)
    else:
        handle(step, event)
    refused = [command for command in step.commands if isinstance(command, c.Refuse)]
    if refused:
        return state, tuple(refused)
    _pump(step)
    after, commands = step.result()
    if after.peer.removing and not after.sessions:
        return None, commands
    return after, commands


def _session_of(event: e.Event) -> str | None:
    if isinstance(event, e.Died):
        return event.death.session
    return event.session if isinstance(event, _OF_SESSION) else None


def _pump(step: Step) -> None:
    """Do what has become due: expiries, policy deaths, purges, offers, wakes."""
    delivery.expire(step)
    if step.peer.removing:
        _purge(step)
        return
    renaming.rename(step)
    if step.traits.mailbox:
        return
    due = policy_end(step.state)
    if due is not None and step.now >= due.at:
        end(step, due.cause, _asker(step, due.cause), why=due.why)
    pool.make_way(step)
    pool.tend(step)
    if step.session is None:
        _wake(step)
    control.go_on(step)
    delivery.offer(step)
    waiting.tell(step)


def _asker(step: Step, cause: Cause) -> str:
    """Who ends the session whose end is due: its agent, where that asked for it, or the policy."""
    ending = step.session.ending if step.session is not None else None
    return ending.by if ending is not None and ending.cause is cause else "roost"


def _purge(step: Step) -> None:
    if step.state.sessions:
        return
    for message in step.state.messages:
        step.finish(message, MessageState.DEAD_LETTER, "the recipient was removed", tell="removed")
    step.journal("removed")
    step.emit(c.Purge(step.peer.name))


def _wake(step: Step) -> None:
    """Launch a session when somebody asked for one, a message needs one, or the policy keeps one up."""
    peer = step.peer
    if peer.pending is None and not step.state.messages and peer.settings.wake is not WakePolicy.ALWAYS:
        return
    if peer.stopped or peer.renaming is not None or not step.policy.waking or _being_examined(step):
        return
    if peer.pending is not None:
        if pool.begin(step, peer.pending.mode, peer.pending.by, delivery.head(step)):
            return
        step.set_peer(pending=None)
    if wake_blocked_until(step.state) > step.now:
        return
    head = delivery.waking(step)
    if head is not None:
        pool.begin(step, WakeMode.NATURAL, head.sender, head)
    elif peer.settings.wake is WakePolicy.ALWAYS:
        pool.begin(step, WakeMode.NATURAL, "roost", None)


def _being_examined(step: Step) -> bool:
    """An offer that a death cut short is looked into first: its verdict may need this very conversation."""
    return any(message.state is MessageState.OFFERED for message in step.state.messages)


def deadline(state: PeerState, now: float) -> float | None:
    """When the peer needs a `Tick` next (Unix seconds), None when only an event can change anything.

    All that was due at `now` has been done, so a time that has passed waits for an event, not for a tick.
    """
    return min((at for at in _times(state) if at > now), default=None)


def _times(state: PeerState) -> Iterator[float]:
    session = state.session
    if state.expiry is not None:
        yield state.expiry
    yield from pool.due_times(state)
    if session is None or state.peer.settings.pool:  # with a pool, another session may wait for its wake
        yield wake_blocked_until(state)
    if session is not None and session.state in (SessionState.IDLE, SessionState.WORKING):
        for message in state.messages:
            if message.not_before is not None and (message.cut or message.state is MessageState.QUEUED):
                yield message.not_before
    due = policy_end(state)
    if due is not None:
        yield due.at
    told_at = waiting.due_at(state)
    if told_at is not None:
        yield told_at
    asked = session.open_control if session is not None else None
    if asked is not None and not asked.begun:
        yield control.given_up_at(asked)
