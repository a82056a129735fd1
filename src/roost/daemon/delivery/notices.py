"""Tells senders what became of their messages (N1), and watchers of what they watch.

The same news has the same id, so it is told once.
"""

import asyncio
import hashlib

from roost.core.messages.awaited import NO_ANSWER
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import SYSTEM
from roost.core.vocabulary.message import Message, MessageState, Origin
from roost.daemon.delivery.watch_notices import WatchNotices
from roost.daemon.state.fleet import Fleet
from roost.errors import ChainLimitError, RoostError, StoreError
from roost.host.interfaces.clock import Clock
from roost.store.interfaces import Store

_DONE = MessageState.DONE


class Notices:
    """Puts notices into the senders' queues."""

    def __init__(self, fleet: Fleet, store: Store, clock: Clock) -> None:
        """Send through the fleet."""
        self._fleet = fleet
        self._store = store
        self._clock = clock
        self._lock = asyncio.Lock()
        self._of_watches = WatchNotices(fleet, store, clock)

    async def deliver(self, command: c.Notify) -> None:
        """Put a notice into its receiver's queue; one that was put there before is only settled.

        Raises StoreError: the notice is still to be told then. A receiver that refuses it is told nothing.
        """
        if command.notice.watch:
            await self._of_watches.deliver(command)
            return
        async with self._lock:
            known = await self._store.message(command.id)
            notice = command.notice
            about = await self._about(notice.about)
            to = self._fleet.called(command.to, _since(command, about))
            if known is not None or to is None:
                await self._fleet.settle(command.key)
                return
            if notice.outcome == NO_ANSWER and about is not None and about.final and about.state is not _DONE:
                await self._fleet.settle(command.key)  # its end was told
                return
            begins = (await self._store.heads([notice.about])).get(notice.about)
            quoted = f" \u201c{begins}\u201d" if begins else ""
            theirs = about is not None and self._fleet.called(about.sender, about.created_at) == to
            whose = "Your message" if theirs else "Message"
            body = f"{whose} {notice.about}{quoted}: {notice.outcome}. {notice.why}"
            if notice.outcome == NO_ANSWER:
                body += f". {_now(notice.about, about)}"
            content = body.encode()
            message = Message(
                id=command.id,
                sender=SYSTEM,
                to=to,
                created_at=self._clock.now(),
                size=len(content),
                digest=hashlib.sha256(content).hexdigest(),
                notice=notice,
                origin=Origin(
                    answered=str(about.trace) if about is not None else None,
                    chain=command.chain or (about.chain if about is not None else None),
                ),
            )
            try:
                await self._fleet.tell(
                    to, r.Submit(message), settles=command.key, bodies={command.id: content}
                )
            except StoreError:
                raise
            except ChainLimitError:
                if message.chain is not None:
                    await self._fleet.note(to, f.ChainEnded(SYSTEM, message.chain, notice.about))
                await self._fleet.settle(command.key)
            except RoostError:
                await self._fleet.settle(command.key)

    async def _about(self, message_id: str) -> Message | None:
        """The message that is told of; a row that cannot be read holds up no news."""
        try:
            stored = await self._store.message(message_id)
        except StoreError:
            return None
        return stored.message if stored is not None else None


def _since(command: c.Notify, about: Message | None) -> float | None:
    """When whom the notice is for had its name, at the latest: as it sent what is told of."""
    if command.since is None and about is not None and about.sender == command.to:
        return about.created_at
    return command.since


def _now(message_id: str, about: Message | None) -> str:
    """How far a message is that nobody has answered."""
    if about is None:
        return f"Message {message_id} is not in the store: it may never have been sent"
    why = f": {about.why}" if about.why else ""
    return f"For '{about.to}' it is {about.state}{why}"
