"""Reading messages: one with its story, those that are wanted, an inbox."""

# ruff: noqa: S608 -- statements are put together from constants of this package only

from collections.abc import Collection

from roost.core.vocabulary.limits import PREFIX_LEAST
from roost.core.vocabulary.message import FINAL, Message, MessageState
from roost.store import rows
from roost.store.codec import to_text
from roost.store.errors import AmbiguousIdError
from roost.store.reading import Reading, explained
from roost.store.records import ANY, StoredMessage, Wanted, head
from roost.store.unfinished import QUEUE, UNFINISHED

_FAILED = "messages INDEXED BY messages_undone"
_UNDONE = "(state = 'expired' OR state = 'refused' OR state = 'dead-letter')"
# `lower` knows the letters of ASCII alone, and leaves the bytes of all others as they are.
_HOLDS = (
    "(instr(CAST(lower(topic) AS BLOB), CAST(lower(?) AS BLOB)) OR EXISTS (SELECT 1 FROM bodies"
    " WHERE bodies.seq = messages.seq AND instr(CAST(lower(body) AS BLOB), CAST(lower(?) AS BLOB))))"
)


class MessageReader(Reading):
    """What a reader finds of messages. Every method raises StoreError."""

    @explained
    def resolve(self, prefix: str) -> str | None:
        """The whole message id of a prefix of at least 4 digits; AmbiguousIdError when there are several."""
        if self._row("SELECT 1 FROM messages WHERE id = ?", prefix) is not None:
            return prefix
        if len(prefix) < PREFIX_LEAST:
            return None
        digits = prefix.lower()
        found = self._rows("SELECT id FROM messages WHERE id >= ?1 AND id < ?1 || '~' LIMIT 2", (digits,))
        if len(found) > 1:
            raise AmbiguousIdError(f"several messages have ids that begin with '{prefix}'; give more digits")
        return found[0][0] if found else None

    @explained
    def message(self, message_id: str) -> StoredMessage | None:
        """One message with its story, by id or prefix as `resolve` takes it."""
        with self._moment():
            whole = self.resolve(message_id)
            row = self._row(f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE id = ?", whole)
            if row is None:
                return None
            attempts = self._rows(
                "SELECT n, at, session, outcome, why FROM attempts WHERE message = ? ORDER BY n", (whole,)
            )
            replies = self._rows(
                f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE reply_to = ? AND notice IS NULL"
                " ORDER BY seq",
                (whole,),
            )
            return StoredMessage(
                rows.read_message(row),
                tuple(rows.read_attempt(each) for each in attempts),
                tuple(self._each(replies, rows.read_message)),
            )

    @explained
    def sent_during(self, message_id: str) -> list[Message]:
        """The messages that were sent in the turns of this one, by its whole id, oldest first."""
        found = self._rows(
            f"SELECT {rows.MESSAGE_COLUMNS} FROM messages WHERE origin IS NOT NULL"
            " AND json_extract(origin, '$.during') = ? ORDER BY seq",
            (message_id,),
        )
        return list(self._each(found, rows.read_message))

    @explained
    def parties(self, topic: str) -> dict[str, float]:
        """Who sent or was sent messages of this topic, notices aside, and when the latest (Unix seconds).

        In the order of their first.
        """
        found = self._rows(
            "SELECT name, max(at) FROM ("
            "SELECT sender AS name, 2 * seq AS n, created_at AS at"
            " FROM messages WHERE topic = ?1 AND notice IS NULL"
            " UNION ALL SELECT recipient, 2 * seq + 1, created_at"
            " FROM messages WHERE topic = ?1 AND notice IS NULL"
            ") GROUP BY name ORDER BY min(n)",
            (topic,),
        )
        return dict(found)

    @explained
    def messages(self, wanted: Wanted = ANY, limit: int = 200) -> list[Message]:
        """The newest messages that are wanted; newest last."""
        text = None if wanted.text is None else wanted.text.encode()
        asked = {
            "recipient = ?": wanted.to,
            "state = ?": None if wanted.state is None else str(wanted.state),
            "sender = ?": wanted.sender,
            "topic = ?": wanted.topic,
            "created_at >= ?": wanted.since,
            _HOLDS: text,
        }
        given = {clause: value for clause, value in asked.items() if value is not None}
        clauses, values = list(given), list(given.values())
        if text is not None:
            values.append(text)  # _HOLDS takes it twice, and is the last
        table = "messages"
        if wanted.state is not None and wanted.state not in FINAL:
            table = QUEUE
            clauses.append(UNFINISHED)
        elif wanted.state is not None and wanted.state is not MessageState.DONE:
            table = _FAILED
            clauses.append(_UNDONE)
        found = self._rows(
            f"SELECT {rows.MESSAGE_COLUMNS} FROM {table} WHERE {' AND '.join(clauses) or 'true'}"
            " ORDER BY seq DESC LIMIT ?",
            (*values, limit),
        )
        return list(self._each(reversed(found), rows.read_message))

    @explained
    def heads(self, message_ids: Collection[str]) -> dict[str, str]:
        """How the bodies of these messages begin, in one line of at most 120 characters each."""
        found = self._rows(
            "SELECT id, substr(body, 1, 960) FROM messages JOIN bodies USING (seq)"
            " WHERE id IN (SELECT value FROM json_each(?))",
            (to_text(sorted(message_ids)),),
        )
        return {row[0]: head(row[1] or b"") for row in found}

    @explained
    def body(self, message_id: str) -> bytes | None:
        """The body of a message, by its whole id; None when there is no such message."""
        return self._value(
            "SELECT body FROM bodies WHERE seq = (SELECT seq FROM messages WHERE id = ?)", message_id
        )

    @explained
    def inbox(
        self, peer: str, since: float | None = None, *, read: bool = False
    ) -> list[tuple[Message, bytes]]:
        """The unread messages of a mailbox with their bodies, oldest first; `read`: all that came `since`."""
        table, which = ("messages", "created_at >= ?") if read else (QUEUE, f"{UNFINISHED} AND ?")
        found = self._rows(
            f"SELECT body, {rows.MESSAGE_COLUMNS} FROM {table} JOIN bodies USING (seq)"
            f" WHERE recipient = ? AND {which} ORDER BY seq",
            (peer, (since or 0.0) if read else 1),
        )
        return list(self._each(found, lambda row: (rows.read_message(row[1:]), row[0])))

    @explained
    def attachments(self) -> frozenset[str]:
        """The paths of all files that go with a message. Raises BrokenRowError: nobody knows all of them."""
        found = self._rows("SELECT id, attachments FROM messages WHERE attachments IS NOT NULL")
        return frozenset(path for row in found for path in rows.read_attachments(*row))
