"""Sessions of a peer that its store does not know of: the store was lost, or is an older copy."""

from collections.abc import Collection

from msgspec.structs import replace

from roost.core.sessions.launch import session_id
from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.peer import Peer, WakePolicy
from roost.core.vocabulary.session import SessionState
from roost.errors import RefusedError

AHEAD = 64
"""How many sessions an older copy of a store may lack of one peer and still be told from a stranger's."""


def outrun_by(peer: Peer, sessions: Collection[str]) -> int | None:
    """The latest generation of the peer that is among these sessions and that its row does not know of yet.

    Ids are derived: the peer's next session would take the id, the folder and the marker of one that lives.
    """
    ahead = range(peer.generation + 1, peer.generation + 1 + AHEAD)
    return max((each for each in ahead if session_id(peer.seed, each) in sessions), default=None)


def on_outrun(step: Step, event: f.Outrun) -> None:
    """The next session gets an id that no other one has or had."""
    if event.generation > step.peer.generation:
        step.set_peer(generation=event.generation)


def on_claimed(step: Step, event: f.Claimed) -> None:
    """The session is the peer's active one from now on. What it is doing shows the next look."""
    name, given = step.peer.name, event.session
    if step.traits.mailbox:
        return step.emit(c.Refuse(RefusedError(f"'{name}' is a mailbox and has no sessions")))
    if step.state.session is not None:
        why = f"'{name}' has a session; end it first with `roost stop {name}`"
        return step.emit(c.Refuse(RefusedError(why)))
    # A row of the peer may have this generation already: then it was another store that counted.
    generation = max(step.peer.generation + 1, given.generation)
    used = step.peer.settings.wake is WakePolicy.EPHEMERAL
    session = replace(
        given,
        peer=name,
        generation=generation,
        state=SessionState.UNKNOWN,
        why="taken into the registry; not looked at yet",
        since=step.now,
        active_at=step.now,
        ready=True,
        ending=None,
        control=None,
        pooled=False,
        spare=False,
        task=given.id if used else None,  # it has a past, so it is given no task any more (P4)
        armed_at=step.now if used else None,
    )
    step.set_peer(generation=generation, conversation=session.conversation, pending=None, since=step.now)
    step.open_session(session)
    step.journal("adopted", cause="claimed", by=event.by)
    return None
