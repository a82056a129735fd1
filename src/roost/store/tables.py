"""The rows of the twin: what one batch does to them."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct, field
from msgspec.structs import fields, replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import REMOTE
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import Peer
from roost.core.vocabulary.session import Death, Session
from roost.core.vocabulary.watch import Watch
from roost.store.arrange import arranged, renamed
from roost.store.codec import to_text
from roost.store.errors import BatchError, DuplicateMessageError
from roost.store.interfaces import Batch, Token
from roost.store.records import Attempt, Intent, JournalRow


class Tables(Struct):
    """All rows, in the order of their arrival."""

    peers: dict[str, Peer] = field(default_factory=dict[str, Peer])
    live: dict[str, Session] = field(default_factory=dict[str, Session])
    ended: dict[str, str] = field(default_factory=dict[str, str])
    deaths: dict[str, Death] = field(default_factory=dict[str, Death])
    messages: dict[str, Message] = field(default_factory=dict[str, Message])
    bodies: dict[str, bytes] = field(default_factory=dict[str, bytes])
    attempts: dict[str, tuple[Attempt, ...]] = field(default_factory=dict[str, tuple[Attempt, ...]])
    journal: dict[int, JournalRow] = field(default_factory=dict[int, JournalRow])
    intents: dict[str, Intent] = field(default_factory=dict[str, Intent])
    tokens: dict[str, Token] = field(default_factory=dict[str, Token])
    watches: dict[str, Watch] = field(default_factory=dict[str, Watch])
    meta: dict[str, str] = field(default_factory=dict[str, str])

    def copy(self) -> "Tables":
        """The same rows in tables of their own."""
        return Tables(**{each.name: dict(getattr(self, each.name)) for each in fields(self)})


def unfinished(tables: Tables, peer: str) -> Iterable[Message]:
    """The messages to a peer that still wait for their end, in the order of their arrival."""
    return (message for message in tables.messages.values() if message.to == peer and not message.final)


def forget(tables: Tables, messages: float, events: float) -> int:
    """Remove what ended before these times; how many rows went."""
    kept = {intent.message for intent in tables.intents.values()}
    kept |= {message.reply_to for message in tables.messages.values() if not message.final}
    gone = [
        message.id
        for message in tables.messages.values()
        if message.final and (message.done_at or messages) < messages and message.id not in kept
    ]
    told = [
        row.seq
        for row in tables.journal.values()
        if row.ts < events
        and row.kind != "removed"
        and (row.kind != "stopped" or row.session in tables.ended)
        and row.seq < max(tables.journal)
    ]
    latest = {death.peer: session for session, death in tables.deaths.items()}
    reaped = [
        session
        for session, death in tables.deaths.items()
        if death.at < events and latest[death.peer] != session
    ]
    for ident in gone:
        del tables.messages[ident]
        tables.bodies.pop(ident, None)
        tables.attempts.pop(ident, None)
    for seq in told:
        del tables.journal[seq]
    for session in reaped:
        del tables.deaths[session]
    return len(gone) + len(told) + len(reaped)


def apply(tables: Tables, batch: Batch) -> tuple[JournalRow, ...]:
    """Change the tables by the whole batch. On an error they are spoiled: work on a copy."""
    batch = renamed(batch)
    bodies = dict(batch.bodies)
    for change in arranged(batch.changes):
        _change(tables, change, batch.at, bodies)
    for key in batch.settled:
        tables.intents.pop(key, None)
    for intent in batch.intents:
        to_text(dict(intent.data))
        tables.intents[intent.key] = intent
    for token in batch.tokens:
        tables.tokens[token.hash] = token
    tables.meta.update(batch.meta)
    return tuple(_journal(tables, entry, batch.at) for entry in batch.journal)


def _journal(tables: Tables, entry: c.Journal, at: float) -> JournalRow:
    to_text(entry.data)
    row = JournalRow(
        max(tables.journal, default=0) + 1,
        at,
        entry.kind,
        entry.peer,
        entry.session,
        entry.message,
        entry.cause,
        entry.data,
    )
    tables.journal[row.seq] = row
    return row


def _change(tables: Tables, change: c.Change, at: float, bodies: dict[str, bytes]) -> None:
    match change:
        case c.SavePeer(peer):
            tables.peers[peer.name] = peer
        case c.SaveSession(session):
            _session(tables, session)
        case c.CloseSession(death):
            _close(tables, death)
        case c.SaveMessage(message):
            _message(tables, message, bodies)
        case c.SaveAttempt(message_id, session, outcome, why):
            if message_id not in tables.messages:
                raise BatchError(f"an attempt came without its message {message_id}; nothing was stored")
            story = tables.attempts.get(message_id, ())
            tables.attempts[message_id] = (*story, Attempt(len(story) + 1, at, session, outcome, why))
        case c.AddWatch() | c.SaveWatch() | c.EndWatch():
            _watch(tables, change)
        case c.Rename(old, new, since):
            _rename(tables, old, new, since)
        case c.Purge(peer):
            _purge(tables, peer)


def _watch(tables: Tables, change: c.OfWatch) -> None:
    match change:
        case c.AddWatch(watch):
            if watch.id in tables.watches:
                raise BatchError(f"watch {watch.id} is stored already; nothing was stored")
            tables.watches[watch.id] = watch
        case c.SaveWatch(watch):
            if watch.id in tables.watches:
                tables.watches[watch.id] = watch
        case c.EndWatch(watch_id):
            tables.watches.pop(watch_id, None)


def _session(tables: Tables, session: Session) -> None:
    if session.peer not in tables.peers:
        raise BatchError(f"session {session.id} came without its peer; nothing was stored")
    if session.id in tables.ended:
        raise BatchError(f"session {session.id} has ended and cannot live again; nothing was stored")
    others = (other for other in tables.live.values() if other.peer == session.peer)
    if not session.pooled and any(other.id != session.id and not other.pooled for other in others):
        raise BatchError(f"'{session.peer}' has an active session already; nothing was stored")
    tables.live[session.id] = session


def _close(tables: Tables, death: Death) -> None:
    live = tables.live.pop(death.session, None)
    if live is None or live.generation != death.generation:
        raise BatchError(f"session {death.session} does not live and cannot end; nothing was stored")
    tables.ended[death.session] = death.peer
    tables.deaths[death.session] = death
    tables.tokens = {key: token for key, token in tables.tokens.items() if token.session != death.session}


def _message(tables: Tables, message: Message, bodies: dict[str, bytes]) -> None:
    body = bodies.pop(message.id, None)
    known = message.id in tables.messages
    if known and body is not None:
        raise DuplicateMessageError(f"message {message.id} is stored already; nothing was stored")
    if not known:
        body = body or b""
        if len(body) != message.size:
            raise BatchError(
                f"message {message.id} is of {message.size} bytes and came with {len(body)};"
                " nothing was stored"
            )
        tables.bodies[message.id] = body
    tables.messages[message.id] = message


def _rename(tables: Tables, old: str, new: str, since: float) -> None:
    if new in tables.peers and tables.peers[new].settings.runtime != REMOTE:
        raise BatchError(f"there is a peer '{new}' already; nothing was stored")
    if old in tables.peers:
        tables.peers[new] = replace(tables.peers.pop(old), name=new)
    numbers = {death.generation for death in tables.deaths.values() if death.peer == old}
    for session, death in list(tables.deaths.items()):
        if death.peer == new and death.generation in numbers:
            del tables.deaths[session], tables.ended[session]
    tables.ended = {key: new if name == old else name for key, name in tables.ended.items()}
    for rows in (tables.live, tables.deaths, tables.intents, tables.tokens):
        _move(rows, old, new)
    tables.watches = {key: watch.renamed(old, new) for key, watch in tables.watches.items()}
    for key, message in tables.messages.items():
        sent = message.sender == old and message.created_at >= since
        to = new if message.to == old else message.to
        tables.messages[key] = replace(message, to=to, sender=new if sent else message.sender)
    for seq, row in tables.journal.items():
        if row.peer == old and row.ts >= since:
            tables.journal[seq] = replace(row, peer=new)


def _move(rows: dict[str, Any], old: str, new: str) -> None:
    for key, row in rows.items():
        if row.peer == old:
            rows[key] = replace(row, peer=new)


def _purge(tables: Tables, peer: str) -> None:
    gone = {message.id for message in tables.messages.values() if message.to == peer}
    for rows in (tables.messages, tables.bodies, tables.attempts):
        for message_id in gone & rows.keys():
            del rows[message_id]
    tables.peers.pop(peer, None)
    tables.live = {key: session for key, session in tables.live.items() if session.peer != peer}
    tables.ended = {key: name for key, name in tables.ended.items() if name != peer}
    tables.deaths = {key: death for key, death in tables.deaths.items() if death.peer != peer}
    tables.intents = {key: intent for key, intent in tables.intents.items() if intent.peer != peer}
    tables.tokens = {key: token for key, token in tables.tokens.items() if token.peer != peer}
    tables.watches = {key: watch for key, watch in tables.watches.items() if watch.watcher != peer}
