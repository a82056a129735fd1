"""Peers that need a person, as `doctor` looks at them: folders, starts, sessions, conversations."""

import asyncio
from collections.abc import Iterable, Iterator

from roost.core.vocabulary.identity import HUMAN, OPERATOR
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.phrases import THEIRS
from roost.core.vocabulary.session import Session, SessionState
from roost.core.vocabulary.view import shown
from roost.daemon.health.checks.check import again
from roost.daemon.registry.sighting import HELD, OWN
from roost.daemon.session.driver import UNHEARD, UNREAD
from roost.daemon.session.foreign import Foreign
from roost.daemon.session.live_sessions import LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.host.interfaces.clock import Clock
from roost.present.finding import Code, Finding, quote, wrong


class PeersCheck:
    """Looks at each peer, and at who else has its conversation open."""

    def __init__(self, fleet: Fleet, live_sessions: LiveSessions, foreign: Foreign, clock: Clock) -> None:
        """Look at this fleet."""
        self._fleet = fleet
        self._live_sessions = live_sessions
        self._foreign = foreign
        self._clock = clock

    async def findings(self) -> Iterable[Finding]:
        """What is found now."""
        now = self._clock.now()
        return [
            *self._folders(),
            *(finding for state in self._fleet.states() for finding in self._peer(state, now)),
            *await self._held(),
        ]

    def _folders(self) -> Iterator[Finding]:
        for live in self._live_sessions:
            if (found := live.misplaced) is None:
                continue
            name, place = live.peer, quote(found.place)
            restart = f"roost restart {name}"
            if found.taken:
                advice = "put its own folder back; or end it and begin in the one that stands there:"
                fix = restart
            elif found.moved is not None:
                advice = f"it works on there after `roost set {name} dir={quote(found.moved)}`; put back by:"
                fix = f"mv {quote(found.moved)} {place}"
            else:
                advice = "its session cannot go on in it; begin in an empty one:"
                fix = f"mkdir -p {place} && {restart}"
            yield wrong(Code.FOLDER_MOVED, f"folder of {name}", found.why, advice=advice, fix=fix)

    async def _held(self) -> list[Finding]:
        """Conversations that somebody else has open."""
        states = self._fleet.states()
        holders = await asyncio.gather(*(self._foreign.of(state) for state in states))
        return [
            wrong(
                Code.CONVERSATION_HELD,
                f"conversation of {state.peer.name}",
                f"it is open in {holder.named}",
                advice="close it there, or begin a fresh one:",
                fix=f"roost restart {state.peer.name}",
            )
            for state, holder in zip(states, holders, strict=True)
            if holder is not None
        ]

    def _peer(self, state: PeerState, now: float) -> Iterator[Finding]:
        name, hindered = state.peer.name, state.peer.hindered
        seen = shown(state, now)
        if seen.state == "quarantined":
            advice = f"mend what ends it, `roost deaths {name}` tells more; then:"
            fix = f"roost start {name}"
            yield wrong(
                Code.PEER_QUARANTINED, f"peer {name}", f"quarantined: {seen.why}", advice=advice, fix=fix
            )
        if hindered is not None and state.session is None:
            why = f"cannot be started: {hindered.why}"
            advice = "mend that; it is tried again by itself, and at once by:"
            yield wrong(Code.START_HINDERED, f"start of {name}", why, advice=advice, fix=f"roost wake {name}")
        if state.refusal is not None:
            why = f"its model refused its latest turn: {state.refusal.why}"
            fix = f"roost refresh {name}"
            yield wrong(Code.CONVERSATION_REFUSED, f"conversation of {name}", why, fix=fix)
        if state.peer.settings.runtime == HUMAN and state.nearly_full:
            most = state.peer.settings.queue_limit
            then = "the oldest expire" if name == OPERATOR else "no more are taken"
            why = f"{state.queued} unread; beyond {most} of mail, or as many notices, {then}"
            advice = "show them and mark them as read:"
            yield wrong(
                Code.MAILBOX_FULL, f"mailbox of {name}", why, advice=advice, fix=f"roost inbox {name} --ack"
            )
        for session in state.sessions:
            if session.state is SessionState.BLOCKED and not session.held:
                advice, fix = _answer(name, session)
                yield wrong(Code.SESSION_BLOCKED, f"session of {name}", session.why, advice=advice, fix=fix)
            elif session.state is SessionState.UNKNOWN:
                advice, fix = _clear_up(name, session, reached=self._reached(session))
                yield wrong(Code.SESSION_UNCLEAR, f"session of {name}", session.why, advice=advice, fix=fix)

    def _reached(self, session: Session) -> bool:
        """Whether its tmux server, if it has one, answers us: then a person can look at its terminal."""
        live = self._live_sessions.find(session.id)
        if session.processes is None or session.processes.server is None:
            return True
        return live is not None and not session.why.startswith(UNHEARD)


def _answer(name: str, session: Session) -> tuple[str | None, str]:
    """What a session that waits for a person needs."""
    halted = f"kill -CONT {session.processes.agent.pid}" if session.processes is not None else None
    if halted is not None and halted in session.why:
        return None, halted
    where = "where its server is used" if session.thread is not None else "in its terminal"
    return f"answer it {where}:", f"roost attach {name}"


def _clear_up(name: str, session: Session, *, reached: bool) -> tuple[str, str | None]:
    """What to do about a session of which it is not known what it does."""
    if session.why == HELD:
        return f"end it there: `roost stop {name}`", None
    if session.why.startswith(THEIRS):
        return (
            "the roost that it came from keeps it; it gets a session of its own by:",
            f"roost restart {name}",
        )
    if OWN in session.why:
        return "where that host is gone for good:", OWN
    if session.why.startswith(UNREAD):
        return "it is read as soon as its disk answers, and its mail waits", None
    if not reached:
        advice = "it is tried again by itself; or end it, and have it begin anew where it was:"
        return advice, again(session)
    return "look at its terminal:", f"roost attach {name}"
