"""The link to one other host: what it is to get, sent until it has it."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from roost.core.links.outgoing import Outgoing
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import reports
from roost.core.vocabulary.view import iso
from roost.daemon.hosts.frames import Data, Heard, Part, Travels, Word, encode, letter
from roost.daemon.hosts.frames import Entry as Sent
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import race
from roost.errors import RoostError
from roost.host.errors import CarrierRefused
from roost.host.interfaces.carrier import Carrier
from roost.host.interfaces.clock import Clock
from roost.store.interfaces import Store


class Ready(Struct, frozen=True):
    """Something that goes out as it is. Several of one key are over when all have arrived."""

    key: str
    told: Travels


Entry = c.Forward | c.Report | Ready
ENTRIES = 64
"""Entries of one frame at most."""
BYTES = 512 * 1024
"""Bytes of bodies behind which a frame gets no more entries."""
RETRY = 1.0
"""Seconds until a carrier that was gone is asked again."""
REFUSED_MOST = 60.0
"""Seconds until one that takes nothing for that host is asked again: twice as many each time, to these."""
SILENCE = 5.0
SILENCE_MOST = 60.0
"""Seconds without a word after which what is under way is sent again: at first, and at most."""
UNHEARD = 3
"""Silences in a row, in each of which the host gave a sign of life, after which its not answering is told."""
AWAY = 3600.0
"""Seconds after which it is sent again to a host that gives no sign of life, too."""

_log = logging.getLogger("roost.hosts")


class Link:
    """Sends entries in order. `run` does the work; `trouble` tells why what waits does not arrive."""

    def __init__(
        self,
        host: str,
        epoch: int,
        carrier: Carrier,
        fleet: Fleet,
        store: Store,
        clock: Clock,
        reached: Callable[[], bool],
        keep: Callable[[int], Awaitable[None]],
    ) -> None:
        """Begin with nothing to send; `reached`: whether the other host gives signs of life.

        `keep` stores an epoch before it is used, so that no later start uses it for other entries.
        """
        self._keep = keep
        self.host = host
        self._reached = reached
        self._why, self._since = "", 0.0  # why nothing can be sent, and since when
        self._lost = False  # that something is wrong was told, and nothing was heard since
        self._unheard, self._sent_at = 0, 0.0
        self._sign = False  # the other host gave a sign of life during this silence
        self._carrier = carrier
        self._fleet = fleet
        self._store = store
        self._clock = clock
        self._out = Outgoing[Entry](epoch)
        self._open = Counter[str]()
        self._word: Heard | None = None
        self._news = asyncio.Event()
        self._silence = SILENCE
        self._quiet = 0.0
        self._refused = RETRY
        self._alive = asyncio.Event()

    def put(self, entry: Entry) -> None:
        """One more entry, behind all others."""
        self._out.add(entry)
        self._open[entry.key] += 1
        self._news.set()

    def tell(self, word: Heard) -> None:
        """Tell the other host how much of what it sent was taken: the latest word counts."""
        self._word = word
        self._news.set()

    def revive(self) -> None:
        """The other host gives a sign of life: what is kept for it may have become less."""
        self._sign = True
        self._alive.set()

    @property
    def trouble(self) -> str:
        """Why what waits here does not arrive, and since when; "" where nothing is known to be wrong."""
        if self._why:
            return f"{self._why} (since {iso(self._since)})"
        if self._unheard < UNHEARD or not self._out.under_way:
            return ""
        return (
            f"'{self.host}' gives signs of life, and has not said since {iso(self._sent_at)} that it has what"
            " was sent: the hub takes it and does not give it out, or that host cannot store it"
        )

    @property
    def waiting(self) -> int:
        """How many entries are not known to have arrived."""
        return len(self._out)

    async def heard(self, word: Heard) -> None:
        """The other host tells how much it has taken. Returns once that is stored."""
        self._silence, self._quiet = SILENCE, 0.0
        self._unheard, self._sign = 0, False
        if self._lost and not self._why:
            self._lost = False
            _log.warning("the host %s: is reached again", self.host)
        arrived = self._out.heard(word.epoch, word.number, gap=word.gap)
        self._news.set()
        await asyncio.gather(*(self._arrived(entry) for entry in arrived))

    async def _arrived(self, entry: Entry) -> None:
        self._open[entry.key] -= 1
        again = self._open[entry.key] > 0  # the same word stands in the queue once more
        if not again:
            del self._open[entry.key]
        if isinstance(entry, c.Forward):
            await self._fleet.report(entry.peer, reports.Arrived(entry.message.id), settles=entry.key)
        elif not again:
            await self._fleet.settle(entry.key)

    async def run(self) -> None:
        """Send for ever."""
        while True:
            self._news.clear()
            try:
                await self._send()
            except CarrierRefused as error:
                self._know(error.message)
                await self._pause()
                continue
            except RoostError as error:
                self._know(error.message)
                await self._clock.sleep(RETRY)
                continue
            except Exception as defect:  # noqa: BLE001 -- nobody else would send what waits here
                _log.error("nothing is sent to the host %s", self.host, exc_info=defect)
                await self._clock.sleep(RETRY)
                continue
            self._know("")
            self._refused = RETRY
            await self._wait()

    async def _pause(self) -> None:
        """For longer each time, as each try costs a whole frame.

        Over when the other host gives a sign of life.
        """
        self._alive.clear()
        await race(self._alive.wait(), self._clock.sleep(self._refused))
        self._refused = RETRY if self._alive.is_set() else min(self._refused * 2, REFUSED_MOST)

    def _know(self, why: str) -> None:
        """Why nothing can be sent; "": the hub has taken it, which is no word of the other host."""
        if why == self._why:
            return
        if not self._why:
            self._since = self._clock.now()
        self._why, self._lost = why, True
        _log.warning("the host %s: %s", self.host, why or "the hub takes what is for it again")

    async def _send(self) -> None:
        while True:
            if (word := self._word) is not None:
                await self._carrier.send(self.host, encode(word))
                if self._word is word:  # else a later one came meanwhile
                    self._word = None
                continue
            epoch, (first, due) = self._out.epoch, self._out.due(ENTRIES)
            if not due:
                return
            await self._keep(epoch)
            entries = await self._entries(due)
            if epoch != self._out.epoch or first != self._out.due(1)[0]:
                continue  # a word came meanwhile, and something else is due
            await self._carrier.send(self.host, encode(Data(epoch, first, entries)))
            if epoch == self._out.epoch and first == self._out.due(1)[0]:
                self._out.sent(len(entries))

    async def _entries(self, due: Sequence[Entry]) -> list[Sent]:
        """As many of them as one frame takes, one at least. Raises StoreError."""
        entries: list[Sent] = []
        size = 0
        for entry in due:
            if isinstance(entry, c.Forward):
                body = await self._store.body(entry.message.id) or b""
                size += len(body)
                if entries and size > BYTES:
                    break
                entries.append(letter(entry.message, body, self._clock.now()))
            elif isinstance(entry, Ready):
                size += len(entry.told.data) if isinstance(entry.told, Part) else 0
                if entries and size > BYTES:
                    break
                entries.append(entry.told)
            else:
                entries.append(_word(entry, self._clock.now()))
        return entries

    async def _wait(self) -> None:
        """Until there is something to send, or nothing was heard for too long."""
        if not self._out.under_way:
            await self._news.wait()
            return
        await race(self._news.wait(), self._clock.sleep(self._silence))
        if self._news.is_set():
            return
        if self._sign:
            self._mark_unheard()
        elif not self._reached():
            self._unheard = 0
        self._quiet += self._silence
        if not self._reached() and self._quiet < AWAY:
            self._silence = SILENCE  # what is carried is kept for it; it is asked once it is back
            return
        self._out.again()
        self._quiet = 0.0
        self._silence = min(self._silence * 2, SILENCE_MOST)

    def _mark_unheard(self) -> None:
        """It gave a sign of life for as long as nothing of what was sent was said to have come."""
        self._sign = False
        if not self._unheard:
            self._sent_at = self._clock.now() - self._silence
        self._unheard += 1
        if self._unheard == UNHEARD:
            self._lost = True
            _log.warning("the host %s: %s", self.host, self.trouble)


def _word(report: c.Report, now: float) -> Word:
    ago = max(now - report.accepted_at, 0.0) if report.accepted_at is not None else None
    return Word(report.to.partition("@")[0], report.message_id, report.state, report.why, ago)
