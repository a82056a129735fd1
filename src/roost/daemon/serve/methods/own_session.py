"""The methods for an agent inside its own session: done, or to begin afresh."""

from roost.daemon.serve.api.own_session import OwnSession
from roost.daemon.serve.methods.method import Answer, Call, Method, Params, Table
from roost.daemon.serve.methods.parameters import Nothing


class Done(Params):
    """What an agent says of its work."""

    summary: str | None = None


class OwnSessionMethods:
    """Answers what is asked about an agent's own session."""

    def __init__(self, own_session: OwnSession) -> None:
        """Ask these operations."""
        self._own_session = own_session

    def table(self) -> Table:
        """Its methods by name."""
        return {
            "done": Method(Done, self._done, agents=True),
            "fresh": Method(Nothing, self._fresh, agents=True),
        }

    async def _done(self, call: Call[Done]) -> Answer:
        await self._own_session.done(call.caller, call.params.summary or "")
        return Answer({})

    async def _fresh(self, call: Call[Nothing]) -> Answer:
        await self._own_session.fresh(call.caller)
        return Answer({})
