"""The fleet: every peer's state in memory, changed only by decisions that are already on disk.

Peers are found, added and renamed here, and told what happened. Each has a lane, where that is decided.
"""

import asyncio
import difflib
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.facts import SenderRenamed
from roost.core.vocabulary.identity import OPERATOR, host_of
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import Peer, PeerState
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.requests import Rename
from roost.core.vocabulary.watch import Watch
from roost.daemon.state.clock_reading import read_clocks
from roost.daemon.state.lane import Outcome, Waiting, accepted, batch_of, forget
from roost.daemon.state.lanes import AGAIN, Fact, Lanes, name_taken
from roost.daemon.state.listeners import Listeners
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.watches import Watches
from roost.errors import NotFoundError, StoreError
from roost.host.interfaces.clock import Clock
from roost.store.interfaces import Batch, Store, Token

TOGETHER = 16384
"""Facts of different peers in one commit: enough to hide its cost, and a second at most."""

_log = logging.getLogger("roost.fleet")


class Fleet:
    """All peers by name; `listeners` are told of what was committed."""

    def __init__(self, store: Store, clock: Clock, policy: Policy, tasks: Tasks) -> None:
        """Begin empty; `load` fills it."""
        self._store = store
        self._clock = clock
        self._tasks = tasks
        self._adding: set[str] = set()
        self.listeners = Listeners(clock.now())
        self._lanes = Lanes(store, clock, policy, tasks, self.listeners)
        self._lanes.on_renamed = self._renamed

    @property
    def policy(self) -> Policy:
        """What decisions go by."""
        return self._lanes.policy

    def stop_waking(self) -> None:
        """No decision wakes anybody any more."""
        self._lanes.policy = replace(self.policy, waking=False)

    def load(self, states: Iterable[PeerState], watches: Iterable[Watch] = ()) -> None:
        """Take over the stored states and watches."""
        self._lanes.load(states, watches)

    @property
    def watches(self) -> Watches:
        """Who is to be told of what."""
        return self._lanes.watches

    def names(self) -> list[str]:
        """Names of all peers of this host, sorted."""
        return [name for name in self._lanes.names() if host_of(name) is None]

    def states(self) -> list[PeerState]:
        """States of all peers of this host, by name."""
        return [state for name in self.names() if (state := self.find(name)) is not None]

    def elsewhere(self) -> list[PeerState]:
        """States of the peers of other hosts that messages went to or came from, by name."""
        names = [name for name in self._lanes.names() if host_of(name) is not None]
        return [state for name in names if (state := self.find(name)) is not None]

    def find(self, name: str) -> PeerState | None:
        """The peer's state, None when there is no such peer: with what is known and not stored yet."""
        lane = self._lanes.find(name)
        if lane is None:
            return None
        return lane.seen if lane.unstored else lane.state

    def trouble(self, name: str) -> str:
        """Why something of what is known of the peer is not stored; "" when all is."""
        lane = self._lanes.find(name)
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

    def called(self, name: str, at: float | None = None) -> str | None:
        """The name that the peer of this name, or of this name before, has now; None: there is none.

        `at` (Unix seconds): the peer that had the name then, and none that was made later (P11).
        """
        found = self.find(name)
        if found is not None and (at is None or found.peer.had_name(at)):
            return name
        every = (state.peer for state in (*self.states(), *self.elsewhere()))
        earlier = (peer for peer in every if name in peer.former and (at is None or peer.had_name(at)))
        return next((peer.name for peer in earlier), None)

    def gone(self, message: Message) -> str | None:
        """That a message's sender was removed, where another peer has its name now; None: it is not so."""
        name = message.sender
        if self.find(name) is None or self.called(name, message.created_at) is not None:
            return None
        return f"'{name}', who sent message {message.id}, was removed: the '{name}' of now is another peer"

    def _known(self, name: str) -> str:
        """The name that the peer of this name has now. Raises NotFoundError."""
        now = self.called(name)
        return now if now is not None else self.get(name).peer.name

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
            raise name_taken(name)

    async def add(self, peer: Peer) -> None:
        """Store a new peer. Raises RoostError when the name is taken, StoreError when it cannot be stored."""
        self._check_free(peer.name)
        self._adding.add(peer.name)
        try:
            await self._lanes.add(peer)
        finally:
            self._adding.discard(peer.name)

    async def tell(
        self,
        name: str,
        event: Event,
        *,
        settles: str | None = None,
        bodies: Mapping[str, bytes] | None = None,
        tokens: tuple[Token, ...] = (),
        settles_too: tuple[str, ...] = (),
    ) -> Outcome:
        """Apply an event to a peer and return when it is durable.

        `settles` is the key of the intent that this event ends, `settles_too` those of others. Raises the
        error of a `Refuse`, NotFoundError for an unknown peer, StoreError when the commit failed (nothing has
        changed then).
        """
        name = self._known(name)
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._lanes.put(name, Waiting(event, settles, bodies or {}, tokens, done, None, settles_too))
        return accepted(await done)

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
        name = self._known(name)
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lanes.put(name, Waiting(event, settles, {}, (), done, kept))
        return done, kept

    async def report_all(self, facts: Sequence[Fact]) -> None:
        """Tell facts of many peers, each with the intent that it settles; hundreds commit together.

        As `report` for each: what cannot be stored together is told one by one, until the store takes it.
        """
        chunks = [facts[begin : begin + TOGETHER] for begin in range(0, len(facts), TOGETHER)]
        for left in await asyncio.gather(*(self._lanes.together(chunk) for chunk in chunks)):
            await asyncio.gather(
                *(self.report(name, event, settles=settles) for name, event, settles in left)
            )

    def _renamed(self, old: str, new: str) -> None:
        """Who has mail of a renamed peer learns the new name."""
        for state in (*self.states(), *self.elsewhere()):
            if any(message.sender == old for message in state.messages):
                told = self.report(state.peer.name, SenderRenamed(old, new))
                self._tasks.start(told, f"new name of {new} at {state.peer.name}")

    async def record(self, *journal: c.Journal, meta: Mapping[str, str] | None = None) -> None:
        """Store journal lines and values that belong to no peer. Raises StoreError."""
        rows = await self._store.commit(Batch(at=self._clock.now(), journal=journal, meta=meta or {}))
        self.listeners.journal(rows)

    async def is_answered(self, message_id: str) -> bool:
        """Whether the recipient of a message has replied to it. Raises StoreError."""
        stored = await self._store.message(message_id)
        return stored is not None and any(each.sender == stored.message.to for each in stored.replies)

    async def settle(self, *keys: str) -> None:
        """End intents whose effects need no event."""
        await self._store.commit(Batch(at=self._clock.now(), settled=keys))

    async def enact(self, decide: Callable[[float], Sequence[c.Command]]) -> None:
        """Decide of watches at this time (Unix seconds), store it and do it. Raises StoreError."""
        await self.watches.settled()
        here = read_clocks(self._clock)
        self.watches.follow(here)
        commands = decide(here.wall)
        if not commands:
            return
        with self.watches.being_stored([commands]):
            await self._store.commit(batch_of(here.wall, commands))
            self.watches.committed(commands)
        for effect in c.effects(commands):
            self.listeners.on_effect(effect)


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, [other for other in known if other != OPERATOR], n=2)
    hint = f"did you mean {' or '.join(repr(other) for other in close)}?" if close else "see `roost list`"
    return f"there is no peer '{name}'; {hint}"
