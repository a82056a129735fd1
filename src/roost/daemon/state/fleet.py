"""The fleet: every peer's state in memory, changed only by decisions that are already on disk.

Each peer has a lane. Events of one peer are decided in order; those that wait together commit together. A
decision becomes visible, is answered and has its effects only after its commit; a commit that fails leaves
the state as it was and fails every event in it.
"""

import asyncio
import difflib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from roost.core.decide import decide
from roost.core.vocabulary import commands as c
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.facts import SenderRenamed
from roost.core.vocabulary.identity import OPERATOR
from roost.core.vocabulary.peer import Peer, PeerState
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.requests import Rename
from roost.daemon.state.clock_reading import ClockReading, read_clocks
from roost.daemon.state.lane import Lane, Outcome, Waiting, accepted, batch_of, fail, forget
from roost.daemon.state.tasks import Tasks
from roost.errors import NotFoundError, RoostError, StoreError
from roost.host.interfaces.clock import Clock
from roost.store.errors import BatchError
from roost.store.interfaces import Batch, JournalRow, Store, Token

AGAIN = 2.0
"""Seconds until a fact that the store refused is told again."""
TOGETHER = 16384
"""Facts of different peers in one commit: enough to hide its cost, and a second at most."""

_log = logging.getLogger("roost.fleet")


class DefectError(RoostError):
    """The daemon met a defect of its own; its log has the details. Nothing was changed."""

    code = "defect"


class Fleet:
    """All peers. `on_effect` is called after the commit with each effect; `on_committed` with each batch."""

    def __init__(self, store: Store, clock: Clock, policy: Policy, tasks: Tasks) -> None:
        """Begin empty; `load` fills it."""
        self._store = store
        self._clock = clock
        self.policy = policy
        self._tasks = tasks
        self._lanes: dict[str, Lane] = {}
        self._adding: set[str] = set()
        self.decided_at = clock.now()
        """When the decision was made that `on_committed` is told of (Unix seconds): before its commit."""
        self.on_effect: Callable[[c.Effect], None] = lambda _effect: None
        self.on_committed: list[Callable[[str, PeerState | None, tuple[c.Command, ...]], None]] = []
        self.on_kept: list[Callable[[str, PeerState | None], None]] = []
        """Called with a peer's state as it is known to be, when the store has refused what made it so."""
        self.on_journal: list[Callable[[tuple[JournalRow, ...]], None]] = []

    def load(self, states: Iterable[PeerState]) -> None:
        """Take over the stored states."""
        here = read_clocks(self._clock)
        for state in states:
            self._lanes[state.peer.name] = Lane(state, here)

    def names(self) -> list[str]:
        """Names of all peers, sorted."""
        return sorted(name for name, lane in self._lanes.items() if lane.state is not None)

    def states(self) -> list[PeerState]:
        """States of all peers, by name."""
        return [state for name in self.names() if (state := self.find(name)) is not None]

    def find(self, name: str) -> PeerState | None:
        """The peer's state, None when there is no such peer: with what is known and not stored yet."""
        lane = self._lanes.get(name)
        if lane is None:
            return None
        return lane.seen if lane.unstored else lane.state

    def trouble(self, name: str) -> str:
        """Why something of what is known of the peer is not stored; "" when all is."""
        lane = self._lanes.get(name)
        return lane.trouble if lane is not None else ""

    def get(self, name: str) -> PeerState:
        """The peer's state; raises NotFoundError that names similar peers."""
        state = self.find(name)
        if state is None:
            now = self.called(name)
            if now is not None:
                raise NotFoundError(f"'{name}' is called '{now}' now")
            raise NotFoundError(_unknown(name, self.names()))
        return state

    def called(self, name: str) -> str | None:
        """The name that the peer of this name, or of this name before, has now; None: there is none."""
        if self.find(name) is not None:
            return name
        return next((state.peer.name for state in self.states() if name in state.peer.former), None)

    async def rename(self, name: str, event: Rename) -> None:
        """Give a peer a free name, at once or once its session is over. Raises as `add` and `tell` do."""
        if event.new != self.get(name).peer.renaming:
            self._check_free(event.new)
        self._adding.add(event.new)
        try:
            await self.tell(name, event)
        finally:
            self._adding.discard(event.new)

    def _check_free(self, name: str) -> None:
        promised = {state.peer.renaming for state in self.states()} | self._adding
        if self.find(name) is not None or name in promised:
            raise RoostError(f"there is a peer '{name}' already; choose another name or remove it first")

    async def add(self, peer: Peer) -> None:
        """Store a new peer. Raises RoostError when the name is taken, StoreError when it cannot be stored."""
        self._check_free(peer.name)
        self._adding.add(peer.name)
        try:
            await self._add(peer)
        finally:
            self._adding.discard(peer.name)

    async def _add(self, peer: Peer) -> None:
        lane = self._lanes.setdefault(peer.name, Lane(None, read_clocks(self._clock)))
        state = PeerState(peer)
        commands = (
            c.SavePeer(peer),
            c.Journal("added", peer.name, data={"runtime": peer.settings.runtime, "dir": peer.settings.dir}),
        )
        here = read_clocks(self._clock)
        rows = await self._store.commit(batch_of(here.wall, commands))
        self.decided_at = here.wall
        lane.state, lane.reading = state, here
        self._publish(peer.name, state, commands, rows)

    async def tell(
        self,
        name: str,
        event: Event,
        *,
        settles: str | None = None,
        bodies: Mapping[str, bytes] | None = None,
        tokens: tuple[Token, ...] = (),
    ) -> Outcome:
        """Apply an event to a peer and return when it is durable.

        `settles` is the key of the intent that this event ends. Raises the error of a `Refuse`, NotFoundError
        for an unknown peer, StoreError when the commit failed (nothing has changed then).
        """
        name = self.called(name) or name
        self.get(name)
        lane = self._lanes[name]
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._put(name, lane, Waiting(event, settles, bodies or {}, tokens, done))
        return accepted(await done)

    def _put(self, name: str, lane: Lane, item: Waiting) -> None:
        lane.waiting.append(item)
        self._start(name, lane)

    def _start(self, name: str, lane: Lane) -> None:
        if not lane.running:
            lane.running = True
            self._tasks.start(self._run(name, lane), f"lane {name}")

    async def report(self, name: str, event: Event, *, settles: str | None = None) -> bool:
        """Tell a fact and return when it is durable: it is kept until the store takes it.

        It shows at once, and comes before whatever is told later. False when the peer is gone and needs no
        facts any more.
        """
        while True:
            try:
                await self._keep(name, event, settles)[0]
            except NotFoundError:
                return False
            except StoreError as error:
                _log.error("%s of %s is not stored yet: %s", type(event).__name__, name, error.message)
                await self._clock.sleep(AGAIN)
            else:
                return True

    async def note(self, name: str, event: Event, *, settles: str | None = None) -> None:
        """Tell a fact, and return when it is stored, or kept because the store refuses it."""
        with suppress(NotFoundError):
            await self.insist(name, event, settles=settles)

    async def insist(self, name: str, event: Event, *, settles: str | None = None) -> bool:
        """Tell what is to be so, whether it can be stored now or not; whether it is stored.

        Raises as `tell` does, but for StoreError.
        """
        done, kept = self._keep(name, event, settles)
        await asyncio.wait({done, kept}, return_when=asyncio.FIRST_COMPLETED)
        if not done.done():
            done.add_done_callback(forget)
            return False
        accepted(done.result())
        return True

    def _keep(
        self, name: str, event: Event, settles: str | None
    ) -> tuple["asyncio.Future[Outcome]", "asyncio.Future[None]"]:
        name = self.called(name) or name
        self.get(name)
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._put(name, self._lanes[name], Waiting(event, settles, {}, (), done, kept))
        return done, kept

    async def report_all(self, facts: Sequence[tuple[str, Event, str | None]]) -> None:
        """Tell facts of many peers, each with the intent that it settles; hundreds commit together.

        As `report` for each: what cannot be stored together is told one by one, until the store takes it.
        """
        chunks = [facts[begin : begin + TOGETHER] for begin in range(0, len(facts), TOGETHER)]
        for left in await asyncio.gather(*(self._together(chunk) for chunk in chunks)):
            await asyncio.gather(
                *(self.report(name, event, settles=settles) for name, event, settles in left)
            )

    async def _together(
        self, facts: Sequence[tuple[str, Event, str | None]]
    ) -> list[tuple[str, Event, str | None]]:
        """Decide and commit facts of idle lanes at once; returns those that have to be told alone."""
        left: list[tuple[str, Event, str | None]] = []
        taken: dict[str, tuple[Lane, list[tuple[str, Event, str | None]]]] = {}
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

    async def _commit_together(
        self, taken: Mapping[str, tuple[Lane, list[tuple[str, Event, str | None]]]]
    ) -> list[tuple[str, Event, str | None]]:
        here = read_clocks(self._clock)
        made: list[tuple[str, Lane, PeerState | None, list[tuple[Waiting, Outcome]]]] = []
        for name, (lane, own) in taken.items():
            waiting = [Waiting(event, settles, {}, (), None) for _, event, settles in own]
            made.append((name, lane, *self._decide(name, lane, waiting, here)))
        decided = [each for _, _, _, own in made for each in own]
        commands = tuple(command for _, outcome in decided for command in outcome.commands)
        try:
            rows = await self._store.commit(batch_of(here.wall, commands, [item for item, _ in decided]))
        except RoostError:
            return [fact for _, own in taken.values() for fact in own]
        for listener in self.on_journal:
            listener(rows)
        self.decided_at = here.wall
        for name, lane, state, own in made:
            lane.turn(state)
            self._move(name, lane)
            self._publish(name, state, tuple(each for _, outcome in own for each in outcome.commands), ())
        return []

    async def record(self, *journal: c.Journal, meta: Mapping[str, str] | None = None) -> None:
        """Store journal lines and values that belong to no peer. Raises StoreError."""
        rows = await self._store.commit(Batch(at=self._clock.now(), journal=journal, meta=meta or {}))
        for listener in self.on_journal:
            listener(rows)

    async def settle(self, key: str) -> None:
        """End an intent whose effect needs no event."""
        await self._store.commit(Batch(at=self._clock.now(), settled=(key,)))

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
            for listener in self.on_kept:
                listener(name, seen)
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
        state, decided = self._decide(name, lane, waiting, here)
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
        self.decided_at = here.wall
        self._move(name, lane)
        self._publish(name, state, commands, rows)
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
        for state in self.states():
            if any(message.sender == name for message in state.messages):
                told = self.report(state.peer.name, SenderRenamed(name, new))
                self._tasks.start(told, f"new name of {new} at {state.peer.name}")

    def _decide(
        self, name: str, lane: Lane, waiting: list[Waiting], here: ClockReading
    ) -> tuple[PeerState | None, list[tuple[Waiting, Outcome]]]:
        """Decide one event after another; those that cannot be decided have failed already.

        A clock that was moved since the state was stored comes first: nothing may be decided by wrong times.
        """
        state, moved = lane.state, lane.reading.moved_to(here)
        lane.next_reading = here if moved is not None else None
        if moved is not None:
            waiting = [Waiting(moved, None, {}, (), None), *waiting]
        decided: list[tuple[Waiting, Outcome]] = []
        for item in waiting:
            if state is None:
                fail([item], NotFoundError(f"'{name}' has just been removed"))
                continue
            try:
                state, made = decide(state, item.event, here.wall, self.policy)
            except Exception as defect:  # noqa: BLE001 -- a defect fails its own event, not all of the lane
                _log.error("%s of %s cannot be decided", type(item.event).__name__, name, exc_info=defect)
                fail([item], DefectError())
                continue
            decided.append((item, Outcome(state, made)))
        return state, decided

    def _publish(
        self,
        name: str,
        state: PeerState | None,
        commands: tuple[c.Command, ...],
        rows: tuple[JournalRow, ...],
    ) -> None:
        if rows:
            for listener in self.on_journal:
                listener(rows)
        renamed = state is not None and state.peer.name != name
        for committed in self.on_committed:
            committed(name, None if renamed else state, commands)
            if state is not None and renamed:
                committed(state.peer.name, state, ())
        for command in commands:
            if isinstance(command, c.Effect):
                self.on_effect(command)


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, [other for other in known if other != OPERATOR], n=2)
    hint = f"did you mean {' or '.join(repr(other) for other in close)}?" if close else "see `roost list`"
    return f"there is no peer '{name}'; {hint}"
