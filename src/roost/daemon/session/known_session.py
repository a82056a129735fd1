"""A live session as the fleet knows it: its state, the messages that are with it, what is told of it."""

from pathlib import Path

from roost.core.messages import envelope
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Session
from roost.core.vocabulary.watch import Write
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.state.fleet import Fleet


class KnownSession:
    """The fleet's side of one live session."""

    def __init__(self, live: LiveSession, fleet: Fleet) -> None:
        """Ask the fleet about this session."""
        self._live = live
        self._fleet = fleet

    def state(self) -> PeerState | None:
        """The state of its peer."""
        return self._fleet.find(self._live.peer)

    def session(self) -> Session | None:
        """The session; None: it is over."""
        state = self.state()
        return state.find_session(self._live.session.id) if state is not None else None

    def has_mail(self) -> bool:
        """Whether a message waits for this session."""
        state = self.state()
        return state is not None and any(each.session != self._live.session.id for each in state.messages)

    def flight(self) -> list[Message]:
        """The messages that are with this session."""
        state = self.state()
        flight = state.in_flight if state else ()
        return [message for message in flight if message.session == self._live.session.id]

    async def has_replied(self) -> bool:
        """Whether its agent has replied to a message that it has taken. Raises StoreError."""
        taken = [message.id for message in self.flight() if message.state is MessageState.ACCEPTED]
        return any([await self._fleet.is_answered(message_id) for message_id in taken])

    def mark(self) -> str | None:
        """The mark of the message that is being handed over, or that no record has shown yet.

        An agent may have answered before: where it stands tells which conversation is run, all the same.
        """
        state, flight = self.state(), self.flight()
        unseen = [each for each in flight if each.id not in self._live.prompted]
        message = next((each for each in flight if each.state is MessageState.OFFERED), None)
        message = message or next(iter(unseen), None)
        if state is None or message is None:
            return None
        return f"boundary {envelope.boundary(state.peer.seed, message.id, message.attempts)}]"

    def named(self, text: str) -> Message | None:
        """The message whose true header stands in the text."""
        state = self.state()
        if state is None:
            return None
        marks = envelope.marks(text)
        # Compared by id first: an agent that is joined again has thousands of prompts in its record.
        marked = {message_id for message_id, _ in marks}
        for message in state.messages:
            if message.id not in marked:
                continue
            if (message.id, envelope.boundary(state.peer.seed, message.id, message.attempts)) in marks:
                return message
        return None

    def wrote(self, path: str, at: float) -> None:
        """Its agent has written a file (`at`: Unix seconds)."""
        state = self.state()
        if state is not None:
            place = Path(state.peer.settings.dir) / path
            self._fleet.watches.wrote(Write(self._live.peer, str(place), at))

    async def tell(self, event: Event, *, settles: str | None = None) -> None:
        """Tell the fleet what is so."""
        await self._fleet.note(self._live.peer, event, settles=settles)
