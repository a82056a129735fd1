"""Reading peers: their live sessions, what waits for them, what is left of ended sessions."""

# ruff: noqa: S608 -- statements are put together from constants of this package only

from collections import defaultdict
from collections.abc import Collection

from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Session
from roost.core.vocabulary.watch import Watch
from roost.store import rows
from roost.store.codec import to_text
from roost.store.database import schema_of
from roost.store.reading import Reading, explained
from roost.store.records import Intent, Loaded
from roost.store.unfinished import QUEUE, UNFINISHED


class PeerReader(Reading):
    """What a reader finds of peers and sessions. Every method raises StoreError."""

    @explained
    def load(self) -> Loaded:
        """All that a starting daemon needs."""
        with self._moment():
            version = schema_of(self._connection)
            return Loaded(tuple(self._peers(None)), tuple(self._intents()), version, tuple(self._watches()))

    @explained
    def peers(self, *, readable: bool = False) -> list[PeerState]:
        """All peers by name, with live sessions and unfinished messages in the order of their arrival.

        `readable`: those of them that can be read.
        """
        with self._moment():
            return self._peers(self._left_out if readable else None)

    def _peers(self, broken: rows.Broken | None) -> list[PeerState]:
        sessions: defaultdict[str, list[Session]] = defaultdict(list)
        for part in self._parts("SELECT id, data FROM sessions WHERE ended_at IS NULL"):
            for session in rows.read_sessions(part, broken):
                sessions[session.peer].append(session)
        queues: defaultdict[str, list[Message]] = defaultdict(list)
        waiting = self._rows(
            f"SELECT {rows.MESSAGE_COLUMNS} FROM {QUEUE} WHERE {UNFINISHED} ORDER BY recipient, seq"
        )
        for message in self._each(waiting, rows.read_message):
            queues[message.to].append(message)
        return [
            PeerState.of(peer, sessions.get(peer.name, ()), tuple(queues.get(peer.name, ())))
            for part in self._parts("SELECT name, data FROM peers ORDER BY name")
            for peer in rows.read_peers(part, broken)
        ]

    def _intents(self) -> list[Intent]:
        found = self._rows(f"SELECT {rows.INTENT_COLUMNS} FROM intents ORDER BY at, key")
        return list(self._each(found, rows.read_intent))

    def _watches(self) -> list[Watch]:
        return list(self._each(self._rows("SELECT id, data FROM watches ORDER BY id"), rows.read_watch))

    @explained
    def token(self, token_hash: str) -> tuple[str, str] | None:
        """The live session and the peer that a token belongs to."""
        return self._row("SELECT session, peer FROM tokens WHERE hash = ?", token_hash)

    @explained
    def closed(self, sessions: Collection[str]) -> frozenset[str]:
        """Which of these sessions this store has closed: by their row, or by what it wrote at their end."""
        asked = to_text(sorted(sessions))
        found = self._rows(
            "SELECT id FROM sessions WHERE ended_at IS NOT NULL AND id IN (SELECT value FROM json_each(?))",
            (asked,),
        )
        closed = {row[0] for row in found}
        if closed != set(sessions):  # those of removed peers: only the journal tells of them
            found = self._rows(
                "SELECT DISTINCT session FROM journal WHERE kind = 'stopped'"
                " AND session IN (SELECT value FROM json_each(?))",
                (asked,),
            )
            closed.update(row[0] for row in found)
        return frozenset(closed)

    @explained
    def removed(self, names: Collection[str]) -> frozenset[str]:
        """Which of these names are of peers that this store has removed."""
        found = self._rows(
            "SELECT DISTINCT peer FROM journal WHERE kind = 'removed'"
            " AND peer IN (SELECT value FROM json_each(?))",
            (to_text(sorted(names)),),
        )
        return frozenset(row[0] for row in found)
