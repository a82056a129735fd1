"""The lanes of all peers: what waits in them is decided, committed and told of.

Events of one peer are decided in order. What waits in any lanes at one moment is a round: decided at one go
and committed together; where that cannot be stored, each lane is tried alone. The next round may begin
meanwhile, unless what is being stored changes what is watched. A decision becomes visible, is answered and
has its effects only after its commit; a commit that fails leaves the state as it was and fails every event
in it. Of events that contradict the store each is tried alone, so that none fails for another's sake.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from roost.core.decide import decide
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import move as m
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.peer import Peer, PeerState
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.watch import Watch
from roost.daemon.state.clock_reading import ClockReading, read_clocks
from roost.daemon.state.decisions import decide_all
from roost.daemon.state.lane import Decided, Lane, Waiting, batch_of, fail
from roost.daemon.state.listeners import Listeners
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.watches import Watches
from roost.errors import NotFoundError, RoostError, StoreError
from roost.host.interfaces.clock import Clock
from roost.store.errors import BatchError
from roost.store.interfaces import Store

AGAIN = 2.0
"""Seconds until a fact that the store refused is told again."""
Fact = tuple[str, Event, str | None]
"""A peer, what is so of it, and the intent that this settles."""

_log = logging.getLogger("roost.fleet")


class Lanes:
    """The lanes by the names of their peers. `on_renamed` is called with the old and the new name."""

    def __init__(
        self, store: Store, clock: Clock, policy: Policy, tasks: Tasks, listeners: Listeners
    ) -> None:
        """Begin empty; `load` fills it."""
        self._store = store
        self._clock = clock
        self._tasks = tasks
        self._listeners = listeners
        self._lanes: dict[str, Lane] = {}
        self._ready: dict[str, Lane] = {}
        self.policy = policy
        self.watches = Watches(read_clocks(clock))
        self.on_renamed: Callable[[str, str], None] = lambda _old, _new: None

    def load(self, states: Iterable[PeerState], watches: Iterable[Watch]) -> None:
        """Take over the stored states and watches."""
        here = read_clocks(self._clock)
        for state in states:
            self._lanes[state.peer.name] = Lane(state, here)
        self.watches.load(watches, here)

    def names(self) -> list[str]:
        """Names of all peers, sorted."""
        return sorted(name for name, lane in self._lanes.items() if lane.state is not None)

    def find(self, name: str) -> Lane | None:
        """The lane of that name; its peer may be removed, or not added yet."""
        return self._lanes.get(name)

    async def add(self, peer: Peer) -> None:
        """Store a new peer. Raises RoostError when the name is taken, StoreError when it cannot be stored."""
        lane = await self._taken(peer.name)
        try:
            if lane.state is not None:
                raise name_taken(peer.name)
            await self._add(peer, lane)
        finally:
            self._release(peer.name, lane)

    async def _taken(self, name: str) -> Lane:
        """The lane of a name, once nothing is decided in it; whoever takes it releases it."""
        while (lane := self._lanes.setdefault(name, Lane(None, read_clocks(self._clock)))).running:
            lane.freed = lane.freed or asyncio.Event()
            await lane.freed.wait()
        lane.running = True
        return lane

    async def _add(self, peer: Peer, lane: Lane) -> None:
        state = PeerState(peer)
        commands = (
            c.SavePeer(peer),
            c.Journal("added", peer.name, data={"runtime": peer.settings.runtime, "dir": peer.settings.dir}),
        )
        here = read_clocks(self._clock)
        rows = await self._store.commit(batch_of(here.wall, commands))
        self._listeners.decided_at = here.wall
        lane.state, lane.reading = state, here
        self._listeners.committed(peer.name, state, commands, rows)

    def put(self, name: str, item: Waiting) -> None:
        """Have an event decided, after those that wait already."""
        lane = self._lanes[name]
        lane.waiting.append(item)
        self._start(name, lane)

    def _start(self, name: str, lane: Lane) -> None:
        if lane.running:
            return
        lane.running = True
        if not self._ready:
            self._tasks.start(self._round(), "lanes")
        self._ready[name] = lane

    def _release(self, name: str, lane: Lane) -> None:
        lane.free()
        if lane.waiting:
            self._start(lane.state.peer.name if lane.state is not None else name, lane)
        if "@" in name:
            here = name.partition("@")[0]
            leaver = self._lanes.get(here)
            if leaver is not None and leaver.postponed:
                leaver.postponed = False
                self._start(here, leaver)

    async def together(self, facts: Sequence[Fact]) -> list[Fact]:
        """Decide and commit facts of idle lanes at once; returns those that have to be told alone."""
        left: list[Fact] = []
        taken: dict[str, tuple[Lane, list[Fact]]] = {}
        for fact in facts:
            lane = self._lanes.get(fact[0])
            if fact[0] in taken:
                taken[fact[0]][1].append(fact)
            elif lane is None or lane.running or lane.state is None or lane.unstored:
                left.append(fact)
            else:
                lane.running = True
                taken[fact[0]] = (lane, [fact])
        try:
            left += await self._commit_together(taken)
        finally:
            for name, (lane, _) in taken.items():
                self._release(name, lane)
        return left

    async def _commit_together(self, taken: Mapping[str, tuple[Lane, list[Fact]]]) -> list[Fact]:
        await self.watches.settled()
        here = read_clocks(self._clock)
        sight = self.watches.sight(here)
        made: list[Decided] = []
        for name, (lane, own) in taken.items():
            waiting = [Waiting(event, settles, {}, (), None) for _, event, settles in own]
            made.append(Decided(name, lane, *decide_all(name, lane, waiting, here, self.policy, sight)))
        try:
            with self.watches.being_stored(each.commands for each in made):
                await self._store_all(made, here.wall)
        except RoostError:
            return [fact for _, own in taken.values() for fact in own]
        return []

    async def _round(self) -> None:
        """Decide what waits in all lanes that are ready."""
        await self.watches.settled()
        ready, self._ready = self._ready, {}
        here = read_clocks(self._clock)
        sight = self.watches.sight(here)
        held = self._set_aside(ready, here)
        made: list[Decided] = []
        try:
            for name, lane in ready.items():
                waiting = lane.take()
                if lane.state is not None:
                    decided = decide_all(name, lane, waiting, here, self.policy, sight)
                    made.append(Decided(name, lane, *decided))
                else:
                    lane.unstored = []
                    fail(waiting, NotFoundError(f"'{name}' has just been removed"))
            with self.watches.being_stored(each.commands for each in made):
                await self._commit(made, here.wall)
        finally:
            for name, lane in ready.items():
                self._release(name, lane)
            for name, lane in held.items():
                if self._lanes[name] is lane:
                    self._release(name, lane)
                    if lane.unstored and not lane.again:
                        self._start(name, lane)

    def _set_aside(self, ready: dict[str, Lane], here: ClockReading) -> dict[str, Lane]:
        """The lanes whose names are given to peers that leave for another host in this round.

        Nothing is decided in them until that is stored. Who leaves waits while one is at work elsewhere.
        """
        held: dict[str, Lane] = {}
        for name, lane in list(ready.items()):
            move = lane.state.peer.moving if lane.state is not None else None
            if move is None:
                continue
            told = [each for each in (*lane.unstored, *lane.waiting) if isinstance(each.event, m.Owned)]
            if not told:
                continue
            new = f"{name}@{move.host}"
            other = self._lanes.setdefault(new, Lane(None, here))
            if other.running and new not in ready:
                del ready[name]
                lane.postponed = True
                lane.free()
                continue
            lane.postponed, other.running, held[new] = False, True, other
            ready.pop(new, None)
            for item in told:
                item.event = _with_kept(item.event, other, here)
        return held

    async def _commit(self, made: Sequence[Decided], at: float) -> None:
        """Store decisions that were made at that time (Unix seconds), together or, if need be, each alone."""
        try:
            if made:
                await self._store_all(made, at)
        except StoreError as error:
            if len(made) > 1:
                await asyncio.gather(*(self._commit([each], at) for each in made))
            elif isinstance(error, BatchError):
                self._contradicts(made[0], error)
            else:
                self._refused(made[0].name, made[0].lane, made[0].items, error)

    async def _store_all(self, made: Sequence[Decided], at: float) -> None:
        """Store decisions in one commit, then tell of them. Raises StoreError: none of them was stored."""
        commands = [command for each in made for command in each.commands]
        rows = await self._store.commit(
            batch_of(at, commands, [item for each in made for item in each.items])
        )
        for each in made:
            each.lane.unstored, each.lane.seen, each.lane.trouble = [], None, ""
            each.lane.turn(each.state)
            self.watches.committed(each.commands)
        if rows:
            self._listeners.journal(rows)
        for each in made:
            self._listeners.decided_at = at if not each.unchanged else None
            try:
                self._move(each.name, each.lane)
                self._listeners.committed(each.name, each.state, each.commands, ())
            except Exception as defect:  # noqa: BLE001 -- a defect in one lane's news keeps back no other's
                _log.error("not all could be told of a commit of %s", each.name, exc_info=defect)
            for item, outcome in each.outcomes:
                if item.done is not None and not item.done.done():
                    item.done.set_result(outcome)

    @staticmethod
    def _contradicts(made: Decided, error: BatchError) -> None:
        """One of these events, whose is not known, cannot be stored at all: it is to fail alone."""
        items = [
            item for item in made.items if not isinstance(item.event, f.ClockMoved)
        ]  # told anew each time
        if len(items) > 1:
            made.lane.part(items)
            return
        made.lane.unstored = []
        fail(items, error)

    async def _again(self, name: str, lane: Lane) -> None:
        """Try again to store what is kept."""
        await self._clock.sleep(AGAIN)
        lane.again = False
        if lane.unstored:
            self._start(name, lane)

    def _refused(self, name: str, lane: Lane, items: list[Waiting], error: StoreError) -> None:
        """The store took nothing: what is so all the same is kept and shown, the rest fails."""
        known, lane.unstored = lane.unstored, [item for item in items if item.kept is not None]
        lane.trouble = error.message if lane.unstored else ""
        fail([item for item in items if item.kept is None], error)
        if len(lane.unstored) > len(known):
            seen = lane.state
            for item in lane.unstored:
                seen = decide(seen, item.event, self._clock.now(), self.policy)[0] if seen else None
            lane.seen = seen
            self._listeners.kept(name, seen)
        for item in lane.unstored:
            if item.kept is not None and not item.kept.done():
                item.kept.set_result(None)
                _log.error("%s of %s is not stored yet: %s", type(item.event).__name__, name, error.message)
        if lane.unstored and not lane.again:
            lane.again = True
            self._tasks.start(self._again(name, lane), f"lane {name} again")

    def _move(self, name: str, lane: Lane) -> None:
        """The lane of a renamed peer: who has mail of it learns the new name."""
        if lane.state is None or lane.state.peer.name == name:
            return
        new = lane.state.peer.name
        del self._lanes[name]
        other = self._lanes.get(new)
        self._lanes[new] = lane
        if other is not None:
            lane.waiting = deque([*other.unstored, *other.waiting, *lane.waiting])
            other.unstored, other.waiting = [], deque()
            other.free()
        self.on_renamed(name, new)


def _with_kept(event: Event, other: Lane, here: ClockReading) -> Event:
    """What is on record of a peer that leaves, with what the lane of its new name holds."""
    if not isinstance(event, m.Owned) or other.state is None:
        return event
    kept, moved = tuple(other.state.messages), other.reading.moved_to(here)
    return replace(event, kept=kept, moved=moved, former=other.state.peer.former)


def name_taken(name: str) -> RoostError:
    """Nobody else can have this name."""
    return RoostError(f"there is a peer '{name}' already; choose another name or remove it first")
