"""The export of traces: what a collector is told, when it answers badly, where the next daemon goes on."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from types import SimpleNamespace
from typing import ParamSpec, TypeVar, cast

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.message import Message, MessageState, Origin
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.trace_context import TraceContext
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.threads import HungError
from roost.daemon.traces import export
from roost.daemon.traces.collector import Collector
from roost.daemon.traces.export import NOTED, OLD, TOLD, TraceExport
from roost.daemon.traces.outcome import Answer
from roost.host.memory.clock import VirtualClock
from roost.local.config import Config
from roost.local.traces import TracesTable
from roost.present.spans import Span
from roost.store.errors import BrokenRowError
from roost.store.interfaces import Batch, StoredMessage
from roost.store.memory import MemoryStore

P = ParamSpec("P")
T = TypeVar("T")


class Witness:
    """Takes spans; `answers` are given first."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.hangs = False
        self.told: list[list[Span]] = []

    def tell(self, spans: Iterable[Span]) -> tuple[Answer, str]:
        if self.hangs:
            raise HungError(30.0)
        answer = self.answers.pop(0) if self.answers else Answer.TAKEN
        if answer is Answer.TAKEN:
            self.told.append(list(spans))
        return answer, "it answers 503"

    @property
    def names(self) -> list[str]:
        return [span.name for spans in self.told for span in spans]


class World:
    """A store, and the export of each daemon that comes and goes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = VirtualClock()
        self.store = MemoryStore()
        self.witness = Witness()
        self.table: TracesTable | None = TracesTable("http://127.0.0.1:4318/v1/traces")
        self.loaded = 0
        monkeypatch.setattr(export, "_load", self._load)

    def _load(self, *_args: object) -> Witness:
        self.loaded += 1
        return self.witness

    @asynccontextmanager
    async def daemon(self, *, killed: bool = False) -> AsyncGenerator[TraceExport]:
        """`killed`: it has no time for a last note."""
        machine = SimpleNamespace(
            config=Config(traces=self.table),
            store=self.store,
            clock=self.clock,
            work=SimpleNamespace(modules=_Now(), traces=_Now()),
            store_id="s",
        )
        fleet = Fleet(self.store, self.clock, Policy(), Tasks())
        made = TraceExport(cast("Machine", machine), fleet)
        await made.begin()
        running = asyncio.ensure_future(made.run())
        await self.clock.advance(1)
        yield made
        if killed:
            self.store = self.store.reopened()
            made._note = _nothing
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running

    async def unseen(self, message: Message) -> None:
        """A message is stored while no daemon exports."""
        line = c.Journal("queued", message.to, None, message.id)
        batch = Batch(self.clock.now(), (c.SaveMessage(message),), (line,), {message.id: b"x"})
        await self.store.commit(batch)

    async def stores(self, made: TraceExport, message: Message, *steps: str) -> None:
        """One line of the journal for each step."""
        for number, step in enumerate(steps):
            new = number == 0 and step == "queued"
            if step in ("done", "expired"):
                message = replace(message, state=MessageState(step), done_at=self.clock.now())
            changes: list[c.Change] = [c.SaveMessage(message)]
            if not new:
                changes.append(c.SaveAttempt(message.id, "s", step, ""))
            batch = Batch(
                self.clock.now(),
                tuple(changes),
                (c.Journal(step, message.to, "s", message.id),),
                {message.id: b"x"} if new else {},
            )
            made.journal(await self.store.commit(batch))
            await self.clock.advance(1)


class _Now:
    """Does blocking work at once."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return work(*args, **kwargs)

    async def run_for(self, _key: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return work(*args, **kwargs)


async def _nothing() -> None:
    pass


def mail(number: int, clock: VirtualClock, origin: Origin | None = None) -> Message:
    return Message(f"{number:032x}", "ann", "bob", clock.now(), 1, "d", origin=origin)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


async def test_each_span_is_told_once_its_end_is_stored(world: World) -> None:
    async with world.daemon() as made:
        message = mail(1, world.clock)
        await world.stores(made, message, "queued")
        assert world.witness.names == ["send bob"]
        await world.stores(made, message, "offered")
        assert world.witness.names == ["send bob"], "the offer goes on"
        await world.stores(made, message, "accepted")
        assert world.witness.names == ["send bob", "offer bob"]
        await world.stores(made, message, "done")
        assert world.witness.names == ["send bob", "offer bob", "message bob", "process bob"]
        assert (made.exported.taken, made.exported.dropped, made.exported.failing) == (4, 0, "")


async def test_nothing_is_loaded_or_kept_where_no_traces_are_asked_for(world: World) -> None:
    world.table = None
    async with world.daemon() as made:
        await world.stores(made, mail(1, world.clock), "queued", "expired")
    assert (world.loaded, await world.store.meta(TOLD), made.exported.endpoint) == (0, None, "")


async def test_what_is_not_recorded_is_not_told(world: World) -> None:
    caller = f"00-{'a' * 32}-{'b' * 16}-00"
    async with world.daemon() as made:
        await world.stores(made, mail(1, world.clock, origin=Origin(caller=caller)), "queued", "expired")
    assert world.witness.names == []


async def test_a_batch_is_tried_again_and_what_is_refused_is_dropped(world: World) -> None:
    async with world.daemon() as made:
        world.witness.answers = [Answer.LATER, Answer.LATER, Answer.NEVER]
        await world.stores(made, mail(1, world.clock), "queued")
        assert made.exported.failing == "it answers 503"
        await world.clock.advance(5)
        assert (made.exported.taken, made.exported.dropped) == (0, 1)
        await world.stores(made, mail(2, world.clock), "queued")
        assert (made.exported.taken, made.exported.failing) == (1, "")


async def test_a_collector_that_answers_without_end_is_asked_again(world: World) -> None:
    async with world.daemon() as made:
        world.witness.hangs = True
        await world.stores(made, mail(1, world.clock), "queued")
        assert (made.exported.taken, made.exported.failing) == (0, "it answers without end")
        world.witness.hangs = False
        await world.clock.advance(5)
        assert (made.exported.taken, made.exported.failing) == (1, "")


async def test_a_message_that_cannot_be_read_is_passed_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = world.store.message

    async def broken(message_id: str) -> StoredMessage | None:
        if message_id == f"{1:032x}":
            raise BrokenRowError("its row is of another version")
        return await read(message_id)

    monkeypatch.setattr(world.store, "message", broken)
    async with world.daemon() as made:
        await world.stores(made, mail(1, world.clock), "queued")
        await world.stores(made, mail(2, world.clock), "queued")
    assert [spans[0].context.trace for spans in world.witness.told] == [f"{2:032x}"]


async def test_what_has_waited_for_a_day_is_dropped(world: World) -> None:
    async with world.daemon() as made:
        world.witness.answers = [Answer.LATER] * 100_000
        await world.stores(made, mail(1, world.clock), "queued")
        await world.clock.advance(OLD + 60)
        assert made.exported.dropped == 1
        assert 1000 < 100_000 - len(world.witness.answers) < 2000, "about once a minute"


async def test_a_clock_that_is_set_on_makes_nothing_old_that_waits(world: World) -> None:
    async with world.daemon() as made:
        world.witness.answers = [Answer.LATER] * 20
        for number in (1, 2):
            await world.stores(made, mail(number, world.clock), "queued")
        world.clock.jump(2 * OLD)
        await world.clock.advance(OLD / 2)
        assert (made.exported.dropped, len(world.witness.names)) == (0, 2)


async def test_the_next_daemon_goes_on_where_the_last_one_was(world: World) -> None:
    async with world.daemon() as made:
        await world.stores(made, mail(1, world.clock), "queued", "expired")
    await world.unseen(mail(2, world.clock))
    async with world.daemon():
        pass
    assert world.witness.names == ["send bob", "message bob", "send bob"]
    assert await world.store.meta(TOLD) == "3"


async def test_a_killed_daemon_has_its_last_seconds_told_again_with_the_same_ids(world: World) -> None:
    async with world.daemon(killed=True) as made:
        await world.stores(made, mail(1, world.clock), "queued")
    async with world.daemon() as made:
        await world.clock.advance(NOTED)
    first, again = (spans[0].context for spans in world.witness.told)
    assert again == first


async def test_the_first_daemon_begins_with_what_comes(world: World) -> None:
    await world.unseen(mail(1, world.clock))
    async with world.daemon():
        pass
    assert world.witness.told == []
    assert await world.store.meta(TOLD) == "1"


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (TracesTable("https://127.0.0.1:1/", certificate="/absent/ca.pem"), "invalid path: /absent/ca.pem"),
        (TracesTable("http://127.0.0.1:1/", {"authorization": "Bearer ž"}), "`headers` of [traces] has"),
        (TracesTable("http://127.0.0.1:1/", {"authorization": " Bearer x"}), "asked (InvalidHeader)"),
        (TracesTable("http://a..b:1/"), "it cannot be asked (LocationParseError)"),
        (TracesTable("http://127.0.0.1:1/"), "it cannot be reached"),
    ],
)
def test_what_is_wrong_with_the_table_is_not_told_as_a_collector_that_does_not_answer(
    table: TracesTable, why: str
) -> None:
    span = Span(TraceContext("1" * 32, "2" * 16), None, "send p", "internal", 1.0, 2.0)
    answer, told = Collector(table, "roost").tell([span])
    assert (answer, why in told, "Bearer" in told) == (Answer.LATER, True, False), told
