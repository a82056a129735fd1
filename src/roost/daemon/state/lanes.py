"""The lanes of all peers: what waits in them is decided, committed and told of.

Events of one peer are decided in order; those that wait together commit together. A decision becomes visible,
is answered and has its effects only after its commit; a commit that fails leaves the state as it was and
fails every event in it.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from roost.core.decide import decide
from roost.core.vocabulary import commands as c
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.peer import Peer, PeerState
from roost.core.vocabulary.policy import Policy
from roost.daemon.state.clock_reading import read_clocks
from roost.daemon.state.decisions import decide_all
from roost.daemon.state.lane import Lane, Outcome, Waiting, batch_of, fail
from roost.daemon.state.listeners import Listeners
from roost.daemon.state.tasks import Tasks
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
        self.policy = policy
        self.on_renamed: Callable[[str, str], None] = lambda _old, _new: None

    def load(self, states: Iterable[PeerState]) -> None:
        """Take over the stored states."""
        here = read_clocks(self._clock)
        for state in states:
            self._lanes[state.peer.name] = Lane(state, here)

    def names(self) -> list[str]:
        """Names of all peers, sorted."""
        return sorted(name for name, lane in self._lanes.items() if lane.state is not None)

    def find(self, name: str) -> Lane | None:
        """The lane of that name; its peer may be removed, or not added yet."""
        return self._lanes.get(name)

    async def add(self, peer: Peer) -> None:
        """Store a new peer. Raises StoreError."""
        lane = self._lanes.setdefault(peer.name, Lane(None, read_clocks(self._clock)))
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
        if not lane.running:
            lane.running = True
            self._tasks.start(self._run(name, lane), f"lane {name}")

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
                lane.running = bool(lane.waiting)
                if lane.running:
                    self._tasks.start(self._run(name, lane), f"lane {name}")
        return left

    async def _commit_together(self, taken: Mapping[str, tuple[Lane, list[Fact]]]) -> list[Fact]:
        here = read_clocks(self._clock)
        made: list[tuple[str, Lane, PeerState | None, list[tuple[Waiting, Outcome]]]] = []
        for name, (lane, own) in taken.items():
            waiting = [Waiting(event, settles, {}, (), None) for _, event, settles in own]
            made.append((name, lane, *decide_all(name, lane, waiting, here, self.policy)))
        decided = [each for _, _, _, own in made for each in own]
        commands = tuple(command for _, outcome in decided for command in outcome.commands)
        try:
            rows = await self._store.commit(batch_of(here.wall, commands, [item for item, _ in decided]))
        except RoostError:
            return [fact for _, own in taken.values() for fact in own]
        self._listeners.journal(rows)
        self._listeners.decided_at = here.wall
        for name, lane, state, own in made:
            lane.turn(state)
            self._move(name, lane)
            self._listeners.committed(
                name, state, tuple(each for _, outcome in own for each in outcome.commands), ()
            )
        return []

    async def _run(self, name: str, lane: Lane) -> None:
        try:
            while True:
                batch = [*lane.unstored, *lane.waiting]
                lane.waiting.clear()
                if lane.state is not None:
                    name = lane.state.peer.name
                if batch:
                    await self._apply(name, lane, batch)
                if not lane.waiting:
                    break
        finally:
            lane.running = False

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

    async def _apply(self, name: str, lane: Lane, waiting: list[Waiting]) -> None:
        if lane.state is None:
            # Nothing to commit, and no state to set: a peer of this name may be being added just now.
            lane.unstored = []
            fail(waiting, NotFoundError(f"'{name}' has just been removed"))
            return
        here = read_clocks(self._clock)
        state, decided = decide_all(name, lane, waiting, here, self.policy)
        commands = tuple(command for _, outcome in decided for command in outcome.commands)
        try:
            rows = await self._store.commit(batch_of(here.wall, commands, [item for item, _ in decided]))
        except BatchError as error:
            lane.unstored = []
            fail([item for item, _ in decided], error)
            return
        except StoreError as error:
            self._refused(name, lane, [item for item, _ in decided], error)
            return
        lane.unstored, lane.seen, lane.trouble = [], None, ""
        lane.turn(state)
        self._listeners.decided_at = here.wall
        self._move(name, lane)
        self._listeners.committed(name, state, commands, rows)
        for item, outcome in decided:
            if item.done is not None and not item.done.done():
                item.done.set_result(outcome)

    def _move(self, name: str, lane: Lane) -> None:
        """The lane of a renamed peer: who has mail of it learns the new name."""
        if lane.state is None or lane.state.peer.name == name:
            return
        new = lane.state.peer.name
        del self._lanes[name]
        self._lanes[new] = lane
        self.on_renamed(name, new)
