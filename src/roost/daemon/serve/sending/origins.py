"""Where a message comes from: its sender's own span, the turn it is sent in, its question, its chain."""

from roost.core.messages.chain import chain_after
from roost.core.vocabulary.message import Message, MessageState, Origin
from roost.core.vocabulary.trace_context import parse_traceparent
from roost.daemon.serve.caller import Caller
from roost.daemon.state.fleet import Fleet
from roost.store.interfaces import Store


class Origins:
    """Finds it, at the moment of the sending."""

    def __init__(self, store: Store, fleet: Fleet) -> None:
        """Know this fleet's turns, and the messages of this store."""
        self._store = store
        self._fleet = fleet

    async def of(
        self, caller: Caller, message_id: str, traceparent: str | None, reply_to: str | None
    ) -> Origin | None:
        """The origin of the message of that id; None where nothing is known of it.

        A turn may hold several messages: the one that is answered counts, else the first.
        """
        named = parse_traceparent(traceparent)
        turn = self._turn(caller)
        if named is None and reply_to is None and caller.peer is None:
            return None
        during = next((each for each in turn if each.id == reply_to), turn[0] if turn else None)
        answered = None
        if reply_to is not None and (during is None or during.id != reply_to):
            stored = await self._store.message(reply_to)
            answered = stored.message if stored is not None else None
        origin = Origin(
            caller=str(named) if named is not None else None,
            during=during.id if during is not None else None,
            turn=str(during.turn_trace) if during is not None else None,
            answered=str(answered.trace) if answered is not None else None,
            chain=chain_after(message_id, turn, answered) if caller.peer is not None else None,
        )
        return origin if origin != Origin() else None

    def _turn(self, caller: Caller) -> list[Message]:
        """The messages that the session which asks is at, or the one that was given to it just now.

        An agent may be quicker with its call than its record is with the evidence that it has the message.
        """
        state = self._fleet.find(caller.peer) if caller.peer is not None else None
        if state is None or caller.session is None:
            return []
        with_it = [each for each in state.in_flight if each.session == caller.session]
        return [each for each in with_it if each.state is MessageState.ACCEPTED] or with_it
