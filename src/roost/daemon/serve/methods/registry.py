"""The methods about the registry and the machine where they do not agree: looked at, ended, taken in."""

import msgspec

from roost.daemon.health.gc_report import GcReport
from roost.daemon.registry.adoption import Registry
from roost.daemon.serve.api.peers import Peers
from roost.daemon.serve.methods.method import BY, Answer, Call, Method, Params, Table
from roost.errors import UsageError


class Gc(Params):
    """Sessions to be ended."""

    end: list[str] = msgspec.field(default_factory=list[str])


class Adopt(Params):
    """Which session, or all of them, or the store."""

    session: str | None = None
    all: bool = False
    store: bool = False


class RegistryMethods:
    """Answers what is asked about the registry."""

    def __init__(self, registry: Registry, report: GcReport, peers: Peers) -> None:
        """`report` is what `gc` shows; `peers` tell of those that were taken in."""
        self._registry = registry
        self._report = report
        self._peers = peers

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "gc": Method(Gc, self._gc, waits=True),
            "adopt": Method(Adopt, self._adopt, waits=True),
        }

    async def _gc(self, call: Call[Gc]) -> Answer:
        if call.params.end:
            return Answer({"ended": await self._registry.orphans.end_chosen(call.params.end, BY)})
        return Answer(await self._report.now())

    async def _adopt(self, call: Call[Adopt]) -> Answer:
        asked, adoption = call.params, self._registry.adoption
        if [asked.session is not None, asked.all, asked.store].count(True) != 1:
            raise UsageError("name one session, or say --all or --store")
        if asked.store:
            await self._registry.lineage.trust()
            await adoption.adopt_store()
            return Answer([])
        if asked.session is not None:
            return Answer([self._peers.row(await adoption.adopt(asked.session, BY))])
        done = await adoption.adopt_all(BY)
        return Answer(
            [self._peers.row(name) for name, why in done if why is None],
            [why for _, why in done if why is not None],
        )
