"""Peers on their way between this host and others."""

import logging
from collections.abc import Callable, Iterable

import msgspec

from roost.core.vocabulary import move as m
from roost.daemon.hosts.arrivals import Arrivals
from roost.daemon.hosts.frames import Decision, Part, Reply, Travels
from roost.daemon.hosts.link import Link, Ready
from roost.daemon.hosts.luggage import PART, Packer
from roost.daemon.hosts.owner import Owner, key_of, mark_of
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.errors import NotFoundError
from roost.host.errors import CarrierGone
from roost.host.interfaces.clock import Clock
from roost.host.interfaces.directory import Directory
from roost.store.interfaces import Intent

RETRY = 1.0
AGAIN = 30.0
"""Seconds after which what has arrived and was not answered is sent again."""
_log = logging.getLogger("roost.hosts")


class Moves:
    """Does what a move takes.

    By the id of each move since the daemon began: `hindered`, why it did not come about; `left`, the
    conversations that did not go along.
    """

    def __init__(
        self,
        host: str,
        fleet: Fleet,
        directory: Directory,
        packer: Packer,
        arrivals: Arrivals,
        link: Callable[[str], Link],
        clock: Clock,
        tasks: Tasks,
    ) -> None:
        """Be this host; `link` gives the way to another."""
        self.hindered: dict[str, str] = {}
        self.left: dict[str, list[str]] = {}
        self._host = host
        self._fleet = fleet
        self._directory = directory
        self._packer = packer
        self._arrivals = arrivals
        self._link = link
        self._clock = clock
        self._tasks = tasks

    def put(self, effect: m.HandOver | m.Own | m.Decide) -> None:
        """Do it."""
        match effect:
            case m.HandOver(peer, move):
                self._tasks.start(self._hand_over(effect, peer, move), effect.key)
            case m.Own(peer, move):
                self._tasks.start(self._own(effect, peer, move), effect.key)
            case m.Decide(peer, host, move, decision):
                name = peer.partition("@")[0]
                self._link(host).put(Ready(effect.key, Decision(name, move, decision)))

    def resume(self, intents: Iterable[Intent]) -> None:
        """Take up what a daemon before this one has begun."""
        intents = list(intents)
        for intent in intents:
            if intent.kind == "decide":
                data = intent.data
                decide = m.Decide(intent.peer, str(data["host"]), str(data["move"]), data["decision"])
                self.put(decide)
        for state in self._fleet.states():
            move = state.peer.moving
            if move is not None and move.handed:
                self.put((m.Own if move.ready else m.HandOver)(state.peer.name, move))
        self._arrivals.resume()
        begun = {
            effect(state.peer.name, state.peer.moving).key
            for state in self._fleet.states()
            for effect in (m.HandOver, m.Own)
            if state.peer.moving is not None
        }
        for intent in intents:
            if intent.kind in ("hand-over", "own") and intent.key not in begun:
                self._tasks.start(self._fleet.settle(intent.key), intent.key)

    async def take(self, origin: str, told: Travels) -> None:
        """What another host tells. Raises StoreError: it comes again."""
        match told:
            case Part():
                await self._arrivals.part(origin, told)
            case Decision():
                await self._arrivals.decided(origin, told)
            case Reply(peer, move, ready, why):
                found = self._fleet.find(peer)
                if found is None or found.peer.moving is None or found.peer.moving.host != origin:
                    return
                if not ready:
                    self.hindered[move] = f"{origin}: {why}"
                await self._fleet.tell(peer, m.Answered(move, ready, why))

    def owned(self, mark: str, owner: bytes) -> None:
        """The fleet has it on record whose a peer is."""
        try:
            host = msgspec.json.decode(owner, type=Owner).host
        except (ValueError, RecursionError) as error:  # msgspec's are some
            _log.warning("whose a peer is cannot be read: %s", error)
            return
        for state in self._fleet.states() if host != self._host else ():
            if mark_of(state.peer) == mark:
                told = self._fleet.report(state.peer.name, m.Disowned(host))
                self._tasks.start(told, f"{state.peer.name} is of {host}")

    async def _hand_over(self, effect: m.HandOver, peer: str, move: m.Move) -> None:
        """Send all parts, and again while they have arrived and are not answered."""
        link = self._link(move.host)
        while (state := self._fleet.find(peer)) is not None and state.peer.moving == move:
            try:
                luggage = await self._packer.pack(state)
            except OSError as error:
                why = f"what belongs to '{peer}' cannot be read: {error}"
                self.hindered[move.id] = why
                await self._fleet.report(peer, m.Answered(move.id, ready=False, why=why), settles=effect.key)
                return
            self.left[move.id] = luggage.left
            data = msgspec.msgpack.encode(luggage)
            parts = [data[at : at + PART] for at in range(0, len(data), PART)]
            for number, part in enumerate(parts):
                link.put(Ready(effect.key, Part(peer, move.id, number, len(parts), part)))
            await self._clock.sleep(AGAIN)
            while link.waiting:
                await self._clock.sleep(AGAIN)

    async def _own(self, effect: m.Own, peer: str, move: m.Move) -> None:
        """Write down whose the peer is, unless somebody else has."""
        while True:
            try:
                owner = await self._swapped(peer, move)
            except CarrierGone as gone:
                _log.warning("the move of %s waits: %s", peer, gone.message)
                owner = None
            except NotFoundError:
                return
            if owner is not None:
                if owner != move.host:
                    self.hindered[move.id] = f"the fleet has it on record that it belongs to {owner}"
                await self._fleet.report(peer, m.Owned(move.id, owner), settles=effect.key)
                return
            await self._clock.sleep(RETRY)

    async def _swapped(self, peer: str, move: m.Move) -> str | None:
        """Whose the peer is on record; None: look again. Raises CarrierGone, NotFoundError."""
        key = key_of(self._fleet.get(peer).peer)
        before = await self._directory.read(key)
        if before is not None:
            known = msgspec.json.decode(before, type=Owner)
            if known.move == move.id or known.host != self._host:
                return known.host
        value = msgspec.json.encode(Owner(move.host, move.id))
        return move.host if await self._directory.swap(key, value, before) else None
