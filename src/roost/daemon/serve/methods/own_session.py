"""The methods for a session about itself: it joins, it leaves, it is done, or wants to begin afresh."""

from roost.daemon.serve.api.joining import Asked, Joining
from roost.daemon.serve.api.own_session import OwnSession
from roost.daemon.serve.methods.method import Answer, Call, Method, Params, Table
from roost.daemon.serve.methods.parameters import Nothing


class Done(Params):
    """What an agent says of its work."""

    summary: str | None = None


class Join(Params):
    """By which name a session joins, and what it says of itself; see `Asked`."""

    dir: str
    environ: dict[str, str]
    name: str = ""
    adopt: bool = False


class OwnSessionMethods:
    """Answers what is asked about an agent's own session."""

    def __init__(self, own_session: OwnSession, joining: Joining) -> None:
        """Ask these operations."""
        self._own_session = own_session
        self._joining = joining

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "done": Method(Done, self._done, agents=True),
            "fresh": Method(Nothing, self._fresh, agents=True),
            "join": Method(Join, self._join, agents=True, waits=True),
            "leave": Method(Nothing, self._leave, agents=True, waits=True),
        }

    async def _join(self, call: Call[Join]) -> Answer:
        asked = call.params
        said = Asked(asked.name, asked.dir, asked.environ, asked.adopt)
        return Answer(await self._joining.join(call.caller, said, call.by))

    async def _leave(self, call: Call[Nothing]) -> Answer:
        return Answer(await self._joining.leave(call.caller, call.by))

    async def _done(self, call: Call[Done]) -> Answer:
        await self._own_session.done(call.caller, call.params.summary or "")
        return Answer({})

    async def _fresh(self, call: Call[Nothing]) -> Answer:
        await self._own_session.fresh(call.caller)
        return Answer({})
