"""Mail that is taken by whoever waits for it: each message to one reader, and read once it was shown.

A reader claims what it is given. The claim ends when the message counts as read (`acknowledge`), when the
reader is gone, and when it has shown nothing for too long, also where it takes nothing any more: then what
is not read is there for the next one.
"""

from collections.abc import AsyncGenerator, Generator
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from roost.core.vocabulary import facts as f
from roost.daemon.serve.api.mail import Mail
from roost.daemon.state.claims import Claim, Claims
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks, race, won
from roost.daemon.state.waits import Waits
from roost.errors import WaitTimeoutError
from roost.host.interfaces.clock import Clock

LEASE = 60.0
"""Seconds for a reader to show the next of what it claimed and to say so; then others may have the rest."""
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

    def __init__(self, fleet: Fleet, waits: Waits, clock: Clock, mail: Mail, tasks: Tasks) -> None:
        """Read this mail."""
        self._fleet = fleet
        self._waits = waits
        self._clock = clock
        self._mail = mail
        self._tasks = tasks
        self._claims = Claims()

    @contextmanager
    def claim(self, name: str) -> Generator[Claim]:
        """A claim on mail of this mailbox; what is not read at its end is anybody's."""
        claim = self._claims.claim()
        try:
            yield claim
        finally:
            self._let_go(name, claim)

    def _let_go(self, name: str, claim: Claim) -> None:
        if claim.release():
            self._waits.known(name, self._fleet.find(name))

    async def _lease(self, name: str, claim: Claim) -> None:
        """Let go of a claim in time. Its reader cannot: it may stand still while it is handed an item."""
        while (first := self._first(name, claim)) is not None:
            shown, _ = await race(self._read(name, claim, first), self._clock.sleep(LEASE))
            if not won(shown):
                self._let_go(name, claim)

    async def heard(self, name: str) -> None:
        """Whoever speaks for this mailbox is there."""
        peer = self._fleet.get(name).peer
        lately = 0 <= self._clock.now() - peer.since < HEARD  # in the future: the clock was set back since
        if peer.since <= peer.created_at or not lately:
            await self._fleet.tell(name, f.Seen())

    async def listen(
        self, name: str, wanted: Filter, limit: int | None, timeout: float | None
    ) -> AsyncGenerator[dict[str, Any], None]:
        """The mail that is there or the first that comes; ends when all of it counts as read.

        Each is handed over when the one before counts as read, so that no more than one is on its way to a
        reader that stands still; once its time is over it is handed no other.

        Raises WaitTimeoutError when none has come after so many seconds.
        """
        with self.claim(name) as claim:
            items = await self.next(name, claim, wanted, limit, timeout)
            if not items:
                raise WaitTimeoutError(f"no mail for '{name}' within {timeout:g} s")
            for item in items:
                if self._waits_for(name, claim, item["id"]):
                    yield item
                    await self._read(name, claim, item["id"])

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
        taken = claim.take((each for each in found if each in unread), limit)
        if taken:
            self._tasks.start(self._lease(name, claim), f"lease of mail for {name}")
        return [found[each] for each in taken]

    async def settled(self, name: str, claim: Claim) -> None:
        """Return when all of the claim counts as read, or the time for that is over."""
        while (first := self._first(name, claim)) is not None:
            await self._read(name, claim, first)

    def _first(self, name: str, claim: Claim) -> str | None:
        """The first of the claim that is not read."""
        state = self._fleet.find(name)
        return next((each.id for each in state.messages if each.id in claim), None) if state else None

    def _waits_for(self, name: str, claim: Claim, message_id: str) -> bool:
        """Whether it is claimed, and not read."""
        state = self._fleet.find(name)
        return message_id in claim and state is not None and state.message(message_id) is not None

    async def _read(self, name: str, claim: Claim, message_id: str) -> None:
        """Return when it counts as read, or is not claimed any more."""
        with self._waits.peer(name) as changes:
            while self._waits_for(name, claim, message_id):
                await changes.get()
