"""What OpenCode's own store tells: of an offer when its program is gone (N4, N8), of an answer that grows."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from roost.core.messages import envelope
from roost.core.vocabulary.message import Examination, Message
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, WakeCause
from roost.daemon.session.evidence import examine_record, holds, on_disk, written_since
from roost.runtimes import opencode_store
from roost.runtimes.context import Context
from roost.runtimes.opencode import OpencodeRuntime
from roost.runtimes.registry import Runtimes
from roost.runtimes.turns.opencode import OpencodeReader
from roost.runtimes.turns.opencode_record import OpencodeRecord
from roost.runtimes.turns.transcript import Transcript
from roost.runtimes.turns.turn import Turn

SCHEMA = """
CREATE TABLE session (id text PRIMARY KEY, time_updated integer NOT NULL);
CREATE TABLE message (id text PRIMARY KEY, session_id text NOT NULL, time_created integer NOT NULL,
    time_updated integer NOT NULL, data text NOT NULL);
CREATE TABLE part (id text PRIMARY KEY, message_id text NOT NULL, session_id text NOT NULL,
    time_created integer NOT NULL, time_updated integer NOT NULL, data text NOT NULL);
"""
"""As 1.18.33 has it, without what is of no concern here."""
OURS, OTHER = "ses_00000000000000000000000000000001", "ses_other"
SEED = "5eed"
MESSAGE = Message("0" * 32, "asker", "worker", 1000.0, 1, "d", attempts=1)
TEXT = envelope.wrap(MESSAGE, "do it", envelope.boundary(SEED, MESSAGE.id, 1))
NOW = 2000.0


class Store:
    """A store that a program has open and writes."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True)
        self.path = path
        self.open = sqlite3.connect(path, isolation_level=None)
        self.open.execute("PRAGMA journal_mode = WAL")
        self.open.executescript(SCHEMA)
        self.count = 0

    def session(self, name: str) -> None:
        self.open.execute("INSERT INTO session VALUES (?, 0)", (name,))

    def change(self, message: str, *parts: object, **info: object) -> None:
        """A step goes on: these are its parts now, and this is told of it."""
        stored = self.open.execute("SELECT data FROM message WHERE id = ?", (message,)).fetchone()[0]
        data = json.dumps(json.loads(stored) | info)
        self.open.execute("UPDATE message SET data = ? WHERE id = ?", (data, message))
        self.open.execute("DELETE FROM part WHERE message_id = ?", (message,))
        for number, part in enumerate(parts):
            row = (f"prt_{message}_{number}", message, OURS, 0, 0, json.dumps(part))
            self.open.execute("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)", row)

    def add(self, session: str, text: str | None, at: float, **info: object) -> str:
        """A prompt with this text, or without one a step that answers it."""
        self.count += 1
        name, milliseconds = f"msg_{self.count}", int(at * 1000)
        role = "user" if text is not None else "assistant"
        data = {"role": role, "time": {"created": milliseconds}, **info}
        row = (name, session, milliseconds, milliseconds, json.dumps(data))
        self.open.execute("INSERT INTO message VALUES (?, ?, ?, ?, ?)", row)
        if text is not None:
            part = json.dumps({"type": "text", "text": text})
            row = (f"prt_{self.count}", name, session, milliseconds, milliseconds, part)
            self.open.execute("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)", row)
        return name


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "home/.local/share/opencode/opencode.db")
    with closing(made.open):
        made.session(OURS)
        made.session(OTHER)
        yield made


@pytest.fixture
def context(tmp_path: Path) -> Context:
    (tmp_path / "shared").mkdir()
    session = Session("s", "worker", 1, "n", WakeCause.FIRST_WAKE, False, 0.0, 0.0, conversation=OURS)
    settings = Settings(dir=str(tmp_path), runtime="opencode")
    environ = {"HOME": str(tmp_path / "home")}
    return Context(session, settings, tmp_path, tmp_path / "shared", environ, "http://x", tmp_path / "s")


def verdict(context: Context, message: Message = MESSAGE) -> tuple[Examination, str | None]:
    found = examine_record(OpencodeRuntime(), context, SEED, message, message.attempts, NOW)
    return found.verdict, found.conversation


def test_an_offer_that_its_program_was_killed_after_is_found(store: Store, context: Context) -> None:
    store.add(OURS, "an earlier one", 1100.0)
    store.add(OURS, TEXT, 1200.0)
    assert verdict(context) == (Examination.FOUND, OURS)
    store.add(OURS, None, 1201.0, parentID="msg_2")
    assert verdict(context) == (Examination.FOUND, OURS)


def test_the_end_of_its_turn_is_found(store: Store, context: Context) -> None:
    asked = store.add(OURS, TEXT, 1200.0)
    over = {"created": 1201000, "completed": 1202000}
    store.add(OURS, None, 1201.0, parentID=asked, time=over, finish="tool-calls")
    assert verdict(context) == (Examination.FOUND, OURS)
    store.add(OURS, None, 1202.0, parentID=asked, time=over, finish="stop")
    assert verdict(context) == (Examination.ENDED, OURS)


def test_an_offer_is_absent_only_where_no_conversation_holds_it(store: Store, context: Context) -> None:
    store.add(OURS, "another", 1200.0)
    assert verdict(context)[0] is Examination.ABSENT
    store.add(OTHER, TEXT, 1300.0)
    assert verdict(context) == (Examination.FOUND, OTHER)


def test_another_attempt_is_no_evidence(store: Store, context: Context) -> None:
    store.add(OURS, TEXT, 1200.0)
    again = replace(MESSAGE, attempts=2)
    assert verdict(context, again)[0] is Examination.ABSENT
    assert holds(OpencodeRuntime(), context, SEED, again, NOW)


def test_there_is_no_store_yet(context: Context) -> None:
    assert verdict(context)[0] is Examination.ABSENT
    assert OpencodeRuntime().transcript(context) is None
    assert OpencodeRuntime().transcripts(context) == []


def test_a_store_that_cannot_be_read_leaves_it_in_doubt(context: Context) -> None:
    path = opencode_store.database(context.environ)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"no database at all" * 300)
    found = examine_record(OpencodeRuntime(), context, SEED, MESSAGE, 1, NOW)
    assert found.verdict is Examination.UNCLEAR
    assert "cannot be read" in found.why
    runtimes = Runtimes()
    again = replace(MESSAGE, attempts=2)
    assert on_disk(runtimes, context)
    assert holds(OpencodeRuntime(), context, SEED, again, NOW)
    assert not written_since(OpencodeRuntime(), context, 0.0)


def test_a_conversation_is_gone_on_with_if_the_store_has_it(store: Store, context: Context) -> None:
    assert OpencodeRuntime().transcript(context) == store.path
    store.open.execute("DELETE FROM session WHERE id = ?", (OURS,))
    assert OpencodeRuntime().transcript(context) is None


def test_what_is_written_out_is_as_old_as_its_latest_message(store: Store, context: Context) -> None:
    store.add(OURS, "a prompt", 1500.0)
    assert written_since(OpencodeRuntime(), context, 1499.0)
    assert not written_since(OpencodeRuntime(), context, 1501.0)
    (path,) = OpencodeRuntime().transcripts(context)
    assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0
    assert OpencodeRuntime().written(context, 1501.0) == []


def test_a_reader_and_a_writer_do_not_wait_for_each_other(store: Store, context: Context) -> None:
    store.open.execute("BEGIN IMMEDIATE")
    store.add(OURS, TEXT, 1200.0)
    assert verdict(context)[0] is Examination.ABSENT, "not committed"
    store.open.execute("COMMIT")
    assert verdict(context)[0] is Examination.FOUND
    assert store.open.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, "nobody holds it up"


def test_a_log_that_a_killed_program_left_is_read(store: Store, context: Context, tmp_path: Path) -> None:
    store.add(OURS, TEXT, 1200.0)
    left = tmp_path / "left/.local/share/opencode"
    left.mkdir(parents=True)
    for path in store.path.parent.iterdir():
        if not path.name.endswith("-shm"):
            (left / path.name).write_bytes(path.read_bytes())

    moved = replace(context, environ={"HOME": str(tmp_path / "left")})
    assert verdict(moved) == (Examination.FOUND, OURS)
    assert (left / "opencode.db-wal").stat().st_size, "and left as it was"


class Follower:
    """Follows the transcript of a conversation."""

    def __init__(self, context: Context) -> None:
        self.said = Transcript(OpencodeRecord(context.environ, OURS), OpencodeReader(), whole=True)
        self.shown: dict[int, str] = {}

    def news(self) -> list[str]:
        """Turns that are told, in their order, each with what its tools gave."""
        told: list[str] = []
        while (part := self.said.step()) is not None:
            told += [self.text(turn) for turn in part]
        if self.said.open is not None and self.shown.get(self.said.open.number) != self.text(self.said.open):
            told.append(self.text(self.said.open))
            self.shown = {self.said.open.number: told[-1]}
        return told

    @staticmethod
    def text(turn: Turn) -> str:
        given = [tool.output.text if tool.output is not None else "..." for tool in turn.tools]
        return " | ".join([f"{turn.number} {turn.text}", *given])


def said(text: str) -> dict[str, object]:
    return {"type": "text", "text": text}


def tool(status: str, output: str = "") -> dict[str, object]:
    state = {"status": status, "input": {"command": "sleep 9"}, "output": output}
    return {"type": "tool", "tool": "bash", "callID": "c", "state": state}


def test_an_answer_goes_on_behind_what_is_queued_while_it_is_written(store: Store, context: Context) -> None:
    follower = Follower(context)
    store.add(OURS, "do it", 1.0)
    first = store.add(OURS, None, 2.0)
    store.change(first, said("I am"), tool("running"))
    assert follower.news() == ["1 do it", "2 I am | ..."]
    for number in range(40):  # more than a page of them
        store.add(OURS, f"queued {number}", 3.0 + number)
    assert follower.news() == ["2 I am | ...", *(f"{number + 3} queued {number}" for number in range(40))]
    assert follower.news() == []
    store.change(first, said("I am done"), tool("completed", "42"))
    assert follower.news() == ["2 I am done | 42"]
    store.change(first, said("I am done"), tool("completed", "42"), time={"created": 2000, "completed": 5000})
    assert follower.news() == [], "it says nothing new"
    store.change(first, said("never"))
    assert follower.news() == [], "it was completed"
    second = store.add(OURS, None, 100.0)
    store.change(second, said("yes"))
    assert follower.news() == ["42 queued 39", "43 yes"]
    assert follower.said.count == 43


def test_the_last_of_an_answer_is_read_with_the_next_one_and_its_failure_once(
    store: Store, context: Context
) -> None:
    follower = Follower(context)
    first = store.add(OURS, None, 1.0)
    store.change(first, said("I"))
    store.add(OURS, "queued", 2.0)
    assert follower.news() == ["1 I", "2 queued"]
    error = {"name": "MessageAbortedError", "data": {"message": "aborted"}}
    store.change(first, said("I am"), error=error)
    assert follower.news() == ["1 I am", "2 queued", "3 the turn failed: MessageAbortedError aborted"]
    store.change(first, said("I am."), error=error, time={"created": 1000, "completed": 4000})
    second = store.add(OURS, None, 5.0)
    store.change(second, said("next"))
    assert follower.news() == ["1 I am.", "3 the turn failed: MessageAbortedError aborted", "4 next"]
    store.open.execute("DELETE FROM message WHERE id = ?", (second,))
    store.add(OURS, "more", 6.0)
    assert follower.news() == ["4 next", "5 more"]
    assert follower.news() == []
