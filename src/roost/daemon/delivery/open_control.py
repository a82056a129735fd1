"""A control request for as long as it is open: whether it still stands, and which turn it means."""

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.session import ControlRequest, SessionState
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.fleet import Fleet

INTERRUPT = 30.0
"""Seconds for a turn to end after its interrupt was asked for."""
COMPACT = 900.0
"""Seconds for a compaction: a long conversation takes a model minutes."""
LOOK = 0.05
"""Seconds between two looks for what it has come to."""


class OpenControl:
    """One control request of one live session, as the fleet has it."""

    def __init__(self, live: LiveSession, fleet: Fleet, control: ControlRequest) -> None:
        """This request to this session."""
        self._live = live
        self._fleet = fleet
        self._control = control

    def stands(self) -> bool:
        """Whether this is still what is wanted: the session may end, or be interrupted instead."""
        state = self._fleet.find(self._live.peer)
        session = state.find_session(self._live.session.id) if state is not None else None
        current = session.open_control if session is not None else None
        stopping = session is not None and session.state is SessionState.STOPPING
        return current is not None and current.at == self._control.at and not stopping

    def recorded(self) -> bool:
        """Whether the record shows a compaction since it was asked for."""
        return self._live.compacted_at >= self._control.at

    def flight(self) -> list[Message]:
        """The messages that are with the session."""
        state = self._fleet.find(self._live.peer)
        flight = state.in_flight if state is not None else ()
        return [message for message in flight if message.session == self._live.session.id]

    def turn(self) -> frozenset[str]:
        """The messages that the running turn has taken."""
        return frozenset(each.id for each in self.flight() if each.state is MessageState.ACCEPTED)

    def done(self, failed: str | None = None, note: str = "") -> f.Performed:
        """The event that ends it."""
        return f.Performed(self._live.session.id, self._control.at, failed, note)
