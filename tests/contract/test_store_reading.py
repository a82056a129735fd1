"""What every Store promises of reading: SQLite on disk and the twin in memory."""

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.message import MessageState, Notice
from roost.store.errors import AmbiguousIdError
from roost.store.interfaces import (
    Attempt,
    Batch,
    Store,
    Wanted,
)
from tests.support.store_samples import BODY, death, mail, message, peer, session


async def test_messages_are_filtered_and_come_newest_last(store: Store) -> None:
    rows = [message(n, "a" if n % 2 else "b", sender="x" if n < 4 else "y") for n in range(1, 7)]
    await store.commit(mail(*rows))
    done = replace(rows[4], state=MessageState.DONE)
    await store.commit(Batch(1.0, (c.SaveMessage(done),)))
    rows[4] = done
    assert await store.messages() == rows
    assert await store.messages(limit=2) == rows[-2:]
    assert await store.messages(limit=0) == []
    assert await store.messages(Wanted("a")) == [rows[0], rows[2], done]
    assert await store.messages(Wanted("a", state=MessageState.QUEUED)) == [rows[0], rows[2]]
    assert await store.messages(Wanted(state=MessageState.DONE)) == [done]
    assert await store.messages(Wanted("b", "y")) == [rows[3], rows[5]]
    assert await store.messages(Wanted("nobody")) == []


async def test_N3_a_message_tells_its_whole_story(store: Store) -> None:
    question = message(1)
    reply = message(2, "asker", sender="worker", reply_to=question.id)
    notice = message(
        3, "asker", sender="roost", reply_to=question.id, notice=Notice(question.id, "died", "x")
    )
    await store.commit(mail(question))
    for n in range(3):
        await store.commit(Batch(10.0 + n, (c.SaveAttempt(question.id, "s", f"step {n}", "why"),)))
    await store.commit(mail(reply, notice))
    found = await store.message(question.id)
    assert found is not None
    assert found.attempts == tuple(Attempt(n + 1, 10.0 + n, "s", f"step {n}", "why") for n in range(3))
    assert [each.id for each in found.replies] == [reply.id], "a notice is no reply"


async def test_a_message_is_found_by_four_digits_when_they_are_clear(store: Store) -> None:
    one = replace(message(1), id="abcdef01" + "0" * 24)
    two = replace(message(2), id="abcdef02" + "0" * 24)
    twin = replace(message(3), id="abcdef02" + "f" * 24)
    await store.commit(mail(one, two, twin))
    assert await store.resolve("abcdef01") == one.id
    assert await store.resolve("ABCDEF01") == one.id
    assert await store.resolve("abc") is None
    assert await store.resolve("0000") is None
    assert await store.resolve("abcdef03") is None
    assert await store.resolve("abcdef0_") is None
    assert await store.resolve("") is None
    with pytest.raises(AmbiguousIdError, match="more digits"):
        await store.resolve("abcdef02")
    with pytest.raises(AmbiguousIdError, match="more digits"):
        await store.resolve("abcd")
    with pytest.raises(AmbiguousIdError):
        await store.message("abcdef02")
    assert await store.resolve(two.id) == two.id
    found = await store.message("abcdef02f")
    assert found is not None
    assert found.message == twin


async def test_inbox_holds_the_unread_with_their_bodies(store: Store) -> None:
    await store.commit(mail(message(2, "me"), message(1, "me"), message(3, "other")))
    assert await store.inbox("me") == [(message(2, "me"), BODY), (message(1, "me"), BODY)]
    await store.commit(Batch(1.0, (c.SaveMessage(message(2, "me", state=MessageState.DONE)),)))
    assert await store.inbox("me") == [(message(1, "me"), BODY)]
    read = (message(2, "me", state=MessageState.DONE), BODY)
    assert await store.inbox("me", read=True) == [read, (message(1, "me"), BODY)], "and can be read again"
    assert await store.inbox("me", 104.0, read=True) == [read], "it was made at 104 s"


async def test_messages_are_found_by_topic_time_and_text(store: Store) -> None:
    texts = "Straße 'x' _%y".encode(), b"a\x00Bcy"
    one, two = (message(n + 1, topic=t, size=len(texts[n])) for n, t in enumerate(("Deploy 50%", "deploy")))
    await store.commit(Batch(1.0, (c.SaveMessage(one),), bodies={one.id: texts[0]}))
    await store.commit(Batch(2.0, (c.SaveMessage(two),), bodies={two.id: texts[1]}))
    assert await store.messages(Wanted(topic="deploy")) == [two]
    assert await store.messages(Wanted(since=104.0)) == [two]
    for text, found in (
        ("DEPLOY", [one, two]),
        ("straße '", [one]),
        ("_%", [one]),
        ("bC", [two]),
        ("y", [one, two]),
    ):
        assert await store.messages(Wanted(text=text)) == found, text
    assert await store.messages(Wanted(text="%b")) == []
    assert await store.messages(Wanted(text="deploy", state=MessageState.QUEUED, to="worker"), 1) == [two]


async def test_heads_are_the_beginnings_of_bodies_in_one_line(store: Store) -> None:
    bodies = {
        f"{n:032x}": body
        for n, body in enumerate([b"one line", b"\n  a\tb \nmore", b"x" * 1200, b"", "ü".encode() * 800])
    }
    for n, (ident, body) in enumerate(bodies.items()):
        made = message(n, size=len(body))
        await store.commit(Batch(1.0, (c.SaveMessage(made),), bodies={ident: body}))
    found = await store.heads(list(bodies))
    assert list(found.values()) == ["one line", "a b…", "x" * 119 + "…", "", "ü" * 119 + "…"]
    assert await store.heads([]) == {}


async def test_the_body_of_a_refused_message_is_passed_over(store: Store) -> None:
    taken = mail(message(1))
    await store.commit(replace(taken, bodies={**taken.bodies, message(2).id: BODY}))
    assert [await store.body(message(1).id) for _ in range(2)] == [BODY, BODY]
    assert await store.body(message(2).id) is None


async def test_decisions_of_one_batch_may_save_a_new_message_again(store: Store) -> None:
    taken = mail(message(1))
    await store.commit(replace(taken, changes=(*taken.changes, c.SaveMessage(message(1, why="later")))))
    assert await store.messages() == [message(1, why="later")]
    assert await store.body(message(1).id) == BODY


async def test_an_empty_body_needs_no_bytes(store: Store) -> None:
    await store.commit(Batch(1.0, (c.SaveMessage(message(1, size=0)),)))
    assert await store.body(message(1).id) == b""


async def test_events_resume_by_number(store: Store) -> None:
    for n in range(5):
        await store.commit(
            Batch(float(n), journal=(c.Journal("idle", "ab"[n % 2]), c.Journal("working", "c")))
        )
    assert [row.seq for row in await store.events()] == list(range(1, 11))
    assert await store.last_seq() == 10
    assert [row.seq for row in await store.events(after=8)] == [9, 10]
    assert [row.seq for row in await store.events(after=2, limit=3)] == [3, 4, 5]
    assert [row.ts for row in await store.events(peer="b")] == [1.0, 3.0]
    assert await store.events(after=10) == []


async def test_events_are_read_backwards_by_number(store: Store) -> None:
    for n in range(5):
        await store.commit(
            Batch(float(n), journal=(c.Journal("idle", "ab"[n % 2]), c.Journal("working", "c")))
        )
    assert [row.seq for row in await store.events_before(2**63 - 1, limit=3)] == [8, 9, 10]
    assert [row.seq for row in await store.events_before(8, limit=3)] == [5, 6, 7]
    assert [row.seq for row in await store.events_before(3)] == [1, 2]
    assert [row.ts for row in await store.events_before(10, "b")] == [1.0, 3.0]
    assert await store.events_before(1) == []
    assert await store.events_before(5, limit=0) == []


async def test_deaths_come_newest_last(store: Store) -> None:
    for generation in (1, 2, 3):
        one = session(generation=generation)
        await store.commit(
            Batch(
                1.0, (c.SavePeer(peer()), c.SaveSession(one), c.CloseSession(death(one, 10.0 * generation)))
            )
        )
    assert [each.generation for each in await store.deaths()] == [1, 2, 3]
    assert [each.generation for each in await store.deaths(limit=2)] == [2, 3]
    assert [each.generation for each in await store.deaths("worker", 1)] == [3]
    assert await store.deaths("other") == []
