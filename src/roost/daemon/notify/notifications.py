"""Tells people of what happens, by the operator's rules, from what stands in the journal.

The journal is the outbox: each rule has a number up to which it is dealt with, stored after each
notification. What was committed while nobody could tell of it is told by the next daemon.
"""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from roost.core.vocabulary.commands import Journal
from roost.core.vocabulary.identity import HUMAN, SYSTEM
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks
from roost.errors import NotFoundError, RoostError, StoreError
from roost.local.notify import Happening
from roost.store.interfaces import Batch, JournalRow

if TYPE_CHECKING:
    from roost.daemon.notify.courier import Courier
    from roost.daemon.notify.judge import Judge

META = "notify"
"""Where the store keeps how far each rule is."""
ALARM = "notify alarm"
"""Where it keeps the alarm that was told last."""
PAGE = 500
FAR = 5000
"""Lines of the journal after which it is stored that no rule is about them."""
LOOK = 1.0
"""Seconds between two looks at the store's health, where a rule tells of it."""
AGAIN = 5.0
"""Seconds until a store that failed is asked again."""
PATIENCE = 10.0
"""Seconds that a commit may take."""

_MESSAGES = ("notice", "queued")

_log = logging.getLogger("roost.notify")


class Notifications:
    """All rules. Without one nothing is loaded, listened to or stored."""

    def __init__(self, machine: Machine, fleet: Fleet, problem: Callable[[], str | None]) -> None:
        """`problem` tells what is wrong with the store now."""
        self._machine, self._fleet = machine, fleet
        self._problem = problem
        self._rules = machine.config.notify
        self._wanted = frozenset[Happening]().union(*(rule.on for rule in self._rules))
        self._kinds = frozenset[str]()
        self._couriers: dict[str, Courier] = {}
        self._position = self._kept = 0
        self._woken = asyncio.Event()
        if self._rules:
            fleet.listeners.on_journal.append(self._committed)

    def told(self) -> list[dict[str, Any]]:
        """How each rule is."""
        return [courier.told() for courier in self._couriers.values()]

    async def test(self, name: str | None) -> list[dict[str, Any]]:
        """Send a sample by one rule, or by all: what became of each. Raises NotFoundError."""
        if self._rules and not self._couriers:
            raise RoostError("the rules are not in force yet; try again in a moment")
        if name is not None and name not in self._couriers:
            known = ", ".join(rule.name for rule in self._rules) or "none"
            raise NotFoundError(
                f"there is no rule '{name}' in [[notify]] of the daemon's config; known: {known}"
            )
        chosen = [courier for each, courier in self._couriers.items() if name in (None, each)]
        return list(await asyncio.gather(*(courier.test() for courier in chosen)))

    async def run(self, tasks: Tasks) -> None:
        """Load what is needed, take up where the last daemon ended, and go on for ever."""
        if not self._rules:
            return
        while True:
            try:
                judge = await self._begin()
                break
            except (RoostError, OSError) as error:  # a disk that does not answer is an OSError
                _log.warning("notifications wait: %s", error)
                await self._machine.clock.sleep(AGAIN)
        for courier in self._couriers.values():
            tasks.start(courier.run(), f"notifications by {courier.rule.name}")
        if Happening.ALARM in self._wanted:
            tasks.start(self._watch(), "alarms")
        while True:
            try:
                await self._read(judge)
            except StoreError as error:
                _log.warning("the journal cannot be read for notifications now: %s", error.message)
                await self._machine.clock.sleep(AGAIN)
                continue
            await self._woken.wait()

    async def _begin(self) -> "Judge":
        store, machine = self._machine.store, self._machine
        courier, judge, outbox = await machine.work.modules.run(_load)
        stored: dict[str, Any] = json.loads(await store.meta(META) or "{}")
        last = await store.last_seq()
        couriers: dict[str, Courier] = {}
        for rule in self._rules:
            known: Mapping[str, Any] = stored.get(rule.name, {})
            cursor = min(int(known.get("cursor", last)), last)
            box = outbox.Outbox(machine.store_id, rule.name, rule.most, rule.per, cursor)
            box.restore(known)
            couriers[rule.name] = courier.Courier(machine, rule, box, self._keep, self._fleet.record)
        self._couriers = couriers
        self._position = min(each.outbox.cursor for each in couriers.values())
        with suppress(StoreError):  # what is new begins here all the same, and an alarm is told
            await self._keep()
        self._kinds = judge.kinds_for(self._wanted)
        self._woken.set()
        if Happening.RESTARTED in self._wanted:
            with suppress(StoreError):
                await self._fleet.record(Journal(judge.STARTED, SYSTEM))
        return judge.Judge()

    async def _keep(self) -> None:
        """Store how far each rule is. Raises StoreError."""
        kept = self._position
        text = json.dumps({name: each.outbox.stored() for name, each in self._couriers.items()})
        try:
            async with asyncio.timeout(PATIENCE):
                await self._machine.store.commit(Batch(at=self._machine.clock.now(), meta={META: text}))
        except TimeoutError as error:
            raise StoreError("the store does not answer") from error
        self._kept = kept

    def _committed(self, rows: tuple[JournalRow, ...]) -> None:
        """Lines were committed: read them, unless no rule can be about one of them."""
        if not rows:
            return
        if rows[0].seq != self._position + 1 or any(self._may_matter(row) for row in rows):
            self._woken.set()
            return
        self._position = rows[-1].seq
        if self._position - self._kept >= FAR:
            self._woken.set()

    def _may_matter(self, row: JournalRow) -> bool:
        return row.kind in self._kinds and (row.kind not in _MESSAGES or self._is_mailbox(row.peer))

    def _is_mailbox(self, name: str) -> bool:
        state = self._fleet.find(name)
        return state is not None and state.peer.settings.runtime == HUMAN

    async def _read(self, judge: "Judge") -> None:
        """Read the journal up to its end, and hand each rule what it is to tell."""
        self._woken.clear()
        while page := await self._machine.store.events(self._position, None, PAGE):
            for row in page:
                self._hand(judge, row)
            self._position = max(self._position, page[-1].seq)
        for courier in self._couriers.values():
            courier.outbox.passed(self._position)
            courier.woken.set()
        if self._position - self._kept >= FAR:
            await self._keep()

    def _hand(self, judge: "Judge", row: JournalRow) -> None:
        happening = judge.happening(row, mailbox=self._is_mailbox(row.peer))
        if happening is None:
            return
        for courier in self._couriers.values():
            if row.seq > courier.outbox.scanned and judge.wanted(courier.rule, happening, row):
                courier.outbox.add(judge.notification(self._machine.store_id, courier.rule, happening, row))

    async def _watch(self) -> None:
        """Tell of what is wrong with the store, even when that is why it does not get into the journal."""
        told = await self._last_alarm()
        while True:
            found = self._problem() or ""
            if found != told:
                told = found
                await self._alarm(found)
            await self._machine.clock.sleep(LOOK)

    async def _last_alarm(self) -> str:
        try:
            return await self._machine.store.meta(ALARM) or ""
        except StoreError:
            return ""

    async def _alarm(self, found: str) -> None:
        lines = [Journal("alarm", SYSTEM, cause="store", data={"why": found})] if found else []
        try:
            async with asyncio.timeout(PATIENCE):
                await self._fleet.record(*lines, meta={ALARM: found})
        except (StoreError, TimeoutError):
            for courier in self._couriers.values() if found else ():
                if Happening.ALARM in courier.rule.on:
                    courier.alarm(found)


def _load() -> tuple[Any, Any, Any]:
    """Blocking: what only rules need, after the daemon answers."""
    from roost.daemon.notify import courier, judge, outbox  # noqa: PLC0415 -- see above

    return courier, judge, outbox
