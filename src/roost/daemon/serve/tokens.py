"""Who a bearer token belongs to. Only hashes are kept, and only while the session lives."""

from roost.daemon.serve.caller import Caller
from roost.daemon.session.launcher import token_hash
from roost.errors import DeniedError
from roost.store.interfaces import Store


class Tokens:
    """Proves identities."""

    def __init__(self, store: Store) -> None:
        """Look tokens up in the store."""
        self._store = store

    async def caller(self, token: str) -> Caller:
        """The agent that holds this token. Raises DeniedError for a wrong, foreign or ended one."""
        found = await self._store.token(token_hash(token))
        if found is None:
            raise DeniedError
        session, peer = found
        return Caller(peer, session)
