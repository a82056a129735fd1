"""Mail as people read it: queue and history, inboxes. Looking marks nothing as read; `acknowledge` does."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

from msgspec.structs import replace

from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import OPERATOR, host_of
from roost.daemon.serve.api.peers import Peers
from roost.daemon.serve.caller import Caller
from roost.daemon.serve.journal import JournalFeed
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.errors import DeniedError, NotFoundError, RefusedError
from roost.present.objects import inbox_item, message_row
from roost.store.interfaces import Wanted

LATEST = 200
"""Messages that `messages` tells of when no number is asked for."""


class Mail:
    """Reads the store for whoever asks."""

    def __init__(self, machine: Machine, fleet: Fleet, peers: Peers, feed: JournalFeed) -> None:
        """`feed` tells when mail has come."""
        self._machine = machine
        self._fleet = fleet
        self._peers = peers
        self._feed = feed

    def mailbox_of(self, caller: Caller, name: str | None) -> str:
        """Whose mail is asked for: an agent's own; of a person, by default that of the operator.

        Raises DeniedError for an agent that asks for another's.
        """
        if caller.is_agent:
            if name not in (None, caller.peer):
                raise DeniedError("an agent reads its own inbox only")
            return caller.peer or OPERATOR
        return name or self._machine.config.sender or OPERATOR

    def news(self, name: str) -> list[str]:
        """What whoever reads this mailbox has to know: that mail waits."""
        state = self._fleet.find(name)
        if state is None or not state.queued or not self._peers.is_mailbox(name):
            return []
        which = "" if name == OPERATOR else f" {name}"
        if state.nearly_full:
            then = "its oldest expire then" if name == OPERATOR else "it takes no more then"
            full = f"{state.queued} unread for you, and your mailbox is nearly full ({then})"
            return [f"{full}: `roost inbox{which} --ack` shows them and marks them as read"]
        return [f"{state.queued} unread for you: `roost inbox{which}`"]

    async def messages(self, wanted: Wanted, limit: int | None) -> list[dict[str, Any]]:
        """Queue and history, newest last. `wanted.since`: seconds ago. Raises NotFoundError for a peer."""
        if wanted.to is not None and host_of(wanted.to) is None:
            self._fleet.get(wanted.to)
        store = self._machine.store
        found = await store.messages(replace(wanted, since=self._time(wanted.since)), limit or LATEST)
        heads = await store.heads([message.id for message in found])
        return [
            self._peers.views.message(message_row(message, heads.get(message.id, ""))) for message in found
        ]

    async def read(self, name: str, since: float | None = None, *, read: bool) -> list[dict[str, Any]]:
        """The unread mail, oldest first; with `read`, or of the last `since` seconds, also what was read."""
        return await self._read(name, self._time(since), read=read or since is not None)

    async def _read(self, name: str, begin: float | None, *, read: bool) -> list[dict[str, Any]]:
        """The mail that came since then (Unix seconds; None: ever)."""
        self._fleet.get(name)
        mail = await self._machine.store.inbox(name, begin, read=read)
        return [inbox_item(message, body) for message, body in mail if message.created_at >= (begin or 0.0)]

    async def follow(
        self, name: str, since: float | None = None, *, read: bool
    ) -> AsyncGenerator[dict[str, Any], None]:
        """What `read` shows, then what comes, each once. Raises NotFoundError once it is called otherwise."""
        begin, read = self._time(since), read or since is not None
        seen: set[str] = set()
        with self._feed.subscribe() as news:
            while True:
                mail = await self._read(name, begin, read=read)
                fresh = [item for item in mail if item["id"] not in seen]
                seen = {item["id"] for item in mail}  # what has been read meanwhile does not come again
                for item in fresh:
                    yield item
                while (row := await news.get()) is not None and name not in (row.peer, row.data.get("from")):
                    pass
                read = False

    async def acknowledge(self, caller: Caller, name: str, message_ids: Sequence[str]) -> None:
        """Mark mail as read: its reader has seen it. Raises RefusedError for an agent's."""
        self.check_reader(caller, name)
        if message_ids:
            await self._fleet.tell(name, r.Acknowledge(tuple(message_ids)))

    def reads(self, caller: Caller) -> bool:
        """Whether who asks is a session that reads its mail itself."""
        state = self._fleet.find(caller.peer) if caller.peer is not None else None
        session = state.find_session(caller.session) if state is not None else None
        return session is not None and session.reads

    def check_reader(self, caller: Caller, name: str) -> None:
        """Raise RefusedError for an agent's mail, which nobody reads but one that does so itself.

        Raises NotFoundError.
        """
        if not self._peers.is_mailbox(name) and not (caller.peer == name and self.reads(caller)):
            raise RefusedError(
                f"'{name}' is an agent: its mail is handed to it, and nobody reads it in its place;"
                f" `roost messages {name}` shows what became of it"
            )

    async def whole_id(self, prefix: str | None) -> str | None:
        """The id of a message by what it begins with; None of nothing. Raises NotFoundError."""
        whole = await self._machine.store.resolve(prefix) if prefix is not None else None
        if prefix is not None and whole is None:
            raise NotFoundError(f"there is no message '{prefix}'; `roost messages` shows the latest")
        return whole

    def _time(self, ago: float | None) -> float | None:
        return None if ago is None else self._machine.clock.now() - ago
