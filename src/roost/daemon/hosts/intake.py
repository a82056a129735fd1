"""What comes from another host: messages for peers of this one, and how far its own have come there."""

import asyncio
import contextlib
import hashlib
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from roost.core.messages.chain import chain_from
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import reports
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import NAME, REMOTE, SYSTEM, host_of
from roost.core.vocabulary.message import Message, MessageState, Origin
from roost.core.vocabulary.peer import Peer, Settings
from roost.daemon.hosts.commands import as_here
from roost.daemon.hosts.frames import Entry, Letter, Word
from roost.daemon.hosts.moves import Moves
from roost.daemon.state.fleet import Fleet
from roost.errors import ChainLimitError, DeniedError, NotFoundError, RefusedError, RoostError, StoreError
from roost.host.interfaces.clock import Clock
from roost.host.interfaces.ids import Ids
from roost.local.grants import Grants
from roost.store.errors import BatchError
from roost.store.interfaces import Store


class Intake:
    """Takes what other hosts send."""

    def __init__(self, fleet: Fleet, store: Store, clock: Clock, ids: Ids, grants: Grants) -> None:
        """Take for the peers of this fleet what is granted."""
        self._grants = grants
        self._fleet = fleet
        self._store = store
        self._clock = clock
        self._ids = ids
        self._adding: dict[str, asyncio.Event] = {}
        self.moves: Moves | None = None

    async def take(self, origin: str, entries: Sequence[Entry]) -> None:
        """Take entries of one host, in order; returns once all are stored. Taken twice, they count once.

        Raises StoreError: some may have been taken.
        """
        known = await self._store.heads([each.id for each in entries if isinstance(each, Letter)])
        for sender in {each.sender for each in entries if isinstance(each, Letter)}:
            await self.know(f"{sender}@{origin}")
        fresh = [each for each in entries if not isinstance(each, Letter) or each.id not in known]
        answered = {each.id: await self._answered(each) for each in fresh if isinstance(each, Letter)}
        # Started in this order, they come to each recipient's queue in it, and are stored together.
        await asyncio.gather(*(self._one(origin, each, answered) for each in fresh))

    async def _one(self, origin: str, entry: Entry, answered: Mapping[str, Message | None]) -> None:
        if isinstance(entry, Letter):
            await self._letter(origin, entry, answered[entry.id])
        elif isinstance(entry, Word):
            await self._word(origin, entry)
        elif self.moves is not None:
            await self.moves.take(origin, entry)

    async def know(self, name: str) -> None:
        """Have a peer of another host as a recipient of this one. Raises StoreError.

        Who finds it being added waits for that, and adds it where that came to nothing.
        """
        while self._fleet.find(name) is None:
            begun = self._adding.get(name)
            if begun is not None:
                await begun.wait()
            else:
                await self._add(name)

    async def _add(self, name: str) -> None:
        now = self._clock.now()
        peer = Peer(name, self._ids.token(), Settings(dir="/", runtime=REMOTE), now, since=now)
        over = self._adding[name] = asyncio.Event()
        try:
            await self._fleet.add(peer)
        except StoreError:
            raise
        except RoostError:
            if self._fleet.find(name) is None:  # else a peer of this host has left under that name meanwhile
                raise
        finally:
            del self._adding[name]
            over.set()

    async def _letter(self, origin: str, entry: Letter, answered: Message | None) -> None:
        sender = f"{entry.sender}@{origin}"
        try:
            if not NAME.fullmatch(entry.to):
                raise NotFoundError(f"'{entry.to}' is not a peer name")
            asked = answered if answered is not None and host_of(answered.to) == origin else None
            if asked is not None and asked.sender == entry.to and (gone := self._fleet.gone(asked)):
                raise RefusedError(gone)
            asker = self._asker(entry, asked)
            if asker is None and not self._grants.delivers(origin, entry.to):
                raise DeniedError(
                    f"messages of '{origin}' are not taken for '{entry.to}': [fleet.grants.{origin}] in"
                    " config.toml there does not name it in `deliver`"
                )
            entry = _news(entry, origin, answered)
            message = _placed(entry, entry.message(origin, self._clock.now()), answered)
            await self._submit(asker or entry.to, entry, message)
        except RoostError as error:
            # What contradicts the store does so whenever it comes; else it would keep back all after it.
            if isinstance(error, StoreError) and not isinstance(error, BatchError):
                raise
            await self._fleet.tell(sender, reports.TurnedAway(entry.id, MessageState.REFUSED, error.message))
            return
        if entry.reply_to is not None:
            with contextlib.suppress(NotFoundError):
                await self._fleet.tell(sender, f.Replied(entry.reply_to, entry.id))

    async def _submit(self, to: str, entry: Letter, message: Message) -> None:
        try:
            await self._fleet.tell(to, r.Submit(message), bodies={entry.id: entry.body})
        except ChainLimitError:
            if message.chain is not None:
                sender, about = message.sender, entry.id
                if message.notice is not None:
                    sender, about = SYSTEM, message.notice.about
                await self._fleet.note(to, f.ChainEnded(sender, message.chain, about))
            raise

    async def _answered(self, entry: Letter) -> Message | None:
        """The message that it answers, or tells of, as far as this host has it."""
        about = entry.notice[0] if entry.notice is not None else entry.reply_to
        stored = await self._store.message(about) if about is not None else None
        return stored.message if stored is not None else None

    def _asker(self, entry: Letter, asked: Message | None) -> str | None:
        """The peer that awaits it: it answers, or tells of, what that one has sent to its host.

        Its name may be another by now, and the one that it had then another peer's.
        """
        if asked is None:
            return None
        asker = self._fleet.called(asked.sender, asked.created_at)
        return asker if asker == self._fleet.called(entry.to, asked.created_at) else None

    async def _word(self, origin: str, entry: Word) -> None:
        stored = await self._store.message(entry.id)
        name, _, host = stored.message.to.partition("@") if stored is not None else ("", "", "")
        if stored is None or host != origin:
            return  # it is not theirs to tell of
        ago = entry.accepted_ago
        accepted_at = self._clock.now() - ago if ago is not None else None
        told = reports.Progressed(entry.id, entry.state, as_here(entry.why, origin, (name,)), accepted_at)
        with contextlib.suppress(NotFoundError):
            await self._fleet.tell(stored.message.to, told)


def _news(entry: Letter, origin: str, about: Message | None) -> Letter:
    """What tells of a message for a peer of that host, with its address in the commands that are named."""
    if entry.notice is None or about is None:
        return entry
    message_id, outcome, why = entry.notice
    here = as_here(why, origin, (about.to.partition("@")[0],))
    if here == why:
        return entry
    body = entry.body.replace(why.encode(), here.encode())
    told = (message_id, outcome, here)
    return replace(entry, body=body, digest=hashlib.sha256(body).hexdigest(), notice=told)


def _placed(entry: Letter, message: Message, answered: Message | None) -> Message:
    """An agent's answer comes after what it answers, whatever place in a chain its host gives it."""
    if message.chain is None or entry.reply_to is None or entry.notice is not None:
        return message
    return replace(message, origin=Origin(chain=chain_from(message.chain, answered)))
