"""The methods about the daemon itself: how it is, what it gives to agents, its backup, its end."""

from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec.structs import asdict

from roost.daemon.health.health import Health
from roost.daemon.serve.methods.method import Answer, Call, Method, Params, Table
from roost.daemon.serve.methods.parameters import Nothing
from roost.daemon.serve.metrics import Metrics
from roost.errors import RoostError, UsageError
from roost.store.interfaces import Store


class Compare(Params):
    """Some variables of an asker, and the folder of its program."""

    environ: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    program: str | None = None


class Environ(Params):
    """An environment that agents are to be given of."""

    environ: dict[str, str]


class Backup(Params):
    """Where the copy goes."""

    path: str


class Down(Params):
    """`agents`: they end, too."""

    agents: bool = False


class DaemonMethods:
    """Answers what is asked about the daemon."""

    def __init__(
        self, health: Health, metrics: Metrics, store: Store, shut_down: Callable[[bool], None]
    ) -> None:
        """`shut_down` ends the daemon, with its agents or without."""
        self._health = health
        self._metrics = metrics
        self._store = store
        self._shut_down = shut_down

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "status": Method(Nothing, self._status, agents=True, looks=True),
            "doctor": Method(Nothing, self._doctor, looks=True),
            "metrics": Method(Nothing, self._show_metrics, looks=True),
            "compare": Method(Compare, self._compare, looks=True),
            "refresh_environment": Method(Environ, self._refresh_environment),
            "backup": Method(Backup, self._backup, waits=True),
            "down": Method(Down, self._down),
        }

    async def _status(self, _call: Call[Nothing]) -> Answer:
        return Answer(await self._health.status.now())

    async def _doctor(self, _call: Call[Nothing]) -> Answer:
        return Answer(await self._health.doctor.findings())

    async def _show_metrics(self, _call: Call[Nothing]) -> Answer:
        return Answer({"text": self._metrics.text()})

    async def _compare(self, call: Call[Compare]) -> Answer:
        return Answer(await self._health.environment.compared(call.params.environ, call.params.program))

    async def _refresh_environment(self, call: Call[Environ]) -> Answer:
        return Answer(await self._health.environment.refresh(call.params.environ))

    async def _backup(self, call: Call[Backup]) -> Answer:
        target = Path(call.params.path)
        if not target.is_absolute():
            raise UsageError(f"'{target}' is not an absolute path")
        try:
            return Answer(asdict(await self._store.back_up(target)))
        except OSError as error:
            raise RoostError(f"{target} cannot be written: {error.strerror}") from error

    async def _down(self, call: Call[Down]) -> Answer:
        notes = self._health.alarms.of_registry() if call.params.agents else []
        self._shut_down(call.params.agents)
        return Answer({}, notes)
