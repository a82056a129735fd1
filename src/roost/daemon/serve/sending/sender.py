"""Sends: from what was asked for to a stored message."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, Callable

from msgspec.structs import replace

from roost.core.messages.submission import refusal
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import HUMAN, OPERATOR, derive, host_of
from roost.core.vocabulary.message import Message, MessageState, Origin
from roost.daemon.hosts.addresses import Addresses
from roost.daemon.hosts.views import Views
from roost.daemon.serve.caller import Caller
from roost.daemon.serve.progress import Progress
from roost.daemon.serve.sending.addressing import Addressing
from roost.daemon.serve.sending.draft import Draft
from roost.daemon.serve.sending.origins import Origins
from roost.daemon.serve.sending.outcome import Outcome, Sent
from roost.daemon.state.attachments import Attachments
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.waits import Waits
from roost.errors import ChainLimitError, RefusedError, RoostError, UsageError
from roost.store.errors import StoreDamagedError


class Sender:
    """Sends messages."""

    def __init__(
        self,
        machine: Machine,
        fleet: Fleet,
        waits: Waits,
        addresses: Addresses,
        views: Views,
        misplaced: Callable[[str], str | None],
        tasks: Tasks,
    ) -> None:
        """Send to whom `addresses` find; `misplaced` tells what is wrong with the folder of a peer."""
        self._misplaced = misplaced
        self._tasks = tasks
        self._addresses = addresses
        self._views = views
        self._machine = machine
        self._fleet = fleet
        self._waits = waits
        self._addressing = Addressing(machine, fleet)
        self._origins = Origins(machine.store, fleet)
        self._attachments = Attachments(machine.places.attachments)
        self._sending: dict[str, tuple[asyncio.Lock, int]] = {}

    async def send(self, caller: Caller, draft: Draft, progress: Progress) -> Sent:
        """Store a message, then wait for what was asked for. Raises WaitTimeoutError when time is up."""
        draft = await self._meant(draft)
        sender, body, reply_to = await self._checked(caller, draft)
        message_id = self._id(sender, draft)
        if draft.wait == "stored":
            message, advice = await self._store(caller, message_id, sender, draft, reply_to, body)
            return Sent(message, None, advice)
        with self._waits.message(message_id) as changes, self._waits.replies(message_id) as replies:
            message, advice = await self._store(caller, message_id, sender, draft, reply_to, body)
            progress({"id": message.id, "notes": advice})
            outcome = Outcome(
                self._machine, self._fleet, self._views, self._waits, changes, replies, progress
            )
            return await outcome.awaited(message, draft.wait, draft.timeout)

    def name_of(self, caller: Caller, draft: Draft) -> str:
        """In whose name it would be sent. Raises DeniedError."""
        return self._addressing.sender(caller, draft)

    def new_key(self) -> str:
        """A key that nobody has used."""
        return self._machine.ids.new()

    async def examine(self, caller: Caller, draft: Draft) -> bool:
        """Whether it was stored before, under its key. Raises what it would be refused for."""
        draft = await self._meant(draft)
        sender, body, reply_to = await self._checked(caller, draft)
        message_id = self._id(sender, draft)
        if await self._known(message_id, draft, _digest(body), reply_to) is not None:
            return True
        origin = await self._origins.of(caller, message_id, draft.traceparent, reply_to)
        chain = origin.chain if origin is not None else None
        error = refusal(self._fleet.get(draft.to), sender, chain)
        if isinstance(error, ChainLimitError):
            await self._chain_ended(draft.to, sender, origin, reply_to)
        if error is not None:
            raise error
        return False

    async def recipient(self, address: str) -> str:
        """The peer that an address means. Raises NotFoundError, RefusedError, UsageError."""
        name = await self._addresses.recipient(address)
        self._fleet.get(name)
        return name

    async def _meant(self, draft: Draft) -> Draft:
        """The draft with the name that its address means."""
        to = await self.recipient(draft.to)
        return draft if to == draft.to else replace(draft, to=to)

    async def copies(self, draft: Draft) -> tuple[str, ...]:
        """Copies of what is attached, by their paths. Raises UsageError."""
        return await self._attachments.copy(draft.attach)

    async def _checked(self, caller: Caller, draft: Draft) -> tuple[str, bytes, str | None]:
        """The sender, the body, and the whole id of what is answered. Raises RoostError."""
        sender = self._addressing.sender(caller, draft)
        body = draft.checked()
        recipient = self._fleet.get(draft.to)
        if draft.attach and host_of(draft.to) is not None:
            raise UsageError("files cannot be sent to another host; put what matters into the text")
        blank = not (body.strip() if caller.is_agent else body)
        if blank and not draft.attach and not self._fleet.policy.of(recipient.peer.settings.runtime).mailbox:
            raise UsageError("the message is empty; it would wake an agent for nothing")
        if len(draft.words) > 1 and self._fleet.find(draft.words[0]) is not None:
            raise UsageError(
                f"'{draft.words[0]}' is a peer, too; a message to both goes to"
                f" '{draft.to},{draft.words[0]}', and where the text for '{draft.to}' begins with that word,"
                " quote the text"
            )
        return sender, body, await self._addressing.reply_to(draft, sender, checked=caller.is_agent)

    @contextlib.asynccontextmanager
    async def _alone(self, message_id: str) -> AsyncGenerator[None]:
        """Store one id at a time: two calls with the same key must not both find it unused."""
        lock, others = self._sending.get(message_id, (asyncio.Lock(), 0))
        self._sending[message_id] = lock, others + 1
        try:
            async with lock:
                yield
        finally:
            lock, others = self._sending.pop(message_id)
            if others > 1:
                self._sending[message_id] = lock, others - 1

    def _id(self, sender: str, draft: Draft) -> str:
        """A new id, or, with an idempotency key, the one id that this sender's key always has."""
        if draft.key is None:
            return self._machine.ids.new()
        one = (self._fleet.get(draft.to).peer.seed,) if draft.among else ()
        return derive(self._fleet.get(sender).peer.seed, "key", draft.key, *one)

    async def _known(
        self, message_id: str, draft: Draft, digest: str, reply_to: str | None
    ) -> Message | None:
        """The message that was stored under the draft's key. Raises RefusedError where it is another one."""
        if draft.key is None:
            return None
        store = self._machine.store
        try:
            known = await store.message(message_id)
        except StoreDamagedError as damage:
            raise store.unfit() or damage from damage
        if known is None:
            return None
        if not draft.is_of(known.message, digest, reply_to):
            raise RefusedError(f"the key '{draft.key}' was used for another message: {message_id}")
        return known.message

    async def _store(
        self, caller: Caller, message_id: str, sender: str, draft: Draft, reply_to: str | None, body: bytes
    ) -> tuple[Message, list[str]]:
        """Store it once, whoever else sends under its key; without one nobody else can have its id."""
        if draft.key is None:
            return await self._stored(caller, message_id, sender, draft, reply_to, body)
        async with self._alone(message_id):
            return await self._stored(caller, message_id, sender, draft, reply_to, body)

    async def _stored(
        self, caller: Caller, message_id: str, sender: str, draft: Draft, reply_to: str | None, body: bytes
    ) -> tuple[Message, list[str]]:
        digest = _digest(body)
        known = await self._known(message_id, draft, digest, reply_to)
        if known is not None:
            await self._replied(known)
            return known, []
        now = self._machine.clock.now()
        attachments = draft.copies or (await self.copies(draft) if draft.attach else ())
        message = Message(
            id=message_id,
            sender=sender,
            to=draft.to,
            created_at=now,
            size=len(body),
            digest=digest,
            topic=draft.topic,
            reply_to=reply_to,
            expires_at=now + draft.ttl if draft.ttl is not None else None,
            attachments=attachments,
            timing=draft.timing,
            origin=await self._origins.of(caller, message_id, draft.traceparent, reply_to),
        )
        stored = self._submitted(draft, message, body)
        if draft.reply_within is None and reply_to is None:
            return await stored
        # More is stored than the message: all of it, though its client goes away meanwhile.
        return await self._tasks.whole(stored, f"message {message_id}")

    async def _submitted(self, draft: Draft, message: Message, body: bytes) -> tuple[Message, list[str]]:
        """Store it, and with its sender what goes along with it."""
        if draft.reply_within is not None:
            await self._fleet.tell(message.sender, r.AwaitReply(message.id, draft.reply_within))
        try:
            outcome = await self._fleet.tell(
                draft.to, r.Submit(message, fresh=draft.key is None), bodies={message.id: body}
            )
        except RoostError as error:
            if draft.reply_within is not None:
                await self._fleet.note(message.sender, f.NotSent(message.id))
            if isinstance(error, ChainLimitError):
                await self._chain_ended(draft.to, message.sender, message.origin, message.reply_to)
            raise
        if outcome.state is not None and outcome.state.peer.name != message.to:
            message = replace(message, to=outcome.state.peer.name)
        await self._replied(message)
        return message, [*outcome.advice, *self._in_the_way(message.to)]

    async def _chain_ended(self, to: str, sender: str, origin: Origin | None, reply_to: str | None) -> None:
        """Have those told who were in a chain that ends."""
        if origin is not None and origin.chain is not None:
            about = origin.during or reply_to or origin.chain.root
            await self._fleet.note(to, f.ChainEnded(sender, origin.chain, about))

    def _in_the_way(self, name: str) -> list[str]:
        """What keeps a message from its recipient for now, or makes it work where it should not."""
        host = host_of(name)
        silent = self._views.silent(host) if host is not None else None
        if silent is not None:
            return [f"{silent}: the message is kept, and goes there as soon as that host is reached"]
        if host is not None and (trouble := self._views.trouble(host)):
            return [f"the message is kept, and is tried again by itself: {trouble}"]
        wrong = self._misplaced(name)
        return [f"'{name}': {wrong}"] if wrong is not None else []

    async def repeat(self, ended: Message) -> tuple[str, list[str]]:
        """Send a message that ended without being taken once more; returns its new id and advice.

        The new id follows from the old one, so asking twice sends once. Raises RefusedError if it was taken.
        """
        if ended.state is MessageState.DONE or ended.notice is not None:
            raise RefusedError(
                f"message {ended.id} is {ended.state}; send a new one with `roost send {ended.to}`"
            )
        gone = self._fleet.gone(ended)
        if gone is not None:
            raise RefusedError(gone)
        again = derive(self._fleet.get(ended.to).peer.seed, "repeat", ended.id)
        async with self._alone(again):
            if await self._machine.store.message(again) is not None:
                return again, [f"it was sent again before, as message {again}"]
            message = Message(
                id=again,
                sender=ended.sender,
                to=ended.to,
                created_at=self._machine.clock.now(),
                size=ended.size,
                digest=ended.digest,
                topic=ended.topic,
                reply_to=ended.reply_to,
                attachments=ended.attachments,
                timing=ended.timing,
                origin=replace(ended.origin, chain=None) if ended.origin is not None else None,
            )
            body = await self._machine.store.body(ended.id)
            event = r.Submit(message, repeats=ended.id)
            outcome = await self._fleet.tell(ended.to, event, bodies={again: body or b""})
            return again, outcome.advice

    async def _replied(self, message: Message) -> None:
        """Note at the sender that it answered; a reply that is sent again says so again.

        A daemon that was killed between storing the reply and this note is told by the repetition.
        """
        sender = self._fleet.find(message.sender)
        if sender is None:
            return
        if sender.peer.settings.runtime == HUMAN and message.sender != OPERATOR:
            await self._fleet.tell(message.sender, f.Seen())
        if message.reply_to is not None:
            await self._fleet.tell(message.sender, f.Replied(message.reply_to, message.id))


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
