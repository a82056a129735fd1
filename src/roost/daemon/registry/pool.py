"""Keeps the pools within what the host allows, and says when a spare may boot (B1).

Each peer decides for itself about its own pool; how much all of them hold together is known only here.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator

from roost.core.sessions.pool import last_used, wants_spare
from roost.core.transition.ending import kept_until
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Session, SessionState
from roost.daemon.session.launcher import pane_log
from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks
from roost.errors import RoostError

_log = logging.getLogger("roost.pool")


class Pools:
    """Looks at all pools after each commit of a peer that has one."""

    def __init__(self, machine: Machine, fleet: Fleet, live_sessions: LiveSessions, tasks: Tasks) -> None:
        """Keep to the caps of the configuration."""
        self._machine = machine
        self._fleet = fleet
        self._live_sessions = live_sessions
        self._tasks = tasks
        self._members: set[str] = set()
        self._asked: set[str] = set()
        self._moving: set[str] = set()

    def committed(self, name: str, state: PeerState | None, _commands: object) -> None:
        """Follow the fleet."""
        if state is not None and (state.peer.settings.pool or state.pool):
            self._members.add(name)
        elif name in self._members:
            self._members.discard(name)
        else:
            return
        self._balance()
        if state is not None:
            self._follow(state)

    def _balance(self) -> None:
        """Ask for an end where there are too many, and for one more where there is room."""
        states = [state for name in sorted(self._members) if (state := self._fleet.find(name)) is not None]
        for session, why in self._too_many(states):
            self._ask(session.peer, session.id, f.Evict(session.id, why))
        now, policy = self._machine.clock.now(), self._fleet.policy
        held = sum(len(state.pool) for state in states)
        for state in states:
            asked = sum(1 for other in states if other.peer.name in self._asked)
            if held + asked >= self._machine.config.pool_host:
                return
            if wants_spare(state, now, policy):
                self._ask(state.peer.name, state.peer.name, f.Spare())

    def _too_many(self, states: list[PeerState]) -> Iterator[tuple[Session, str]]:
        """The least recently used pooled sessions beyond the caps, as far as they may end now."""
        config, now = self._machine.config, self._machine.clock.now()
        by_use = sorted(
            (
                (last_used(state, session), kept_until(state.peer.settings, session), session)
                for state in states
                for session in state.pool
                if session.state is not SessionState.STOPPING and session.id not in self._asked
            ),
            key=lambda used: used[0],
        )
        staying = [session for _, _, session in by_use]
        kept = {session.id for _, until, session in by_use if until > now}
        by_sender: defaultdict[str, list[Session]] = defaultdict(list)
        for session in staying:
            if session.sender is not None:
                by_sender[session.sender].append(session)
        groups = [(staying, config.pool_host, f"the host keeps {config.pool_host} pooled sessions at most")]
        groups += [
            (sessions, config.pool_sender, f"{config.pool_sender} pooled sessions work for {sender} at most")
            for sender, sessions in by_sender.items()
        ]
        for sessions, cap, why in groups:
            free = [s for s in sessions if s.state is SessionState.IDLE and s.id not in kept]
            for session in free[: max(len(sessions) - cap, 0)]:
                yield session, f"the least recently used: {why}"

    def _ask(self, name: str, key: str, event: Event) -> None:
        if key not in self._asked:
            self._asked.add(key)
            self._tasks.start(self._tell(name, key, event), f"pool of {name}")

    async def _tell(self, name: str, key: str, event: Event) -> None:
        try:
            await self._fleet.tell(name, event)
        except RoostError as error:
            _log.warning("the pool of %s stays as it is: %s", name, error.message)
        finally:
            self._asked.discard(key)

    def _follow(self, state: PeerState) -> None:
        """What the terminal of the active session shows goes into the peer's log, that of others aside."""
        for session in state.sessions:
            live = self._live_sessions.find(session.id)
            if live is not None and live.shown_in is not None and session.id not in self._moving:
                path = pane_log(self._machine.places, session)
                if live.log != path:
                    self._moving.add(session.id)
                    self._tasks.start(self._move_log(live, session.id), f"log of {state.peer.name}")

    async def _move_log(self, live: LiveSession, session_id: str) -> None:
        try:
            while (session := self._session(live)) is not None:
                path = pane_log(self._machine.places, session)
                if live.log == path:
                    return
                await live.terminal.log_to(path, self._machine.config.log_size)
                live.log = path
        except (RoostError, OSError) as error:
            _log.warning("the log of a session of %s stays where it is: %s", live.peer, error)
        finally:
            self._moving.discard(session_id)

    def _session(self, live: LiveSession) -> Session | None:
        state = self._fleet.find(live.peer)
        return state.find_session(live.session.id) if state is not None else None
