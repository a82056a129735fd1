"""What can be asked of messages: their story, once more, given up."""

from typing import Any

from roost.core.messages.awaited import awaited_until, notice_id
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import host_of
from roost.core.vocabulary.message import Message
from roost.daemon.serve.api.peers import Peers
from roost.daemon.serve.sending.sender import Sender
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.errors import NotFoundError
from roost.present.objects import message_object, message_story, trace_object
from roost.present.spans import spans_of
from roost.store.interfaces import StoredMessage


class Messages:
    """Tells of single messages, and settles those that wait or are in doubt."""

    def __init__(self, machine: Machine, fleet: Fleet, peers: Peers, sender: Sender) -> None:
        """Know this fleet's messages; `peers` tell what recipients do, `sender` sends again."""
        self._peers = peers
        self._machine = machine
        self._fleet = fleet
        self._sender = sender

    async def get(self, message_id: str) -> StoredMessage:
        """One message by id or unambiguous prefix."""
        stored = await self._machine.store.message(message_id)
        if stored is None:
            raise NotFoundError(f"there is no message '{message_id}'; `roost messages` shows the latest")
        return stored

    def concerns(self, message: Message, name: str | None) -> bool:
        """Whether a message is from or to this peer, and not from an earlier one of its name."""
        return name in (self._fleet.called(message.sender, message.created_at), message.to)

    async def story(self, stored: StoredMessage, *, whole: bool) -> dict[str, Any]:
        """A message's whole story, with how it begins or with its `whole` body."""
        message = stored.message
        body = await self._machine.store.body(message.id) or b""
        asker = self._fleet.find(self._fleet.called(message.sender) or message.sender)
        told = None
        if asker is not None:
            told = await self._machine.store.message(notice_id(asker.peer.seed, message.id))
        told_of = message_story(
            stored,
            self._recipient(message.to),
            body,
            whole=whole,
            reply_by=awaited_until(asker.peer, message.id) if asker is not None else None,
            unanswered=told.message if told is not None else None,
        )
        return self._peers.views.message(told_of)

    def _recipient(self, name: str) -> dict[str, Any] | None:
        """The row of a recipient; None: there is no such peer any more."""
        if host_of(name) is not None:
            return self._peers.views.row(name)
        return self._peers.row(name) if self._fleet.find(name) is not None else None

    async def trace(self, stored: StoredMessage) -> dict[str, Any]:
        """A message's trace: what was done with it, and what its recipient sent meanwhile."""
        message = stored.message
        sent = {
            each.id: each for each in (*stored.replies, *await self._machine.store.sent_during(message.id))
        }
        state = self._fleet.find(message.to)
        runtime = state.peer.settings.runtime if state is not None else None
        return trace_object(message, spans_of(stored, sent.values(), runtime))

    async def resend(self, prefix: str, by: str) -> tuple[str, list[str]]:
        """Send a message again; returns its id and lines for the asker.

        One in doubt keeps its id. One that came to its end without being taken is repeated as a new message,
        the same one however often it is asked for. Raises RefusedError for any other.
        """
        message = (await self.get(prefix)).message
        if not message.final:
            outcome = await self._fleet.tell(message.to, r.Resend(message.id, by))
            return message.id, outcome.advice
        return await self._sender.repeat(message)

    async def drop(self, prefix: str, by: str) -> str:
        """Give up a message that waits or is in doubt; returns its id. Raises RefusedError for any other."""
        message = (await self.get(prefix)).message
        await self._fleet.tell(message.to, r.Drop(message.id, by))
        return message.id

    def waiting(self, name: str) -> list[dict[str, Any]]:
        """Messages that wait for a peer, as an agent sees its own inbox."""
        return [message_object(message) for message in self._fleet.get(name).messages]
