"""Words are found whatever a person types, and whatever has become of the index beside the store."""

import asyncio
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import Peer, Settings
from roost.daemon.health.search_index import PRUNES, SearchIndex
from roost.daemon.state.threads import Work
from roost.errors import UsageError
from roost.store.interfaces import ANY, Batch, Wanted
from roost.store.note import STORE
from roost.store.search.finder import Finder
from roost.store.search.index import catch_up, prune
from roost.store.search.matcher import Matcher
from roost.store.sqlite import SqliteStore

HOSTILE = [
    *("multi-agent", "don't use", "Downloads/transcripts", "ubuntu 20.04", "a=b", "@nasa", "#tag", "why?"),
    *('"open', "a AND", "AND", "NOT x", "x OR", "(a", "a)", "a^b", "a:b", "{a b}:c", "NEAR(", "a*b*", "*a"),
    *("50%", "a;b", "it's", "foo + bar", "-x", "--x", "x -y", "\x00a", "é\x1b[31m", "topic:", "topic : a"),
]


@pytest.mark.parametrize("asked", HOSTILE)
def test_whatever_is_typed_is_an_expression_or_plain_words(asked: str) -> None:
    assert Matcher(asked).find([(1, "nothing of it", None)]) == {}


@pytest.mark.parametrize("asked", ["", "  ", "@@", '"', "*", "🙂", "-_-"])
def test_what_holds_no_word_is_refused_with_what_to_do(asked: str) -> None:
    with pytest.raises(UsageError, match="no word to look for"):
        Matcher(asked)


@pytest.mark.parametrize(
    ("asked", "text", "found"),
    [
        ("multi-agent", "a Multi-Agent thing", True),
        ("multi-agent", "agent multi", False),
        ("resume", "the Résumé", True),
        ("deploy", "deployment", False),
        ("deploy*", "deployment", True),
        ('"two words"', "two words", True),
        ('"two words"', "words two", False),
        ('two "words', "words two", True),
        ("a AND b", "b a", True),
        ("a NOT b", "b a", False),
        ("a AND", "a and", True),
        ("topic:x", "x", False),
        ("don't", "you don't say", True),
    ],
)
def test_words_and_expressions(asked: str, text: str, found: bool) -> None:
    assert (1 in Matcher(asked).find([(1, text, "other")])) is found


def test_a_snippet_is_one_line_with_marks() -> None:
    text = f"{'before ' * 100}\n\x02the\tNeedle here{' after' * 100}"
    snippet = Matcher("needle here").find([(1, text, None)])[1]
    assert [snippet.text[begin:end] for begin, end in snippet.marks] in (["Needle", "here"], ["Needle here"])
    assert len(snippet.text) < 300
    assert snippet.text.isprintable()


@given(st.text(max_size=40))
@settings(max_examples=200)
def test_any_text_is_found_by_itself_or_holds_no_word(text: str) -> None:
    try:
        matcher = Matcher(text.replace('"', " "))
    except UsageError:
        return
    if matcher.expression.startswith('"'):
        assert 1 in matcher.find([(1, text.encode("utf-8", "replace").decode(), None)]) or not text.isascii()


class Case:
    """A store with messages, and an index beside it."""

    def __init__(self, folder: Path) -> None:
        self.database, self.index = folder / "roost.db", folder / "search.db"
        self.count = 0

    def store(self, *texts: str, topic: str | None = None, meta: str = "one") -> None:
        asyncio.run(self._store(texts, topic, meta))

    async def _store(self, texts: tuple[str, ...], topic: str | None, meta: str) -> None:
        store = await SqliteStore.open(self.database)
        changes: list[c.Change] = [c.SavePeer(Peer("bob", "seed", Settings(dir="/", runtime="demo"), 1.0))]
        bodies: dict[str, bytes] = {}
        lines: list[c.Journal] = []
        for text in texts:
            self.count += 1
            name, body = f"{self.count:032x}", text.encode()
            at = 1000.0 + self.count
            changes.append(c.SaveMessage(Message(name, "ann", "bob", at, len(body), "d", topic=topic)))
            bodies[name] = body
            lines.append(c.Journal("queued", "bob", message=name, data={"why": f"why {text}"}))
        await store.commit(Batch(2000.0, tuple(changes), tuple(lines), bodies, meta={STORE: meta}))
        await store.close()

    def catch_up(self) -> int:
        return catch_up(self.index, self.database, 30.0)

    def found(self, asked: str, wanted: Wanted = ANY, who: str | None = None, limit: int = 10) -> list[int]:
        with closing(Finder(self.database, self.index)) as finder:
            held = finder.messages(Matcher(asked), wanted, who, limit, 30.0)
            events = finder.events(Matcher(asked), None, who, limit, 30.0)
        numbers = [int(message.id, 16) for message, _ in held.rows]
        if wanted == ANY and who is None:
            assert [int(row.message or "", 16) for row, _ in events.rows] == numbers
        return numbers

    def forget(self, which: str) -> None:
        for table in ("bodies", "messages", "journal"):
            self.run(f"DELETE FROM {table} WHERE {which}")  # noqa: S608 -- our own words

    def run(self, statement: str, path: Path | None = None) -> None:
        with closing(apsw.Connection(str(path or self.database))) as connection:
            connection.execute(statement)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    made = Case(tmp_path)
    made.store("first needle", "hay", "second needle")
    return made


def test_the_newest_come_first_with_the_index_and_without(case: Case) -> None:
    assert case.found("needle") == [3, 1]
    assert case.catch_up() == 0
    assert case.found("needle") == [3, 1]
    case.store("needle again")
    assert case.found("needle") == [4, 3, 1], "what the index lacks is found, too"
    assert case.found("needle", limit=2) == [4, 3]
    case.catch_up()
    assert case.found("needle") == [4, 3, 1]
    assert case.index.stat().st_mode & 0o777 == 0o600


def test_filters(case: Case) -> None:
    case.store("needle of a topic", topic="t-1")
    for _ in range(2):
        assert case.found("needle", Wanted(topic="t-1")) == [4]
        assert case.found("needle", Wanted(since=1002.5)) == [4, 3]
        assert case.found("needle", Wanted(sender="bob")) == []
        assert case.found("needle", who="ann") == [4, 3, 1]
        assert case.found("needle", who="carl") == []
        case.catch_up()


def test_many_rows_are_found_in_steps(case: Case) -> None:
    case.store(*(f"needle {number}" for number in range(600)))
    assert case.found("needle", limit=1000)[:3] == [603, 602, 601]
    case.catch_up()
    assert len(case.found("needle", limit=1000)) == 602


def test_rows_that_are_gone_are_not_found_and_leave_the_index(case: Case) -> None:
    case.catch_up()
    case.forget("seq = 1")
    assert case.found("needle") == [3]
    assert prune(case.index, case.database) == 2
    assert prune(case.index, case.database) == 0
    assert case.found("needle") == [3]


def test_a_renamed_peer_is_found_under_its_name(case: Case) -> None:
    case.catch_up()
    case.run("UPDATE messages SET recipient = 'bert'")
    assert case.found("needle", Wanted(to="bert")) == [3, 1]
    assert case.found("needle", Wanted(to="bob")) == []


@pytest.mark.parametrize("how", ["other", "older", "gone on"])
def test_the_index_of_another_state_of_the_store_counts_for_nothing(case: Case, how: str) -> None:
    case.store("needle that was lost")
    case.catch_up()
    if how == "other":
        case.run("UPDATE meta SET value = 'two' WHERE key = 'store.id'")
    else:
        case.forget("seq > 2")
        case.run("UPDATE sqlite_sequence SET seq = 2 WHERE name IN ('messages', 'journal')")
        if how == "gone on":
            case.count = 10
            case.store("another needle", "straw")
    expected = {"other": [4, 3, 1], "older": [1], "gone on": [11, 1]}[how]
    assert case.found("needle") == expected
    assert case.catch_up() == 0
    assert case.found("needle") == expected
    with closing(apsw.Connection(str(case.index))) as index:
        (count,) = index.execute("SELECT count(*) FROM messages_docsize").fetchall()[0]
    assert count == {"other": 4, "older": 2, "gone on": 4}[how]


@pytest.mark.parametrize("damage", ["no database", "torn", "empty", "no tables", "pages"])
def test_a_damaged_index_harms_nothing_and_is_made_anew(case: Case, damage: str) -> None:
    case.store(*(f"needle {number} {'word ' * 200}" for number in range(50)))
    case.catch_up()
    whole = case.index.read_bytes()
    match damage:
        case "no database":
            case.index.write_bytes(b"not a database at all" * 1000)
        case "torn":
            case.index.write_bytes(whole[: len(whole) // 2])
        case "empty":
            case.index.write_bytes(b"")
        case "no tables":
            case.run("DROP TABLE meta", case.index)
        case _:
            case.index.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    assert len(case.found("needle", limit=100)) == 52
    case.store("needle at last")
    case.catch_up()
    assert len(case.found("needle", limit=100)) == 53


async def test_the_daemon_keeps_the_index_behind_what_is_stored_and_prunes_it(case: Case) -> None:
    class Clock:
        looks = 0

        async def sleep(self, _seconds: float) -> None:
            self.looks += 1
            if self.looks == PRUNES:
                assert docs() == 3, "what is new was taken in"
                case.forget("seq = 1")
            if self.looks > PRUNES:
                raise asyncio.CancelledError

    def docs() -> int:
        with closing(apsw.Connection(str(case.index))) as index:
            return len(index.execute("SELECT 1 FROM messages_docsize").fetchall())

    store = await SqliteStore.open(case.database)
    places = SimpleNamespace(database=case.database, search_index=case.index)
    machine: Any = SimpleNamespace(clock=Clock(), store=store, places=places, work=Work())
    try:
        with pytest.raises(asyncio.CancelledError):
            await SearchIndex(machine).run()
        assert docs() == 2, "what the store has let go of is gone"
    finally:
        await store.close()
