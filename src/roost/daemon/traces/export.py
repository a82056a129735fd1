"""The export of traces: follows the journal and tells the collector of each span once its end is stored.

The journal is the queue: what a collector has not taken is read again there, by this daemon or the next. So
nothing is kept in memory but one batch, no message waits for it, and all there is to remember is the number
of the last line that is told. A daemon that is killed between the collector's answer and that note tells the
last few seconds again, with the same ids.
"""

import logging
from asyncio import Event
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Protocol

from roost.daemon.state.clock_reading import earliest_now, read_clocks
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import race
from roost.daemon.state.threads import BusyError, HungError
from roost.daemon.traces.outcome import Answer, Exported
from roost.errors import ConfigError, StoreError
from roost.host.heap import keep_what_was_loaded
from roost.local.config import Config
from roost.local.traces import TracesTable
from roost.present.spans import Span, mark_of, sendings_of, spans_of
from roost.store.errors import BrokenRowError
from roost.store.interfaces import Batch, JournalRow

TOLD = "traces.told"
"""Where the store keeps the number of the last journal line whose spans the collector has."""
LINES = 200
"""Lines of the journal whose spans go in one batch."""
GATHER = 0.2
"""Seconds for which lines gather before they are told of."""
NOTED = 5.0
"""Seconds between two notes of how far it has come."""
FIRST, LONGEST = 1.0, 60.0
"""Seconds until a batch is tried again: at first, and at most."""
OLD = 86400.0
"""Seconds after which a line is not told of any more."""
_NEW = ("queued", "notice")
"""Lines with which a message begins."""

_log = logging.getLogger("roost.traces")


class Collects(Protocol):
    """Takes spans."""

    def tell(self, spans: Iterable[Span]) -> tuple[Answer, str]:
        """Blocking: what became of them, and why."""
        ...


def check_installed(config: Config) -> None:
    """Raise ConfigError when traces are asked for and the packages for that are not there."""
    if config.traces is None:
        return
    try:
        there = find_spec("opentelemetry.sdk") and find_spec("opentelemetry.exporter.otlp.proto.http")
    except ModuleNotFoundError:
        there = None
    if there is None:
        raise ConfigError("[traces] in config.toml needs packages more: `pip install 'roost[traces]'`")


class TraceExport:
    """Follows the journal; `exported` tells how it fares."""

    def __init__(self, machine: Machine, fleet: Fleet) -> None:
        """Read this machine's store, and the runtimes of this fleet's peers."""
        self._machine = machine
        self._fleet = fleet
        self._grown = Event()
        self._told = self._noted = 0
        self._noted_at = 0.0
        self._idle = read_clocks(machine.clock)
        """The clocks when no line waited last: a clock that is set makes none old that waits since."""
        self.exported = Exported()

    def journal(self, _rows: tuple[JournalRow, ...]) -> None:
        """The journal has grown."""
        self._grown.set()

    async def run(self) -> None:
        """Export for ever, where the configuration asks for it."""
        table = self._machine.config.traces
        if table is None:
            return
        collector = await self._machine.work.modules.run(_load, table, self._machine.store_id)
        try:
            while True:
                await self._pass(collector)
        finally:
            await self._note()

    async def begin(self) -> None:
        """Go on where the last daemon was; the first one begins with what comes. Raises StoreError."""
        if self._machine.config.traces is None:
            return
        self.exported.endpoint = self._machine.config.traces.endpoint
        noted, last = await self._machine.store.meta(TOLD), await self._machine.store.last_seq()
        self._told = min(int(noted), last) if noted is not None else last
        self._noted = self._told if noted is not None else -1
        await self._note()

    async def _pass(self, collector: Collects) -> None:
        """Tell of what there is, or wait for more."""
        self._grown.clear()
        clock = self._machine.clock
        try:
            rows = await self._machine.store.events(self._told, None, LINES)
            spans = [span for row in rows for span in await self._spans(row)]
        except StoreError as error:
            _log.warning("the journal cannot be read for traces now: %s", error)
            await clock.sleep(LONGEST)
            return
        if spans:
            await self._tell(collector, spans, rows[-1].ts)
        if rows:
            self._told = rows[-1].seq
        if self._told != self._noted and clock.monotonic() - self._noted_at >= NOTED:
            await self._note()
        if not rows:
            await race(self._grown.wait(), *([clock.sleep(NOTED)] if self._told != self._noted else []))
            self._idle = read_clocks(clock)
        await clock.sleep(GATHER)

    async def _spans(self, row: JournalRow) -> list[Span]:
        """What has ended with this line, of traces that are recorded."""
        try:
            stored = await self._machine.store.message(row.message) if row.message is not None else None
        except BrokenRowError:  # doctor tells of it
            stored = None
        if stored is None:
            return []
        mark = mark_of(stored, row.kind, row.ts)
        if mark is None and row.kind not in _NEW:
            return []
        after, last = mark or (-1, 0)
        state = self._fleet.find(stored.message.to)
        own = spans_of(stored, runtime=state.peer.settings.runtime if state is not None else None)
        ended = [span for span in own if span.ended_by is not None and after < span.ended_by <= last]
        if mark is None:
            ended += sendings_of(stored.message)
        return [span for span in ended if span.context.sampled]

    async def _tell(self, collector: Collects, spans: list[Span], at: float) -> None:
        """Until the collector has them, never will, or they are too old (`at`: Unix seconds)."""
        pause = FIRST
        while earliest_now(self._idle, self._machine.clock) - at < OLD:
            try:
                answer, why = await self._machine.work.traces.run_for("collector", collector.tell, spans)
            except (HungError, BusyError):
                answer, why = Answer.LATER, "it answers without end"
            if answer is Answer.TAKEN:
                self.exported.taken += len(spans)
                self._fares("")
                return
            if answer is Answer.NEVER:
                _log.warning("%d spans are dropped: the collector refuses them: %s", len(spans), why)
                break
            self._fares(why)
            await self._machine.clock.sleep(pause)
            pause = min(2 * pause, LONGEST)
        self.exported.dropped += len(spans)

    def _fares(self, failing: str) -> None:
        """Say once that it fails, and once that it does not any more."""
        if failing and not self.exported.failing:
            _log.warning("traces wait: the collector at %s: %s", self.exported.endpoint, failing)
        elif self.exported.failing and not failing:
            _log.info("the collector at %s takes traces again", self.exported.endpoint)
        self.exported.failing = failing

    async def _note(self) -> None:
        """Have the store remember how far it has come; it is tried again when that fails."""
        if self._told == self._noted:
            return
        told, now = self._told, self._machine.clock.now()
        self._noted_at = self._machine.clock.monotonic()
        try:
            await self._machine.store.commit(Batch(at=now, meta={TOLD: str(told)}))
        except StoreError:
            return
        self._noted = told


def _load(table: TracesTable, instance: str) -> Collects:
    """Blocking."""
    from roost.daemon.traces.collector import Collector  # noqa: PLC0415 -- a large library, rarely asked for

    collector = Collector(table, instance)
    keep_what_was_loaded()
    return collector
