"""Mail that is taken by whoever waits for it: each message to one reader, and read once it was shown.

A reader claims what it is given. The claim ends when the message counts as read (`acknowledge`), and when the
reader is gone: then the message is there for the next one.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from roost.core.vocabulary import facts as f
from roost.daemon.serve.api.mail import Mail
from roost.daemon.state.claims import Claim, Claims
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import race, won
from roost.daemon.state.waits import Waits
from roost.errors import WaitTimeoutError
from roost.host.interfaces.clock import Clock

LEASE = 60.0
"""Seconds for a reader to show what it was given and to say so; then somebody else may have it."""
HEARD = 10.0
"""Seconds for which a mailbox that was heard of need not be heard of again."""


class Filter(Struct, frozen=True):
    """Which mail is wanted: from whom, of which topic, in reply to what (the whole id)."""

    sender: str | None = None
    topic: str | None = None
    reply_to: str | None = None

    def takes(self, item: dict[str, Any]) -> bool:
        """Whether a mail is wanted."""
        asked = (("from", self.sender), ("topic", self.topic), ("reply_to", self.reply_to))
        return all(value is None or item[key] == value for key, value in asked)


ANY = Filter()


class Reading:
    """Gives mail to its readers, woken by what becomes of a mailbox, never by a timer."""

    def __init__(self, fleet: Fleet, waits: Waits, clock: Clock, mail: Mail) -> None:
        """Read this mail."""
        self._fleet = fleet
        self._waits = waits
        self._clock = clock
        self._mail = mail
        self._claims = Claims()

    @contextmanager
    def claim(self, name: str) -> Generator[Claim]:
        """A claim on mail of this mailbox; what is not read at its end is anybody's."""
        claim = self._claims.claim()
        try:
            yield claim
        finally:
            if claim.release():
                self._waits.known(name, self._fleet.find(name))

    async def heard(self, name: str) -> None:
        """Whoever speaks for this mailbox is there."""
        peer = self._fleet.get(name).peer
        if peer.since <= peer.created_at or self._clock.now() - peer.since >= HEARD:
            await self._fleet.tell(name, f.Seen())

    async def listen(
        self, name: str, wanted: Filter, limit: int | None, timeout: float | None
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The mail that is there or the first that comes; ends when all of it counts as read.

        Raises WaitTimeoutError when none has come after so many seconds.
        """
        with self.claim(name) as claim:
            items = await self.next(name, claim, wanted, limit, timeout)
            if not items:
                raise WaitTimeoutError(f"no mail for '{name}' within {timeout:g} s")
            for item in items:
                yield item
            await self.settled(name, claim)

    async def next(
        self, name: str, claim: Claim, wanted: Filter, limit: int | None, timeout: float | None
    ) -> list[dict[str, Any]]:
        """What is there for this claim, else what comes first; nothing after so many seconds."""
        if timeout == 0:
            return await self._there(name, claim, wanted, limit)
        timer = [self._clock.sleep(timeout)] if timeout is not None else []
        outcome, *_ = await race(self._coming(name, claim, wanted, limit), *timer)
        return outcome.result() if won(outcome) else []

    async def _coming(
        self, name: str, claim: Claim, wanted: Filter, limit: int | None
    ) -> list[dict[str, Any]]:
        with self._waits.peer(name) as changes:
            while not (items := await self._there(name, claim, wanted, limit)):
                await changes.get()
                while not changes.empty():
                    changes.get_nowait()
        return items

    async def _there(
        self, name: str, claim: Claim, wanted: Filter, limit: int | None
    ) -> list[dict[str, Any]]:
        found = {item["id"]: item for item in await self._mail.read(name, read=False) if wanted.takes(item)}
        # What was read meanwhile is not shown again, whatever the store has just told.
        unread = {each.id for each in self._fleet.get(name).messages}
        return [found[each] for each in claim.take((each for each in found if each in unread), limit)]

    async def settled(self, name: str, claim: Claim) -> None:
        """Return when all of the claim counts as read, or the time for that is over."""
        await race(self._read(name, claim), self._clock.sleep(LEASE))

    async def _read(self, name: str, claim: Claim) -> None:
        with self._waits.peer(name) as changes:
            while (state := self._fleet.find(name)) is not None:
                if not any(each.id in claim for each in state.messages):
                    return
                await changes.get()
