"""Peers that come here from other hosts: taken in part by part, and woken only once they have left there."""

import re
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
from msgspec.structs import replace

from roost.core.vocabulary import move as m
from roost.core.vocabulary.identity import OPERATOR, check_name
from roost.core.vocabulary.peer import Peer, Settings
from roost.daemon.hosts.frames import Decision, Part, Reply
from roost.daemon.hosts.luggage import PART, BrokenLuggageError, Luggage, Packer
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.threads import Threads
from roost.errors import NotFoundError, RefusedError, RoostError, StoreError
from roost.host.interfaces.clock import Clock

PARTS = 300
"""Parts of one peer at most: what its records may hold, and room for itself."""
Say = Callable[[str, Reply], None]
Check = Callable[[Settings], Awaitable[object]]


class Arrivals:
    """Takes peers in."""

    def __init__(
        self,
        fleet: Fleet,
        clock: Clock,
        packer: Packer,
        folder: Path,
        check: Check,
        granted: Callable[[str, str], bool],
        say: Say,
        threads: Threads,
    ) -> None:
        """`folder`: where parts are kept. `check` raises for settings that cannot be had here.

        `granted`: whether a peer may come here from a host. `say` tells a host.
        """
        self._fleet = fleet
        self._clock = clock
        self._packer = packer
        self._folder = folder
        self._check = check
        self._granted = granted
        self._say = say
        self._threads = threads

    def resume(self) -> None:
        """Say once more of whom all is here."""
        for state in self._fleet.states():
            move = state.peer.moving
            if move is not None and move.arriving:
                self._say(move.host, Reply(state.peer.name, move.id, ready=True, why=""))

    async def part(self, origin: str, part: Part) -> None:
        """One more part. Raises StoreError: it comes again."""
        try:
            await self._taken(origin, part)
        except StoreError:
            raise
        except (RoostError, OSError) as error:
            why = error.message if isinstance(error, RoostError) else str(error)
            self._say(origin, Reply(part.peer, part.move, ready=False, why=why))
            await self._threads.run(self._forget, origin, part.move)

    async def decided(self, origin: str, told: Decision) -> None:
        """The host that it leaves has decided. Raises StoreError: it comes again."""
        try:
            move = self._fleet.get(told.peer).peer.moving
            if move is not None and move.host == origin:
                await self._fleet.tell(told.peer, m.Decided(told.move, told.decision))
        except NotFoundError:
            pass
        await self._threads.run(self._forget, origin, told.move)

    async def _taken(self, origin: str, part: Part) -> None:
        if not re.fullmatch(m.ID, part.move) or not 0 <= part.number < part.count <= PARTS:
            raise BrokenLuggageError("a part of it is none")
        if len(part.data) > PART:
            raise BrokenLuggageError("a part of it is too large")
        if not self._granted(origin, part.peer):
            raise RefusedError(
                f"it takes no '{part.peer}' from here; `move` in its [fleet.grants.{origin}] allows it"
            )
        check_name(part.peer)
        if part.peer == OPERATOR:
            raise RefusedError("the operator stays where it is")
        found = self._fleet.find(part.peer)
        if found is not None:
            move = found.peer.moving
            if move is None or move.id != part.move or not move.arriving:
                raise RefusedError(f"there is a peer '{part.peer}' already")
            self._say(origin, Reply(part.peer, part.move, ready=True, why=""))
            return
        data = await self._threads.run(self._keep, origin, part)
        if data is not None:
            await self._arrive(origin, part, data)

    async def _arrive(self, origin: str, part: Part, data: bytes) -> None:
        try:
            luggage = msgspec.msgpack.decode(data, type=Luggage)
        except msgspec.MsgspecError as error:
            raise BrokenLuggageError(f"its things cannot be read: {error}") from error
        peer = self._as_ours(origin, part, luggage.as_peer())
        await self._check(peer.settings)
        there = await self._packer.unpack(luggage, peer)
        kept = tuple(each for each in peer.conversations if each.id in there)
        goes_on = peer.conversation if peer.conversation in there else None
        await self._fleet.add(replace(peer, conversation=goes_on, conversations=kept))
        self._say(origin, Reply(part.peer, part.move, ready=True, why=""))
        await self._threads.run(self._forget, origin, part.move)

    def _as_ours(self, origin: str, part: Part, peer: Peer) -> Peer:
        """The peer as it begins here: what went wrong there is no matter of this host."""
        move = peer.moving
        if peer.name != part.peer or move is None or move.id != part.move:
            raise BrokenLuggageError("its things are another peer's")
        now = self._clock.now()
        settings = replace(peer.settings, dir=move.dir or peer.settings.dir)
        return replace(
            peer,
            settings=settings,
            created_at=now,
            since=now,
            moving=m.Move(move.id, origin, settings.dir, move.by, arriving=True),
            former=(),
            pending=None,
            quarantine=None,
            backoff_until=None,
            failures=0,
            hindered=None,
            deaths=(),
        )

    def _keep(self, origin: str, part: Part) -> bytes | None:
        """Blocking: keep a part; all of them once they are there."""
        folder = self._of(origin, part.move)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = folder / f"{part.number}.part"
        fresh.touch(mode=0o600)
        fresh.write_bytes(part.data)
        fresh.replace(folder / str(part.number))
        paths = [folder / str(number) for number in range(part.count)]
        if not all(path.exists() for path in paths):
            return None
        return b"".join(path.read_bytes() for path in paths)

    def _forget(self, origin: str, move: str) -> None:
        if re.fullmatch(m.ID, move):
            shutil.rmtree(self._of(origin, move), ignore_errors=True)

    def _of(self, origin: str, move: str) -> Path:
        return self._folder / f"{origin}.{move}"
