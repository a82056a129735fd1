"""Sends what one rule tells of, in order, again where that failed; nobody waits for it."""

import asyncio
import json
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec.structs import replace

from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.commands import Journal
from roost.core.vocabulary.identity import SYSTEM
from roost.core.vocabulary.view import iso
from roost.daemon.notify.failure import NotDeliveredError
from roost.daemon.notify.notification import EXCERPT, Notification, harmless, notification_id
from roost.daemon.notify.outbox import Outbox, Outdated, Wait
from roost.daemon.notify.program import desktop_argv, run_program
from roost.daemon.notify.webhook import post
from roost.daemon.session.failures import judged
from roost.daemon.state.clock_reading import earliest_now, read_clocks
from roost.daemon.state.machine import Machine
from roost.errors import RoostError, StoreError
from roost.host.environment import child_environment
from roost.local.notify import Happening, NotifyRule

TOLD = 3
"""Failed tries in a row after which the journal says so."""
AGAIN = 60.0
"""Seconds after a defect until it goes on, or until a sample has arrived."""

_log = logging.getLogger("roost.notify")


class Courier:
    """One rule's."""

    def __init__(
        self,
        machine: Machine,
        rule: NotifyRule,
        outbox: Outbox,
        keep: Callable[[], Awaitable[None]],
        record: Callable[[Journal], Awaitable[None]],
    ) -> None:
        """`keep` stores the outboxes, `record` a line of the journal; both raise StoreError."""
        self._machine = machine
        self.rule = rule
        self.outbox = outbox
        self._keep, self._record = keep, record
        self.woken = asyncio.Event()
        self._again = asyncio.Event()
        self._failures = 0
        self.outcomes = {"sent": 0, "failed": 0, "given-up": 0}
        self.since: float | None = None
        """Since when it fails (Unix seconds)."""
        self.error = ""
        self.last: float | None = None
        self._idle = read_clocks(machine.clock)
        """The clocks when nothing waited last: a clock that is set makes nothing old that waits since."""

    async def run(self) -> None:
        """Send for ever, also after a defect, which `status` and `doctor` show."""
        while True:
            self.woken.clear()
            try:
                await self._next()
            except Exception as error:  # noqa: BLE001 -- nobody would be told any more, nor of that
                self._again.clear()
                self._fails(self._cause(error))
                await self._pause(AGAIN)

    async def _next(self) -> None:
        """Do what is to be done now, or wait for it."""
        clock = self._machine.clock
        found = self.outbox.next(clock.now(), earliest_now(self._idle, clock))
        match found:
            case Wait(None):
                await self.woken.wait()
                self._idle = read_clocks(clock)
            case Wait(seconds):
                await clock.sleep(seconds or 0.0)
            case Outdated(notification):
                await self._give_up(notification, "it is older than a day")
            case Notification():
                await self._try(found)

    async def _try(self, notification: Notification) -> None:
        if notification.counts and not self.outbox.tries:
            await self._store()  # what it sums up has to be the same for the next daemon
        self._again.clear()
        try:
            await self.send(notification)
        except Exception as error:  # noqa: BLE001 -- a defect is a try that failed, and such tries end
            await self._failed(notification, self._cause(error))
        else:
            self.outbox.settled(notification, self._machine.clock.now())
            self.outcomes["sent"] += 1
            await self._store()
            await self._works()

    async def _failed(self, notification: Notification, error: RoostError) -> None:
        self.outcomes["failed"] += 1
        self._failures += 1
        self._fails(error)
        refused = error if isinstance(error, NotDeliveredError) else NotDeliveredError(error.message)
        pause = self.outbox.failed(refused.later, final=refused.final)
        if self._failures == TOLD:
            await self._journal("notify-failing", why=error.message)
        if pause is None:
            await self._give_up(notification, error.message)
        else:
            await self._pause(pause)

    def _fails(self, error: RoostError) -> None:
        """Show it, until a notification arrives."""
        self.error = error.message
        self.since = self.since or self._machine.clock.now()
        _log.warning("rule %s: %s (try %d)", self.rule.name, error.message, self.outbox.tries + 1)

    def _cause(self, error: Exception) -> RoostError:
        """The error in words; of a defect the log has the rest."""
        if isinstance(error, RoostError):
            return error
        cause = judged(error)
        if cause.blame is Blame.ROOST:
            _log.error("rule %s met a defect", self.rule.name, exc_info=error)
        return cause

    async def _pause(self, seconds: float) -> None:
        """Wait, unless something shows that it works again."""
        try:
            async with asyncio.timeout(seconds):
                await self._again.wait()
        except TimeoutError:
            return

    async def _give_up(self, notification: Notification, why: str) -> None:
        self.outcomes["given-up"] += 1
        told = {"id": notification.id, "about": notification.kind, "seq": notification.seq}
        await self._journal("not-notified", **told, why=why)
        self.outbox.settled(notification, None)
        await self._store()

    async def _works(self) -> None:
        """A notification has arrived."""
        told = self._failures >= TOLD
        self.last = self._machine.clock.now()
        self._failures, self.since, self.error = 0, None, ""
        self._again.set()
        if told:
            await self._journal("notify-works")

    async def _store(self) -> None:
        """Store how far we are. What cannot be stored now is with the next that can, or is sent again."""
        try:
            await self._keep()
        except StoreError as error:
            _log.warning("how far rule %s is cannot be stored now: %s", self.rule.name, error.message)

    async def _journal(self, kind: str, **data: Any) -> None:  # noqa: ANN401 -- facts of any kind
        try:
            await self._record(Journal(kind, SYSTEM, data={"rule": self.rule.name, **data}))
        except StoreError as error:
            _log.warning("%s of rule %s is not in the journal: %s", kind, self.rule.name, error.message)

    def alarm(self, why: str) -> None:
        """Tell of what the journal cannot take, ahead of all else."""
        now = self._machine.clock.now()
        ident = notification_id(self._machine.store_id, self.rule.name, "alarm", why, now)
        self.outbox.add_urgent(Notification(ident, Happening.ALARM, now, 0, cause="store", why=why))
        self.woken.set()

    async def test(self) -> dict[str, Any]:
        """Send a sample, once: what became of it."""
        clock = self._machine.clock
        begun, now = clock.monotonic(), clock.now()
        ident = notification_id(self._machine.store_id, self.rule.name, "test", now)
        why = f"a test of rule '{self.rule.name}'"
        failed = None
        try:
            await self.send(Notification(ident, None, now, 0, why=why, test=True))
        except RoostError as error:
            failed = error.message
        else:
            await self._works()
        return {
            "rule": self.rule.name,
            "target": self.rule.target,
            "id": ident,
            "delivered": failed is None,
            "error": failed,
            "took": round(clock.monotonic() - begun, 3),
        }

    async def send(self, notification: Notification) -> None:
        """One try. Raises NotDeliveredError, StoreError."""
        rule, machine = self.rule, self._machine
        notification = await self._completed(notification)
        told = notification.payload(rule.name, socket.gethostname())
        body = json.dumps(told, ensure_ascii=False).encode("utf-8", "replace")
        if rule.webhook:
            await post(machine, rule, notification.id, body)
            return
        argv = list(rule.command) or desktop_argv(notification.title, notification.text)
        environ = child_environment(machine.environ, _facts(told), rule.passes)
        await run_program(machine, argv, environ, body + b"\n", rule.timeout)

    async def _completed(self, notification: Notification) -> Notification:
        """With what the message says that it is about, as far as the rule lets that go along."""
        if notification.about is None:
            return notification
        stored = await self._machine.store.message(notification.about)
        if stored is None:
            return notification
        message = stored.message
        said = notification.said
        if self.rule.body:
            body = await self._machine.store.body(message.id) or b""
            said = harmless(f"{said} {body[: 8 * EXCERPT].decode('utf-8', 'replace')}", EXCERPT)
        return replace(notification, sender=message.sender, topic=message.topic, said=said)

    def told(self) -> dict[str, Any]:
        """As `status` tells it."""
        return {
            "rule": self.rule.name,
            "target": self.rule.target,
            "on": sorted(self.rule.on),
            "peers": list(self.rule.peers),
            "waiting": self.outbox.waiting,
            "last": iso(self.last),
            "failing_since": iso(self.since),
            "error": self.error or None,
            **{outcome.replace("-", "_"): count for outcome, count in self.outcomes.items()},
        }


def _facts(told: Mapping[str, Any]) -> dict[str, str]:
    """The few facts that a command finds in its environment; all of them are on its stdin."""
    data = told["data"]
    facts = {"ID": told["id"], "TYPE": told["type"], "RULE": data["rule"]}
    facts |= {"PEER": data.get("peer", ""), "TITLE": data["title"], "TEXT": data["text"]}
    return {f"ROOST_NOTIFY_{name}": str(value) for name, value in facts.items()}
