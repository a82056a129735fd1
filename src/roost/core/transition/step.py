"""One decision under construction: state changes and the commands that store them cannot part ways."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.growing import added
from roost.core.vocabulary.identity import derive, host_of
from roost.core.vocabulary.message import Message, MessageState, Notice
from roost.core.vocabulary.peer import Peer, PeerState
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Death, Session, SessionState
from roost.errors import RefusedError

_ROWS: dict[type[c.Command], Callable[[c.Command], str]] = {
    c.SavePeer: attrgetter("peer.name"),
    c.SaveSession: attrgetter("session.id"),
    c.SaveMessage: attrgetter("message.id"),
}
"""The saves of which only the last one counts, and whose row each is."""


class Step:
    """Collects what one event leads to. Every setter updates the state and emits the matching save."""

    def __init__(self, state: PeerState, now: float, policy: Policy) -> None:
        """Begin at `state`."""
        self.state = state
        self.now = now
        self.policy = policy
        self.commands: list[c.Command] = []
        self._about: str | None = None

    @property
    def peer(self) -> Peer:
        """The peer as it stands now."""
        return self.state.peer

    @property
    def session(self) -> Session | None:
        """The active session as it stands now, or, within `about`, the pooled one."""
        if self._about is None:
            return self.state.session
        return next((session for session in self.state.pool if session.id == self._about), None)

    @contextmanager
    def about(self, session_id: str | None) -> Generator[None]:
        """Within, all that is done to the session is done to this one, if it is pooled."""
        if any(session.id == session_id for session in self.state.pool):
            self._about = session_id
        try:
            yield
        finally:
            self._about = None

    @property
    def traits(self) -> Traits:
        """The nature of the peer's runtime."""
        return self.policy.of(self.peer.settings.runtime)

    @property
    def goes_on_here(self) -> bool:
        """Whether a session of ours can go on with a person's conversation, while they do not run it."""
        return (
            self.peer.settings.resumes_away and self.traits.resumable and self.peer.conversation is not None
        )

    def live(self, session_id: str) -> Session | None:
        """The live session, if it is the one that an event speaks of: an event about another is too late."""
        session = self.session
        return session if session is not None and session.id == session_id else None

    def emit(self, *commands: c.Command) -> None:
        """Append commands."""
        self.commands.extend(commands)

    def refuse(self, why: str) -> None:
        """Change nothing; the asker gets this sentence."""
        self.emit(c.Refuse(RefusedError(why)))

    def journal(
        self,
        kind: str,
        *,
        message: str | None = None,
        cause: str | None = None,
        **data: Any,  # noqa: ANN401 -- facts of any kind
    ) -> None:
        """Append a journal event about this peer and its live session."""
        session = self.session.id if self.session else None
        self.emit(c.Journal(kind, self.peer.name, session, message, cause, data))

    def set_peer(self, **changes: Any) -> None:  # noqa: ANN401
        """Change fields of the peer."""
        peer = replace(self.peer, **changes)
        self.state = replace(self.state, peer=peer)
        self.emit(c.SavePeer(peer))

    def open_session(self, session: Session) -> None:
        """The peer has this session from now on, active or pooled."""
        if session.pooled:
            others = [other for other in self.state.pool if other.id != session.id]
            pool = sorted([*others, session], key=lambda pooled: pooled.generation)
            self.state = replace(self.state, pool=tuple(pool))
        else:
            self.state = replace(self.state, session=session)
        self.emit(c.SaveSession(session))

    def shelve(self) -> None:
        """The active session joins the pool."""
        session = self.state.session
        assert session is not None  # noqa: S101 -- callers hold an active session
        self.state = replace(self.state, session=None)
        self.open_session(replace(session, pooled=True))

    def activate(self, session: Session) -> None:
        """A pooled session becomes the active one; there is no other."""
        self.state = replace(self.state, pool=self._without(session.id))
        self.open_session(replace(session, pooled=False, spare=False))

    def _without(self, session_id: str) -> tuple[Session, ...]:
        return tuple(session for session in self.state.pool if session.id != session_id)

    def set_session(self, **changes: Any) -> Session:  # noqa: ANN401
        """Change fields of the live session and return it."""
        assert self.session is not None  # noqa: S101 -- callers hold a live session
        session = replace(self.session, **changes)
        self.open_session(session)
        return session

    def enter(self, state: SessionState, why: str) -> bool:
        """Move the session to a state; True when that is a change worth a journal line."""
        assert self.session is not None  # noqa: S101 -- callers hold a live session
        if self.session.state is state and self.session.why == why:
            return False
        changed = self.session.state is not state
        if changed:
            self.set_session(state=state, why=why, since=self.now, told=())
        else:
            self.set_session(why=why)
        return changed or state in (SessionState.BLOCKED, SessionState.UNKNOWN)

    def close_session(self, death: Death) -> None:
        """A live session is over."""
        active = self.state.session
        if active is not None and active.id == death.session:
            active = None
        self.state = replace(self.state, session=active, pool=self._without(death.session))
        self.emit(c.CloseSession(death))

    def add_message(self, message: Message) -> None:
        """A message joins the end of the queue."""
        messages, expiry = added(self.state.messages, message), self.state.expiry
        if message.expires_at is not None:
            expiry = message.expires_at if expiry is None else min(expiry, message.expires_at)
        self.state = replace(self.state, messages=messages, expiry=expiry)
        self.emit(c.SaveMessage(message))

    def renew_expiry(self) -> None:
        """Find the earliest time to live again, after the bound has been reached."""
        state = self.state
        self.state = PeerState.of(state.peer, state.sessions, state.messages)

    def set_message(self, old: Message, **changes: Any) -> Message:  # noqa: ANN401
        """Change fields of an unfinished message; a final one leaves the queue."""
        message = replace(old, **changes)
        kept = tuple(
            message if other.id == old.id else other
            for other in self.state.messages
            if other.id != old.id or not message.final
        )
        self.state = replace(self.state, messages=kept)
        self.emit(c.SaveMessage(message))
        return message

    def attempt(self, message: Message, outcome: str, why: str) -> None:
        """Record one step in the message's story."""
        self.emit(c.SaveAttempt(message.id, message.session, outcome, why))

    def finish(self, message: Message, state: MessageState, why: str, *, tell: str | None = None) -> None:
        """A message reaches its end; `tell` is the outcome that its sender is told of (N1).

        Where nobody goes on with a task, its session goes after its quiet window, as after an answer (P4).
        """
        done = self.set_message(message, state=state, why=why, done_at=self.now, cut=False, not_before=None)
        self.attempt(done, str(state), why)
        self.journal(str(state), message=message.id, why=why)
        session = self.session
        if state is not MessageState.DONE and session is not None and session.task == message.id:
            self.set_session(armed_at=session.armed_at or self.now)
        if tell is not None:
            self.tell(message, tell, why)

    def tell(self, message: Message, outcome: str, why: str) -> None:
        """Send the sender a notice, once for the same outcome.

        A notice is never answered by one, and a peer is not told of itself.
        """
        if message.notice is not None or message.sender == self.peer.name:
            return
        notice_id = derive(self.peer.seed, "notice", message.id, outcome)
        notice = Notice(message.id, outcome, why)
        self.emit(c.Notify(notice_id, message.sender, notice, since=message.created_at))

    def result(self) -> tuple[PeerState, tuple[c.Command, ...]]:
        """The decision, with superseded saves dropped: only the last save of each row counts.

        Pooled sessions are saved before the active one, whose place they may have left; one that has ended is
        saved no more.
        """
        saves = [type(command) in _ROWS for command in self.commands]
        kept = _last_saves(self.commands) if sum(saves) > 1 else [*self.commands]
        kept += [report for each in kept if type(each) is c.SaveMessage and (report := _report(each.message))]
        if self.state.pool:
            closed = {each.death.session for each in kept if type(each) is c.CloseSession}
            kept = [each for each in kept if type(each) is not c.SaveSession or each.session.id not in closed]
            kept.sort(key=lambda command: isinstance(command, c.SaveSession) and not command.session.pooled)
        return self.state, tuple(kept)


def _report(message: Message) -> c.Report | None:
    """What another host, from which a message came, is to hear of it."""
    if host_of(message.sender) is None:
        return None
    return c.Report(message.sender, message.id, message.state, message.why, message.accepted_at)


def _last_saves(commands: list[c.Command]) -> list[c.Command]:
    """The commands without the saves of a row that a later one saves again."""
    seen: set[tuple[type, str]] = set()
    kept: list[c.Command] = []
    for command in reversed(commands):
        name_of = _ROWS.get(type(command))
        if name_of is not None:
            row = type(command), name_of(command)
            if row in seen:
                continue
            seen.add(row)
        kept.append(command)
    kept.reverse()
    return kept
