"""The methods about watches. An agent's are its own."""

from roost.daemon.serve.api.watches import WatchList
from roost.daemon.serve.methods.method import Answer, Call, Method, Params, Table
from roost.daemon.serve.methods.parameters import Nothing


class New(Params):
    """What is watched: a `name` for a `kind` of what becomes of it, a `topic`, or a `file`.

    `file`: an absolute path, or a pattern of such. `ttl`: in seconds.
    `watcher`: who is told, by default whoever asks.
    """

    name: str | None = None
    kind: str | None = None
    topic: str | None = None
    file: str | None = None
    watcher: str | None = None
    once: bool = False
    ttl: float | None = None


class Ended(Params):
    """A watch, by the first digits of its id."""

    id: str


class WatchMethods:
    """Answers what is asked about watches."""

    def __init__(self, watches: WatchList) -> None:
        """Ask these operations."""
        self._watches = watches

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "watch": Method(New, self._add, agents=True, names=("name",)),
            "unwatch": Method(Ended, self._remove, agents=True),
            "watches": Method(Nothing, self._all, agents=True, looks=True),
        }

    async def _add(self, call: Call[New]) -> Answer:
        asked = call.params
        kind, subject = self._watches.chosen(asked.name, asked.kind, asked.topic, asked.file)
        return Answer(
            await self._watches.add(
                call.caller, kind, subject, watcher=asked.watcher, once=asked.once, ttl=asked.ttl
            )
        )

    async def _remove(self, call: Call[Ended]) -> Answer:
        return Answer(await self._watches.remove(call.caller, call.params.id))

    async def _all(self, call: Call[Nothing]) -> Answer:
        return Answer(self._watches.all(call.caller))
