"""All other hosts: a link to each, and what comes from them taken."""

import logging
from collections.abc import Iterable

from roost.core.links.incoming import Cursor
from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import host_of
from roost.core.vocabulary.message import MessageState
from roost.daemon.hosts.answering import Answering
from roost.daemon.hosts.asking import Asking
from roost.daemon.hosts.frames import Ask, BrokenFrameError, Data, Frame, Heard, Told, decode
from roost.daemon.hosts.intake import Intake
from roost.daemon.hosts.link import RETRY, Link
from roost.daemon.hosts.members import Members
from roost.daemon.hosts.moves import Moves
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.errors import StoreError
from roost.host.errors import CarrierGone
from roost.host.interfaces.carrier import Carried, Carrier
from roost.host.interfaces.clock import Clock
from roost.host.interfaces.ids import Ids
from roost.local.grants import Grants
from roost.store.interfaces import Intent, Store

EPOCH = "hosts:epoch"
"""The store's key of the latest epoch of this host's links."""
CURSOR = "hosts:taken:"
"""Begins the store's keys of how much of each host was taken."""

_log = logging.getLogger("roost.hosts")


class Hosts:
    """Links to other hosts. `put` takes effects in the order of their commits."""

    def __init__(
        self,
        members: Members,
        carrier: Carrier,
        fleet: Fleet,
        store: Store,
        clock: Clock,
        ids: Ids,
        tasks: Tasks,
        grants: Grants,
    ) -> None:
        """Link to these members, who may do here what is granted."""
        self.members = members
        members.on_heard = self._heard
        self._carrier = carrier
        self._fleet = fleet
        self._store = store
        self._clock = clock
        self._tasks = tasks
        self.intake = Intake(fleet, store, clock, ids, grants)
        self.asking = Asking(members, carrier, fleet, clock, ids)
        self.answering = Answering(members, carrier, grants, fleet, clock, tasks)
        self._moves: Moves | None = None
        self._links: dict[str, Link] = {}
        self._cursors: dict[str, Cursor] = {}
        self._epoch = 0

    @property
    def moves(self) -> Moves | None:
        """Peers on their way between hosts; None where none can be."""
        return self._moves

    @moves.setter
    def moves(self, moves: Moves) -> None:
        self._moves = self.intake.moves = moves
        self.members.on_owner = moves.owned

    async def open(self, intents: Iterable[Intent]) -> None:
        """Begin an epoch, and take up what the last one left. Raises StoreError."""
        intents = list(intents)
        await self.members.load()
        before = int(await self._store.meta(EPOCH) or 0)
        # The time of day makes it later than those of a copy of this store that ran on, too.
        self._epoch = max(before + 1, int(self._clock.now() * 1000))
        await self._fleet.record(meta={EPOCH: str(self._epoch)})
        left = list(_left(self._fleet, intents))
        for entry in left:
            self.put(entry)
        for key in {intent.key for intent in intents if intent.kind == "forward"} - {
            each.key for each in left
        }:
            await self._fleet.settle(key)  # its recipient has answered it
        if self._moves is not None:
            self._moves.resume(intents)
        self._tasks.start(self._receive(), "other hosts")
        self._tasks.start(self.members.run(), "members")

    async def close(self) -> None:
        """Let go of the way to the others."""
        await self._carrier.close()

    def put(self, effect: c.Between) -> None:
        """Do what is done together with another host."""
        if isinstance(effect, c.Forward | c.Report):
            to = effect.peer if isinstance(effect, c.Forward) else effect.to
            self.link(host_of(to) or "").put(effect)
        elif self._moves is not None:
            self._moves.put(effect)

    def link(self, host: str) -> Link:
        """The link to a host; made where there is none."""
        found = self._links.get(host)
        if found is None:

            def reached() -> bool:
                return self.members.silent_since(host) is None

            found = Link(
                host, self._epoch, self._carrier, self._fleet, self._store, self._clock, reached, self._keep
            )
            self._links[host] = found
            self._tasks.start(found.run(), f"link to {host}")
        return found

    def trouble(self, host: str) -> str:
        """Why what waits for a host does not arrive there; "" where nothing is known to be wrong."""
        found = self._links.get(host)
        return found.trouble if found is not None else ""

    def troubles(self) -> dict[str, str]:
        """The hosts for which something waits that does not arrive, and why."""
        return {host: trouble for host, link in sorted(self._links.items()) if (trouble := link.trouble)}

    def _heard(self, host: str) -> None:
        """A host gives a sign of life."""
        found = self._links.get(host)
        if found is not None:
            found.revive()

    async def _keep(self, epoch: int) -> None:
        """An epoch that a link begins is known to the next start before a frame of it is sent."""
        if epoch > self._epoch:
            await self._fleet.record(meta={EPOCH: str(epoch)})
            self._epoch = max(self._epoch, epoch)

    async def _receive(self) -> None:
        trouble = ""
        while True:
            try:
                carried = await self._carrier.receive()
                await self._take(carried)
            except (CarrierGone, StoreError) as error:
                if error.message != trouble:
                    _log.warning("what other hosts send is not taken: %s", error.message)
                trouble = error.message
                await self._clock.sleep(RETRY)
            except Exception as defect:  # noqa: BLE001 -- a defect makes this host deaf to nobody
                _log.error("what other hosts send is not taken", exc_info=defect)
                await self._clock.sleep(RETRY)
            else:
                trouble = ""

    async def _take(self, carried: Carried) -> None:
        """Deal with one frame. Raises StoreError: it comes again.

        One that fails otherwise keeps back no other. Its host sends what it hears no receipt of again.
        """
        try:
            await self._deal(carried.origin, decode(carried.frame))
        except BrokenFrameError as error:
            _log.error("a frame from %s: %s", carried.origin, error.message)
        except (CarrierGone, StoreError):
            raise
        except Exception as defect:  # noqa: BLE001 -- see above
            _log.error("a frame from %s is not taken", carried.origin, exc_info=defect)
        await carried.done()

    async def _deal(self, origin: str, frame: Frame) -> None:
        self.members.hear(origin)
        match frame:
            case Heard():
                await self.link(origin).heard(frame)
            case Data():
                await self._data(origin, frame)
            case Ask():
                self.answering.take(origin, frame)
            case Told():
                self.asking.heard(origin, frame)

    async def _data(self, origin: str, frame: Data) -> None:
        cursor = self._cursors.get(origin) or await self._stored(origin)
        skipped = cursor.skipped(frame.epoch, frame.first)
        if skipped is None:
            self.link(origin).tell(Heard(cursor.epoch, cursor.number, gap=True))
            return
        entries = frame.entries[skipped:]
        if entries:
            await self.intake.take(origin, entries)
            cursor = cursor.after(frame.epoch, frame.first + len(frame.entries) - 1)
            await self._fleet.record(meta={f"{CURSOR}{origin}": f"{cursor.epoch} {cursor.number}"})
            self._cursors[origin] = cursor
        self.link(origin).tell(Heard(cursor.epoch, cursor.number))

    async def _stored(self, origin: str) -> Cursor:
        kept = await self._store.meta(f"{CURSOR}{origin}")
        if kept is None:
            return Cursor()
        epoch, number = kept.split()
        return Cursor(int(epoch), int(number))


def _left(fleet: Fleet, intents: Iterable[Intent]) -> Iterable[c.Forward | c.Report]:
    """What was not known to have arrived, the messages in the order of their queues."""
    intents = list(intents)
    forwards = {intent.message for intent in intents if intent.kind == "forward"}
    for state in fleet.elsewhere():
        for message in state.messages:
            if message.id in forwards:
                yield c.Forward(state.peer.name, message)
    for intent in intents:
        if intent.kind == "report" and intent.message is not None:
            state, why = MessageState(intent.data["state"]), str(intent.data["why"])
            yield c.Report(intent.peer, intent.message, state, why, intent.data["accepted_at"])
