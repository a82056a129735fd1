"""What an agent can ask about its own session, from inside it."""

from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.session import Tools
from roost.daemon.serve.caller import Caller
from roost.daemon.state.fleet import Fleet
from roost.errors import DeniedError


class OwnSession:
    """Takes what agents say of the session that they are in."""

    def __init__(self, fleet: Fleet) -> None:
        """Tell this fleet."""
        self._fleet = fleet

    async def done(self, caller: Caller, summary: str) -> None:
        """An agent says that it is done."""
        if caller.peer is None or caller.session is None:
            raise DeniedError("`done` is for an agent inside its own session")
        await self._fleet.tell(caller.peer, f.Completed(caller.session, summary))

    async def fresh(self, caller: Caller) -> None:
        """An agent asks for a fresh session of itself."""
        if caller.peer is None or caller.session is None:
            raise DeniedError("`fresh` is for an agent inside its own session")
        await self._fleet.tell(caller.peer, r.FreshAsked(caller.session))

    async def given_tools(self, caller: Caller) -> None:
        """The program of a session was told of its tools. Only the first time of each is a fact."""
        state = self._fleet.find(caller.peer) if caller.peer is not None else None
        session = state.find_session(caller.session) if state is not None and caller.session else None
        if session is not None and session.tools is not Tools.GIVEN:
            await self._fleet.note(session.peer, f.ToolsGiven(session.id))
