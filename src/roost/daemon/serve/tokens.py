"""Who a bearer token belongs to. Only hashes are kept, and only while the session lives."""

from roost.daemon.serve.caller import Caller
from roost.daemon.session.launcher import token_hash
from roost.daemon.state.fleet import Fleet
from roost.errors import DeniedError
from roost.store.interfaces import Store


class Tokens:
    """Proves identities. A program asks at each of its tools: the store is asked once for each session."""

    def __init__(self, store: Store, fleet: Fleet) -> None:
        """Look tokens up in the store; which of their sessions live, this fleet tells."""
        self._store = store
        self._fleet = fleet
        self._known: dict[str, tuple[str, str]] = {}

    async def caller(self, token: str) -> Caller:
        """The agent that holds this token. Raises DeniedError for a wrong, foreign or ended one."""
        key = token_hash(token)
        found = self._known.get(key)
        if found is None or not self._lives(*found):
            found = await self._store.token(key)
            if found is None:
                raise DeniedError
            known = {**self._known, key: found}
            self._known = {key: each for key, each in known.items() if self._lives(*each)}
        session, peer = found
        return Caller(peer, session)

    def _lives(self, session: str, peer: str) -> bool:
        """Whether that session is still that peer's."""
        state = self._fleet.find(peer)
        return state is not None and state.find_session(session) is not None
