"""Rows hold every field of the core's structs, and nothing else is taken for one."""

import json

import pytest
from msgspec.structs import fields, replace

from roost.core.vocabulary.commands import Effect, End, Examine, Launch, Notify, Offer
from roost.core.vocabulary.message import Chain, Message, Notice
from roost.core.vocabulary.peer import Peer, Settings
from roost.core.vocabulary.session import Cause, Death, Session, WakeCause
from roost.store import rows
from roost.store.codec import to_text
from roost.store.errors import BrokenRowError
from roost.store.interfaces import intent_for


def test_the_columns_hold_every_field() -> None:
    columns = {"recipient": "to"}
    stored = [columns.get(name, name) for name in rows.MESSAGE_COLUMNS.split(", ")]
    assert sorted(stored) == sorted(field.name for field in fields(Message))
    assert rows.DEATH_COLUMNS.split(", ") == [field.name for field in fields(Death)]


SESSION = Session("s1", "p", 1, "n", WakeCause.EPHEMERAL, False, 1.0, 1.0)
ENDING = {"cause": "oom", "by": "x", "at": 1, "note": ""}
PROCESS = {"boot": "b", "pid": 1, "start": 2}


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("peer", 1),
        ("peer", None),
        ("ready", 1),
        ("generation", True),
        ("generation", 1.5),
        ("since", "1"),
        ("since", True),
        ("state", "bored"),
        ("ending", []),
        ("ending", {}),
        ("ending", ENDING | {"cause": "boredom"}),
        ("ending", ENDING | {"more": 1}),
        ("processes", {"agent": PROCESS, "shim": PROCESS, "server": PROCESS | {"more": 1}, "socket": "/s"}),
        ("colour", "red"),
    ],
)
def test_what_is_not_of_the_shape_is_refused(field: str, bad: object) -> None:
    good = json.loads(rows.session_row(SESSION)[-1])
    assert rows.read_sessions([("s1", json.dumps(good | {"ending": ENDING}))])[0].ending is not None
    with pytest.raises(BrokenRowError, match="session s1 cannot be read"):
        rows.read_sessions([("s1", json.dumps(good | {field: bad}))])


def test_text_that_is_no_unicode_is_kept() -> None:
    """A folder's name may hold bytes that are no UTF-8; Python shows them as lone surrogates."""
    made = Peer("p", "s", Settings("/caf\udce9", "demo"), 1.0)
    assert rows.read_peers([("p", rows.peer_row(made)[-1])]) == [made]


def test_half_of_a_character_that_an_earlier_version_stored_is_read_as_the_sign_for_it() -> None:
    made = replace(SESSION, why="a dialog is open: ls \ud83d in /caf\udce9 \U0001f600 \udfff")
    (read,) = rows.read_sessions([("s1", rows.session_row(made)[-1])])
    assert read.why == "a dialog is open: ls \ufffd in /caf\udce9 \U0001f600 \ufffd"
    line = rows.read_journal((1, 1.0, "blocked", "a", None, None, None, to_text({"why": "ls \ud83d"})))
    assert line.data == {"why": "ls \ufffd"}


def test_a_missing_setting_takes_its_default() -> None:
    made = Peer("p", "s", Settings("/", "demo"), 1.0)
    raw = json.loads(rows.peer_row(made)[-1])
    del raw["settings"]["restart_window"], raw["since"]
    assert rows.read_peers([("p", to_text(raw))]) == [made]


def test_an_unknown_setting_is_named() -> None:
    raw = json.loads(rows.peer_row(Peer("p", "s", Settings("/", "demo"), 1.0))[-1])
    raw["settings"]["colour"] = "red"
    with pytest.raises(BrokenRowError, match="peer 'p' cannot be read from the store: 'colour' is unknown"):
        rows.read_peers([("p", to_text(raw))])


@pytest.mark.parametrize("data", ["", "{", "[]", "null", "7"])
def test_a_row_that_is_no_object_is_named(data: str) -> None:
    with pytest.raises(BrokenRowError, match="session s1 cannot be read"):
        rows.read_sessions([("s1", data)])


def test_of_many_rows_the_one_that_cannot_be_read_is_named() -> None:
    made = [replace(SESSION, id=f"s{number}", generation=number) for number in range(1, 4)]
    stored = [(session.id, rows.session_row(session)[-1]) for session in made]
    assert rows.read_sessions(stored) == made
    assert rows.read_sessions([]) == []
    later = json.loads(stored[1][1]) | {"colour": "red"}
    with pytest.raises(BrokenRowError, match="session s2 cannot be read from the store: 'colour' is unknown"):
        rows.read_sessions([stored[0], ("s2", json.dumps(later)), stored[2]])
    spaced = ("s2", json.dumps(json.loads(stored[1][1])))  # as no version of roost writes it
    assert rows.read_sessions([stored[0], spaced, stored[2]]) == made
    with pytest.raises(BrokenRowError, match="session s2"):
        rows.read_sessions([stored[0], ("s2", f"{stored[1][1]},{stored[2][1]}")])


MESSAGE = Message("m1", "asker", "p", 1.0, 1, "d", attempts=2)


@pytest.mark.parametrize(
    ("effect", "kind", "peer", "session", "message"),
    [
        (Launch(SESSION), "launch", "p", "s1", None),
        (Offer("s1", "p", MESSAGE, redrive=True), "offer", "p", "s1", "m1"),
        (Examine(None, "p", MESSAGE, "c1"), "examine", "p", None, "m1"),
        (End(SESSION, Cause.RESTART, "operator", guarded=False), "end", "p", "s1", None),
        (Notify("n1", "asker", Notice("m1", "died", "oom")), "notice", "asker", None, "m1"),
        (Notify("n1", "p", Notice("m1", "x", "y"), Chain(31, "r")), "notice", "p", None, "m1"),
    ],
)
def test_every_effect_has_an_intent(
    effect: Effect, kind: str, peer: str, session: str | None, message: str | None
) -> None:
    intent = intent_for(effect, 5.0)
    assert intent.key == effect.key
    assert (intent.kind, intent.peer, intent.session, intent.message) == (kind, peer, session, message)
    assert rows.read_intent(rows.intent_row(intent)) == intent
    json.dumps(intent.data)
