"""The reducer: one event of one peer becomes a new state and the commands that carry it out."""

from collections.abc import Callable, Iterator
from typing import Any

from roost.core import moving, operations, renaming, watching
from roost.core.messages import (
    acceptance,
    awaited,
    chain,
    delays,
    doubt,
    examination,
    mailbox,
    offer,
    queue,
    remote,
    submission,
    taking_part,
    turn_end,
)
from roost.core.sessions import (
    clock,
    control,
    death,
    joining,
    lifecycle,
    own_terminal,
    pool,
    questions,
    tools,
    unregistered,
)
from roost.core.sessions.wake import wake_blocked_until
from roost.core.transition.ending import end, policy_end
from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import move as m
from roost.core.vocabulary import reports
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import PeerState, WakeMode, WakePolicy
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import Cause, SessionState


def _tick(step: Step, _event: f.Tick) -> None:
    """What is due is seen to after every event.

    A peer was made by now: while no daemon ran, the clock may have been set to before it was.
    """
    peer = step.peer
    if step.now < peer.created_at:
        unused = peer.since <= peer.created_at
        step.set_peer(created_at=step.now, since=min(peer.since, step.now) if unused else peer.since)


_PLAIN = Policy()
_HANDLERS: dict[type, Callable[[Step, Any], None]] = {
    r.Submit: submission.on_submit,
    r.Resend: doubt.on_resend,
    r.Drop: doubt.on_drop,
    r.Acknowledge: mailbox.on_acknowledge,
    f.Replied: acceptance.on_replied,
    f.ChainEnded: chain.on_chain_ended,
    f.Seen: mailbox.on_seen,
    f.Taken: acceptance.on_taken,
    f.TurnEnded: turn_end.on_turn_ended,
    f.Rejected: offer.on_rejected,
    f.OfferFailed: offer.on_offer_failed,
    f.OfferWaits: offer.on_offer_waits,
    f.Examined: examination.on_examined,
    reports.Arrived: remote.on_arrived,
    reports.Progressed: remote.on_progressed,
    reports.TurnedAway: remote.on_turned_away,
    r.Wake: operations.on_wake,
    r.Run: own_terminal.on_run,
    r.Join: joining.on_join,
    r.Hooked: joining.on_hooked,
    r.Leave: joining.on_leave,
    r.Stop: operations.on_stop,
    r.Rest: operations.on_rest,
    r.Start: operations.on_start,
    r.Restart: operations.on_restart,
    r.Refresh: operations.on_refresh,
    r.TakeOver: operations.on_take_over,
    r.Rename: renaming.on_rename,
    r.AwaitReply: awaited.on_await_reply,
    f.NotSent: awaited.on_not_sent,
    r.LeaveThread: taking_part.on_leave_thread,
    r.WatchPeer: watching.on_watch,
    f.SenderRenamed: renaming.on_sender_renamed,
    m.Depart: moving.on_depart,
    m.Stay: moving.on_stay,
    m.Answered: moving.on_answered,
    m.Owned: moving.on_owned,
    m.Decided: moving.on_decided,
    m.Disowned: moving.on_disowned,
    r.Interrupt: control.on_interrupt,
    r.Compact: control.on_compact,
    f.Performed: control.on_performed,
    r.Answer: questions.on_answer,
    r.Deny: questions.on_deny,
    f.AnswerGiven: questions.on_answer_given,
    r.Remove: operations.on_remove,
    r.Configure: operations.on_configure,
    f.Completed: lifecycle.on_completed,
    r.FreshAsked: operations.on_fresh_asked,
    f.Launched: lifecycle.on_launched,
    f.ThreadJoined: lifecycle.on_thread_joined,
    f.Adopted: lifecycle.on_adopted,
    f.ToolsGiven: tools.on_tools_given,
    f.Claimed: unregistered.on_claimed,
    f.Outrun: unregistered.on_outrun,
    f.Observed: lifecycle.on_observed,
    f.EndVetoed: lifecycle.on_end_vetoed,
    f.BootFailed: lifecycle.on_boot_failed,
    f.Orphaned: lifecycle.on_orphaned,
    f.Spare: pool.on_spare,
    f.Evict: pool.on_evict,
    f.ConversationMissing: lifecycle.on_conversation_missing,
    f.Died: death.on_died,
    f.Remained: death.on_remained,
    f.Released: lifecycle.on_released,
    f.Tick: _tick,
    f.ClockMoved: clock.on_clock_moved,
}

_OF_SESSION = (
    f.Completed,
    r.FreshAsked,
    f.Launched,
    f.ThreadJoined,
    f.Adopted,
    f.ToolsGiven,
    f.Observed,
    r.Hooked,
    f.AnswerGiven,
    f.EndVetoed,
    f.Evict,
    f.BootFailed,
    f.Orphaned,
    f.ConversationMissing,
)
"""Events about a session, be it active or pooled; those about messages speak of the active one."""


_OF_ITS_HOST = (
    m.Depart,
    m.Stay,
    r.Acknowledge,
    r.Answer,
    r.Compact,
    r.Configure,
    r.Deny,
    r.Drop,
    r.Interrupt,
    r.Refresh,
    r.Rename,
    r.Resend,
    r.Rest,
    r.Restart,
    r.Start,
    r.Stop,
    r.Wake,
    r.WatchPeer,
)
"""What only the host on which a peer lives can do."""


def decide(
    state: PeerState, event: Event, now: float, policy: Policy
) -> tuple[PeerState | None, tuple[c.Command, ...]]:
    """Apply one event at `now` (Unix seconds).

    Returns the new state (None: the peer is gone) and the commands in order. A `Refuse` among them means that
    nothing was changed.
    """
    step, handle = Step(state, now, policy), _HANDLERS[type(event)]
    if step.traits.remote and isinstance(event, _OF_ITS_HOST):
        return state, (c.Refuse(remote.elsewhere(state.peer.name)),)
    if state.pool:
        with step.about(_session_of(event)):
            handle(step, event)
    else:
        handle(step, event)
    refused = [command for command in step.commands if type(command) is c.Refuse]
    if refused:
        return state, tuple(refused)
    _pump(step)
    after, commands = step.result()
    if after.peer.removing and not after.sessions:
        return None, commands
    return after, commands


def _session_of(event: Event) -> str | None:
    if isinstance(event, f.Died):
        return event.death.session
    return event.session if isinstance(event, _OF_SESSION) else None


def _pump(step: Step) -> None:
    """Do what has become due: expiries, policy deaths, purges, offers, wakes."""
    queue.expire(step)
    awaited.expire(step)
    if step.peer.removing:
        _purge(step)
        return
    renaming.rename(step)
    moving.hand_over(step)
    traits = step.traits
    if traits.remote:
        remote.forward(step)
    if traits.mailbox or traits.remote:
        return
    due = policy_end(step.state)
    if due is not None and step.now >= due.at:
        end(step, due.cause, _asker(step, due.cause), why=due.why)
    tools.begin_anew(step)
    pool.make_way(step)
    pool.tend(step)
    if step.session is None:
        _wake(step)
    questions.expire(step)
    control.go_on(step)
    offer.offer(step)
    delays.tell(step)


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
    if peer.settings.wake is WakePolicy.NEVER and not step.goes_on_here:
        if peer.pending is not None:  # it was asked for before that was set
            step.set_peer(pending=None)
        return
    if peer.stopped or peer.away or not step.policy.waking or _being_examined(step):
        return
    if peer.pending is not None:
        if pool.begin(step, peer.pending.mode, peer.pending.by, queue.head(step)):
            return
        step.set_peer(pending=None)
    if wake_blocked_until(step.state) > step.now:
        return
    head = queue.waking(step)
    if head is not None:
        pool.begin(step, WakeMode.NATURAL, head.sender, head)
    elif peer.settings.wake is WakePolicy.ALWAYS:
        pool.begin(step, WakeMode.NATURAL, "roost", None)


def _being_examined(step: Step) -> bool:
    """An offer that a death cut short is looked into first: its verdict may need this very conversation."""
    return any(message.state is MessageState.OFFERED for message in step.state.messages)


def deadline(state: PeerState, now: float, policy: Policy = _PLAIN) -> float | None:
    """When the peer needs a `Tick` next (Unix seconds), None when only an event can change anything.

    `now`: when the event was decided that led to this state. All that was due then has been done, so a time
    that has passed waits for an event, not for a tick. A refused event leads to no state and does nothing.
    """
    return min((at for at in _times(state, policy) if at > now), default=None)


def _times(state: PeerState, policy: Policy) -> Iterator[float]:
    if state.expiry is not None:
        yield state.expiry
    for each in state.peer.awaits:
        yield each.by
    if state.session is None or state.peer.settings.pool:  # another may wait for its wake
        yield wake_blocked_until(state)
    if state.session is not None or state.pool:
        yield from _times_of_sessions(state, policy)


def _times_of_sessions(state: PeerState, policy: Policy) -> Iterator[float]:
    session = state.session
    yield from pool.due_times(state)
    if session is not None and session.state in (SessionState.IDLE, SessionState.WORKING):
        for message in state.messages:
            if message.not_before is not None and message.waiting:
                yield message.not_before
    due = policy_end(state)
    if due is not None:
        yield due.at
    told_at = delays.due_at(state)
    if told_at is not None:
        yield told_at
    asked = session.open_control if session is not None else None
    expires_at = questions.due_at(state, policy)
    if expires_at is not None:
        yield expires_at
    if asked is not None and not asked.begun:
        yield control.given_up_at(asked)
