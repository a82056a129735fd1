"""Stores of earlier versions with rows in them: all of it is there afterwards, under the same rules."""

from pathlib import Path

import apsw
import pytest
from msgspec.structs import replace

from roost.core.vocabulary.commands import Perform
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import ControlKind, ControlRequest
from roost.store import rows
from roost.store.apply import _INSERT_MESSAGE, _UPDATE_MESSAGE
from roost.store.database import open_database
from roost.store.interfaces import intent_for
from roost.store.reader import Reader
from roost.store.records import Wanted
from tests.support.store_samples import death, message, peer, session


def test_G13_what_went_wrong_is_found_by_an_index(tmp_path: Path) -> None:
    """Among fifty thousand messages that went well; the words of the reader's own statement."""
    path = tmp_path / "roost.db"
    open_database(path).close()
    reader = Reader(path)
    connection = reader._connection
    traced: list[str] = []

    def trace(_cursor: apsw.Cursor, sql: str, _values: object) -> bool:
        traced.append(sql)
        return True

    for state in (MessageState.EXPIRED, MessageState.REFUSED, MessageState.DEAD_LETTER):
        connection.set_exec_trace(trace)
        assert reader.messages(Wanted(state=state)) == []
    connection.set_exec_trace(None)
    explained = [connection.execute(f"EXPLAIN QUERY PLAN {sql}", ("expired", 1)) for sql in traced]
    plans = [str(row[3]) for found in explained for row in found]
    reader.close()
    assert len(plans) == 3
    assert all("messages_undone (state=?)" in plan for plan in plans), plans


def test_a_store_of_the_third_version_keeps_all_its_sessions_and_peers(tmp_path: Path) -> None:
    path = tmp_path / "roost.db"
    migrations = sorted((Path(open_database.__code__.co_filename).parent / "migrations").glob("*.sql"))
    old = apsw.Connection(str(path))
    old.execute("".join(migration.read_text() for migration in migrations[:3]))
    old.pragma("user_version", 3)
    made = [peer("b"), peer("a")]
    for each in made:
        old.execute(
            "INSERT INTO peers (name, runtime, stopped, created_at, data) VALUES (?, ?, ?, ?, ?)",
            rows.peer_row(each),
        )
    ended, live, kept = session("a", 1), session("a", 2), replace(session("a", 3), pooled=True)
    for each in (ended, live, kept):
        old.execute(
            "INSERT INTO sessions (id, peer, generation, state, conversation, started_at, pooled, data)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows.session_row(each),
        )
        if each is ended:
            old.execute("UPDATE sessions SET ended_at = 110.0, state = 'ended'")
    old.execute(
        f"INSERT INTO deaths ({rows.DEATH_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        rows.death_row(death(ended)),
    )
    old.close()
    moved = open_database(path)
    assert moved.execute("PRAGMA foreign_key_check").fetchall() == []
    assert moved.pragma("foreign_keys") == 1
    with pytest.raises(apsw.ConstraintError):
        moved.execute("UPDATE sessions SET pooled = 0 WHERE id = ?", (kept.id,))
    with pytest.raises(apsw.ConstraintError):
        moved.execute("DELETE FROM peers WHERE name = 'a'")
    moved.close()
    reader = Reader(path)
    assert reader.peers() == [PeerState.of(made[1], (live, kept), ()), PeerState(made[0])]
    assert reader.deaths() == [death(ended)]
    reader.close()


def test_a_store_of_the_fifth_version_keeps_what_was_asked_of_its_sessions(tmp_path: Path) -> None:
    """`errand` in sessions and in what is still to be done; a text that looks like it stays."""
    path = tmp_path / "roost.db"
    migrations = sorted((Path(open_database.__code__.co_filename).parent / "migrations").glob("*.sql"))
    old = apsw.Connection(str(path))
    old.execute("".join(migration.read_text() for migration in migrations[:5]))
    old.pragma("user_version", 5)
    old.execute(
        "INSERT INTO peers (name, runtime, stopped, created_at, data) VALUES (?, ?, ?, ?, ?)",
        rows.peer_row(peer("a")),
    )
    asked = ControlRequest(ControlKind.COMPACT, "human", 101.5, begun=True)
    live = replace(session("a", 1), control=asked, why='it said {"errand": null}')
    values = list(rows.session_row(live))
    values[-1] = str(values[-1]).replace('"control":', '"errand":')
    old.execute(
        "INSERT INTO sessions (id, peer, generation, state, conversation, started_at, pooled, data)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        values,
    )
    intent = intent_for(Perform(live, asked), 102.0)
    assert intent.kind == "control"
    assert intent.key == f"control:{live.id}:101.5"
    old.execute(
        "INSERT INTO intents (key, kind, peer, at, session, message, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            f"errand:{live.id}:101.5",
            "errand",
            "a",
            102.0,
            live.id,
            None,
            '{"kind":"compact","at":101.5}',
        ),
    )
    old.close()
    open_database(path).close()
    reader = Reader(path)
    assert reader.peers() == [PeerState.of(peer("a"), (live,), ())]
    assert reader.load().intents == (intent,)
    reader.close()


def test_a_store_of_the_seventh_version_finds_its_messages_by_their_state(tmp_path: Path) -> None:
    """The indexes of what is unfinished, and of what went wrong, are made of the rows that are there."""
    path = tmp_path / "roost.db"
    migrations = sorted((Path(open_database.__code__.co_filename).parent / "migrations").glob("*.sql"))
    old = apsw.Connection(str(path))
    old.execute("".join(migration.read_text() for migration in migrations[:7]))
    old.pragma("user_version", 7)
    old.execute(
        "INSERT INTO peers (name, runtime, stopped, created_at, data) VALUES (?, ?, ?, ?, ?)",
        rows.peer_row(peer("a")),
    )
    made = {state: message(number, "a", state=state) for number, state in enumerate(MessageState)}
    for each in made.values():
        row = rows.message_row(each)
        old.execute(
            f"INSERT INTO messages ({rows.MESSAGE_COLUMNS}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
            row,
        )
    old.close()
    open_database(path).close()
    reader = Reader(path)
    assert reader.check() == []
    assert {state: reader.messages(Wanted(state=state)) for state in made} == {
        state: [each] for state, each in made.items()
    }
    waiting = [each for each in made.values() if not each.final]
    assert reader.peers() == [PeerState.of(peer("a"), (), tuple(waiting))]
    reader.close()


def test_to_store_a_message_SQLite_makes_no_table_of_its_own(tmp_path: Path) -> None:
    """SQLite 3.54.1: it did for each row, for `IN` with several words in the indexes of messages."""
    connection = open_database(tmp_path / "roost.db")
    for statement in (_INSERT_MESSAGE, _UPDATE_MESSAGE):
        nothing = [None] * statement.count("?")
        steps = [str(row[1]) for row in connection.execute(f"EXPLAIN {statement}", nothing)]
        assert "MakeRecord" in steps
        assert "OpenEphemeral" not in steps, statement
    connection.close()
