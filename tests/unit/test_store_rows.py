"""Rows hold every field of the core's dataclasses, and nothing else is taken for one."""

import json
from dataclasses import fields

import pytest

from roost.core.commands import Effect, End, Examine, Launch, Notify, Offer
from roost.core.identity import ProcessId
from roost.core.message import Message, Notice
from roost.core.peer import LastDeath, Peer, PendingWake, Quarantine, Settings
from roost.core.session import Cause, Death, Ending, Processes, Session, WakeCause
from roost.store import rows
from roost.store.codec import FLAG, NUMBER, PAIR, TEXT, WHOLE, Coder, Shape, items, optional, to_text
from roost.store.errors import BrokenRowError
from roost.store.interfaces import intent_for

SHAPES = [
    (rows.SETTINGS, Settings),
    (rows.PENDING, PendingWake),
    (rows.QUARANTINE, Quarantine),
    (rows.LAST_DEATH, LastDeath),
    (rows.PEER, Peer),
    (rows.PROCESS, ProcessId),
    (rows.PROCESSES, Processes),
    (rows.ENDING, Ending),
    (rows.SESSION, Session),
    (rows.NOTICE, Notice),
]


@pytest.mark.parametrize(("shape", "kind"), SHAPES, ids=lambda value: getattr(value, "__name__", ""))
def test_a_shape_names_every_field(shape: Shape[object], kind: type) -> None:
    assert shape.made is kind
    assert list(shape.fields) == [field.name for field in fields(kind)]


def test_the_columns_hold_every_field() -> None:
    columns = {"recipient": "to"}
    stored = [columns.get(name, name) for name in rows.MESSAGE_COLUMNS.split(", ")]
    assert sorted(stored) == sorted(field.name for field in fields(Message))
    assert rows.DEATH_COLUMNS.split(", ") == [field.name for field in fields(Death)]


@pytest.mark.parametrize(
    ("coder", "bad"),
    [
        (TEXT, 1),
        (TEXT, None),
        (FLAG, 1),
        (WHOLE, True),
        (WHOLE, 1.0),
        (NUMBER, "1"),
        (NUMBER, True),
        (items(TEXT), "ab"),
        (items(TEXT), [1]),
        (optional(TEXT), 1),
        (PAIR, ["a"]),
        (rows.ENDING.coder, []),
        (rows.ENDING.coder, {}),
        (rows.ENDING.coder, {"cause": "oom", "by": "x", "at": 1, "more": 1}),
        (rows.ENDING.coder, {"cause": "boredom", "by": "x", "at": 1}),
    ],
)
def test_what_is_not_of_the_shape_is_refused(coder: Coder, bad: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        coder.load(bad)


def test_a_missing_setting_takes_its_default() -> None:
    made = Peer("p", "s", Settings("/", "demo"), 1.0)
    raw = rows.PEER.dump(made)
    del raw["settings"]["restart_window"], raw["since"]
    assert rows.read_peer("p", to_text(raw)) == made


def test_an_unknown_setting_is_named() -> None:
    raw = rows.PEER.dump(Peer("p", "s", Settings("/", "demo"), 1.0))
    raw["settings"]["colour"] = "red"
    with pytest.raises(BrokenRowError, match="peer 'p' cannot be read from the store: 'colour' is unknown"):
        rows.read_peer("p", to_text(raw))


@pytest.mark.parametrize("data", ["", "{", "[]", "null", "7"])
def test_a_row_that_is_no_object_is_named(data: str) -> None:
    with pytest.raises(BrokenRowError, match="session s1 cannot be read"):
        rows.read_session("s1", data)


SESSION = Session("s1", "p", 1, "n", WakeCause.EPHEMERAL, False, 1.0, 1.0)
MESSAGE = Message("m1", "asker", "p", 1.0, 1, "d", attempts=2)


@pytest.mark.parametrize(
    ("effect", "kind", "peer", "session", "message"),
    [
        (Launch(SESSION), "launch", "p", "s1", None),
        (Offer("s1", "p", MESSAGE, redrive=True), "offer", "p", "s1", "m1"),
        (Examine(None, "p", MESSAGE, "c1"), "examine", "p", None, "m1"),
        (End(SESSION, Cause.RESTART, "operator", guarded=False), "end", "p", "s1", None),
        (Notify("n1", "asker", Notice("m1", "died", "oom")), "notice", "asker", None, "m1"),
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
