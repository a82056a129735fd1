"""What SQLite does for each statement of the store: nothing that grows is searched from end to end.

SQLite chooses its plans without statistics of the tables, so an empty store shows those of a full one.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.message import MessageState
from roost.store.apply import Applier
from roost.store.database import open_database
from roost.store.interfaces import Batch, Intent, Token
from roost.store.reader import Reader
from roost.store.records import Wanted
from roost.store.retention import Past, forget
from tests.support.store_samples import BODY, death, message, peer, session

GROWS = ("messages", "bodies", "attempts", "journal", "deaths", "sessions", "peers")
"""Not intents and tokens: what is done with, and what has ended, is not in them."""
SMALL = ("messages_unfinished", "messages_undone", "sessions_live", "messages_during")
"""Indexes that hold a part of a table: what is unfinished, went wrong, lives, or was sent in a turn."""
MAY_READ: Mapping[str, str] = {
    "SELECT name, data FROM peers ORDER BY name": "a start reads all peers",
    "SELECT count(*) FROM peers": "they are counted when somebody asks for the state of the daemon",
    "id, attachments FROM messages WHERE attachments IS NOT NULL": "once at a start: files of no message",
    "kind = 'stopped' AND session IN": "once at a start: folders of sessions that have no row any more",
    "FROM messages WHERE state NOT IN": "once in an hour, at most; the oldest are met first",
    "FROM deaths WHERE at <": "once in an hour, at most; the oldest are met first",
    "lower(topic)": "words are looked for in all texts, newest first, until there are enough",
    "FROM messages WHERE true ORDER BY seq DESC LIMIT": "newest first, until there are enough",
    "FROM messages WHERE created_at >= ? ORDER BY seq DESC LIMIT": "newest first, until there are enough",
    "FROM messages WHERE state = ? ORDER BY seq DESC LIMIT": "newest first: nearly all are done",
    "FROM deaths ORDER BY seq DESC LIMIT": "newest first, until there are enough",
}
"""Statements, by a part of them, that may search a table from end to end, and why."""

READ: Mapping[str, Callable[[Reader], object]] = {
    "load": Reader.load,
    "peers": Reader.peers,
    "token": lambda reader: reader.token("x"),
    "closed": lambda reader: reader.closed(["s"]),
    "removed": lambda reader: reader.removed(["a"]),
    "resolve": lambda reader: reader.resolve("0190abcdef"),
    "message": lambda reader: reader.message(f"{1:032x}"),
    "sent_during": lambda reader: reader.sent_during("m"),
    "parties": lambda reader: reader.parties("t"),
    "messages": lambda reader: [
        reader.messages(wanted)
        for wanted in (
            Wanted(),
            Wanted(to="a"),
            Wanted(sender="a"),
            Wanted(topic="t"),
            Wanted(since=1.0),
            Wanted(text="word"),
            *(Wanted(state=state) for state in MessageState),
            *(Wanted(to="a", state=state) for state in MessageState),
        )
    ],
    "heads": lambda reader: reader.heads(["m"]),
    "body": lambda reader: reader.body("m"),
    "inbox": lambda reader: [reader.inbox("a"), reader.inbox("a", 1.0, read=True)],
    "attachments": Reader.attachments,
    "events": lambda reader: [reader.events(), reader.events(1, "a")],
    "events_before": lambda reader: [reader.events_before(9), reader.events_before(9, "a")],
    "last_seq": Reader.last_seq,
    "deaths": lambda reader: [reader.deaths(), reader.deaths("a")],
    "past": lambda reader: reader.past(1.0, 1.0),
    "meta": lambda reader: reader.meta("x"),
    "schema": Reader.schema,
    "counts": Reader.counts,
}
"""All that a reader finds, by the name of its method."""
ELSE = {"close", "path", "back_up", "check", "unreadable"}
"""Of a reader, too: the whole file is copied, or checked."""


@contextmanager
def traced(connection: apsw.Connection) -> Iterator[dict[str, Any]]:
    """The statements that are executed meanwhile, each with what was bound to it."""
    met: dict[str, Any] = {}

    def trace(_cursor: apsw.Cursor, sql: str, values: object) -> bool:
        met[sql] = values
        return True

    connection.set_exec_trace(trace)
    try:
        yield met
    finally:
        connection.set_exec_trace(None)


def scans(connection: apsw.Connection, met: Mapping[str, Any]) -> list[str]:
    """These statements as far as they search something that grows from end to end, each with how."""
    found: list[str] = []
    for sql, values in met.items():
        if sql.split()[0] not in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            continue
        for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values or ()):
            words = str(row[3]).split()
            if words[0] == "SCAN" and words[1] in GROWS and words[-1] not in SMALL:
                found.append(f"{' '.join(sql.split())}: {row[3]}")
    return found


def test_nothing_that_grows_is_searched_from_end_to_end_to_find_something(tmp_path: Path) -> None:
    """Every method of the reader; one that is new has to be named here."""
    open_database(tmp_path / "roost.db").close()
    reader = Reader(tmp_path / "roost.db")
    assert {name for name in dir(reader) if not name.startswith("_")} - ELSE == READ.keys()
    with traced(reader._connection) as met:
        for read in READ.values():
            read(reader)
    assert len(met) > len(READ)
    searching = scans(reader._connection, met)
    assert [each for each in searching if not any(part in each for part in MAY_READ)] == []
    assert [part for part in MAY_READ if not any(part in each for each in searching)] == []
    reader.close()


def tables_of_its_own(connection: apsw.Connection, met: Mapping[str, Any]) -> list[str]:
    """These statements, as far as SQLite makes a table of its own to execute them: 0.1 ms each time."""
    return [
        " ".join(sql.split())
        for sql, values in met.items()
        if sql.split()[0] in ("SELECT", "INSERT", "UPDATE", "DELETE")
        and any(row[1] == "OpenEphemeral" for row in connection.execute(f"EXPLAIN {sql}", values or ()))
    ]


def test_nothing_that_grows_is_searched_from_end_to_end_to_store_something(tmp_path: Path) -> None:
    """Nor does SQLite make a table of its own for what every delivery, answer and end is stored by."""
    with closing(open_database(tmp_path / "roost.db")) as connection, traced(connection) as met:
        applier, made = Applier(connection), message(1)
        live, often = session(), dict[str, Any]()
        with connection:
            applier.apply(
                Batch(
                    1.0,
                    (
                        c.SavePeer(peer()),
                        c.SaveSession(live),
                        c.SaveMessage(made),
                        c.SaveMessage(replace(made, state=MessageState.OFFERED)),
                        c.SaveAttempt(made.id, live.id, "offered", ""),
                    ),
                    (c.Journal("queued", "worker", None, made.id),),
                    {made.id: BODY},
                    (Intent("k", "offer", "worker", 1.0),),
                    ("other",),
                    (Token("h", live.id, "worker"),),
                    {"key": "value"},
                )
            )
            applier.apply(Batch(2.0, (c.CloseSession(death(live)),), settled=("k",)))
            often |= met
            applier.apply(Batch(3.0, (c.Rename("worker", "other", 0.0),)))
            applier.apply(Batch(4.0, (c.Purge("other"),)))
        forget(connection, Past([1], [1], [1]), 1.0, 1.0)
        kept = dict(met)
        assert any(sql.startswith("DELETE FROM messages") for sql in kept)
        assert scans(connection, kept) == []
        assert tables_of_its_own(connection, often) == []


def test_a_search_from_end_to_end_is_seen(tmp_path: Path) -> None:
    """That the two above can fail."""
    with closing(open_database(tmp_path / "roost.db")) as connection:
        by_digest = "SELECT id FROM messages WHERE digest = ?"
        met = {by_digest: ("d",), "SELECT 1 FROM messages WHERE id = ?": ("m",)}
        assert scans(connection, met) == [f"{by_digest}: SCAN messages"]
