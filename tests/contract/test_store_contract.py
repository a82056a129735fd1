"""What every Store promises of writing: SQLite on disk and the twin in memory."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import (
    PeerState,
)
from roost.errors import StoreError
from roost.store.errors import BatchError, DuplicateMessageError, StoreClosedError
from roost.store.interfaces import (
    Attempt,
    Batch,
    Counts,
    Intent,
    JournalRow,
    Store,
    StoredMessage,
    Token,
    Wanted,
    intent_for,
)
from tests.support.store_samples import (
    BODY,
    FULL_DEATH,
    FULL_MESSAGE,
    FULL_PEER,
    FULL_SESSION,
    Box,
    death,
    mail,
    message,
    peer,
    session,
)


async def test_every_field_comes_back_as_it_was(box: Box) -> None:
    await box.store.commit(
        Batch(
            1.0,
            (c.SavePeer(FULL_PEER), c.SaveSession(FULL_SESSION), c.SaveMessage(FULL_MESSAGE)),
            bodies={FULL_MESSAGE.id: BODY},
        )
    )
    store = await box.reopen()
    assert await store.peers() == [PeerState(FULL_PEER, FULL_SESSION, (FULL_MESSAGE,))]
    await store.commit(Batch(2.0, (c.CloseSession(FULL_DEATH),)))
    store = await box.reopen()
    assert await store.deaths() == [FULL_DEATH]
    assert await store.peers() == [PeerState(FULL_PEER, None, (FULL_MESSAGE,))]


async def test_G1_what_a_store_has_closed_or_removed_is_told_from_what_it_never_knew(store: Store) -> None:
    await store.commit(
        Batch(
            1.0,
            (c.SavePeer(FULL_PEER), c.SaveSession(FULL_SESSION)),
            (c.Journal("stopped", "gone", "s-purged"), c.Journal("removed", "gone")),
        )
    )
    asked = [FULL_SESSION.id, "s-purged", "s-never"]
    assert await store.closed(asked) == {"s-purged"}
    await store.commit(Batch(2.0, (c.CloseSession(FULL_DEATH),)))
    assert await store.closed(asked) == {FULL_SESSION.id, "s-purged"}
    assert await store.closed([]) == frozenset()
    assert await store.removed([FULL_PEER.name, "gone", "never"]) == {"gone"}


@pytest.mark.parametrize(
    "change",
    [
        {"state": MessageState.UNKNOWN},
        {"why": "because"},
        {"expires_at": 1.5},
        {"not_before": 1.5},
        {"accepted_at": 1.5},
        {"done_at": 1.5},
        {"session": "s"},
        {"attempts": 3},
        {"cut": True},
        {"redriven": True},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_every_field_that_changes_is_stored_again(store: Store, change: dict[str, Any]) -> None:
    await store.commit(Batch(1.0, (c.SavePeer(peer()),)))
    await store.commit(mail(message(1)))
    await store.commit(Batch(2.0, (c.SaveMessage(message(1, **change)),)))
    assert await store.peers() == [PeerState(peer(), None, (message(1, **change),))]


async def test_a_batch_is_there_after_reopening_with_all_its_parts(box: Box) -> None:
    first = session()
    launch = c.Launch(first)
    rows = await box.store.commit(
        Batch(
            105.0,
            (
                c.SavePeer(peer()),
                c.SaveSession(first),
                c.SaveMessage(message(1)),
                c.SaveAttempt(message(1).id, first.id, "offered", "being handed over"),
            ),
            (
                c.Journal(
                    "starting", "worker", first.id, None, "first-wake", {"resume": False, "n": [1, None]}
                ),
            ),
            {message(1).id: BODY},
            (intent_for(launch, 105.0),),
            (),
            (Token("hash", first.id, "worker"),),
            {"port": "4711"},
        )
    )
    expected = JournalRow(
        1, 105.0, "starting", "worker", first.id, None, "first-wake", {"resume": False, "n": [1, None]}
    )
    assert rows == (expected,)
    store = await box.reopen()
    loaded = await store.load()
    assert loaded.peers == (PeerState(peer(), first, (message(1),)),)
    assert loaded.intents == (Intent(launch.key, "launch", "worker", 105.0, first.id),)
    assert loaded.schema == await store.schema() >= 1
    assert await store.events() == [expected]
    assert await store.body(message(1).id) == BODY
    assert await store.token("hash") == (first.id, "worker")
    assert await store.meta("port") == "4711"
    story = StoredMessage(message(1), (Attempt(1, 105.0, first.id, "offered", "being handed over"),), ())
    assert await store.message(message(1).id) == story
    assert await store.counts() == Counts(1, 1, 1)


async def test_L6_an_empty_store_answers_everything(store: Store) -> None:
    assert await store.peers() == []
    assert (await store.load()).intents == ()
    assert await store.resolve("0" * 32) is None
    assert await store.message("0" * 32) is None
    assert await store.messages() == []
    assert await store.body("0" * 32) is None
    assert await store.inbox("me") == []
    assert await store.events() == []
    assert await store.last_seq() == 0
    assert await store.deaths() == []
    assert await store.token("hash") is None
    assert await store.meta("port") is None
    assert await store.counts() == Counts(0, 0, 0)
    assert await store.commit(Batch(1.0)) == ()


async def test_unfinished_messages_load_in_order_of_arrival_whatever_happened_to_them(box: Box) -> None:
    numbers = [5, 3, 9, 1]
    await box.store.commit(Batch(1.0, (c.SavePeer(peer()),)))
    for number in numbers:
        await box.store.commit(mail(message(number)))
    back = message(5, state=MessageState.QUEUED, attempts=2, not_before=9.0, why="again")
    done = message(3, state=MessageState.DONE, done_at=9.0)
    unknown = message(9, state=MessageState.UNKNOWN)
    await box.store.commit(Batch(2.0, (c.SaveMessage(unknown), c.SaveMessage(back), c.SaveMessage(done))))
    (state,) = await (await box.reopen()).peers()
    assert state.messages == (back, unknown, message(1))


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(Batch(1.0, (c.SaveSession(session("nobody")),)), id="session-without-peer"),
        pytest.param(Batch(1.0, (c.SaveSession(session(generation=2)),)), id="second-live-session"),
        pytest.param(Batch(1.0, (c.CloseSession(death(session(generation=7))),)), id="death-of-a-stranger"),
        pytest.param(
            Batch(1.0, (c.CloseSession(replace(death(session()), generation=2)),)),
            id="L3-death-of-another-generation",
        ),
        pytest.param(Batch(1.0, (c.SaveMessage(message(8)),)), id="message-without-body"),
        pytest.param(Batch(1.0, (c.SaveMessage(message(8)),), bodies={message(8).id: b"x"}), id="cut-body"),
        pytest.param(Batch(1.0, (c.SaveAttempt("f" * 32, None, "offered", ""),)), id="attempt-of-nothing"),
        pytest.param(Batch(1.0, journal=(c.Journal("gc", "x", data={"x": object()}),)), id="data-no-json"),
        pytest.param(Batch(1.0, journal=(c.Journal("gc", "x", data={"x": float("nan")}),)), id="data-nan"),
        pytest.param(Batch(1.0, (object(),)), id="no-change"),  # type: ignore[arg-type]
        pytest.param(mail(message(1)), id="message-stored-already"),
    ],
)
async def test_a_bad_batch_stores_nothing_and_leaves_its_neighbours_alone(box: Box, bad: Batch) -> None:
    await box.store.commit(Batch(1.0, (c.SavePeer(peer()), c.SaveSession(session()))))
    await box.store.commit(mail(message(1)))
    spoiled = replace(
        bad,
        changes=(c.SavePeer(peer("stray")), *bad.changes),
        journal=(c.Journal("added", "stray"), *bad.journal),
        meta={"stray": "1"},
        intents=(Intent("k", "launch", "stray", 1.0),),
    )
    results = await asyncio.gather(
        box.store.commit(mail(message(2))),
        box.store.commit(spoiled),
        box.store.commit(mail(message(3))),
        return_exceptions=True,
    )
    assert isinstance(results[1], BatchError), results[1]
    assert "nothing" in results[1].message or "cannot be stored" in results[1].message
    seqs = [row.seq for result in (results[0], results[2]) for row in result]  # type: ignore[union-attr]
    assert seqs == [2, 3], "the failed batch used no number"
    store = await box.reopen()
    (state,) = await store.peers()
    assert state == PeerState(peer(), session(), (message(1), message(2), message(3)))
    assert await store.meta("stray") is None
    assert (await store.load()).intents == ()
    assert [row.kind for row in await store.events()] == ["queued"] * 3


async def test_N4_a_message_id_is_stored_once(store: Store) -> None:
    await store.commit(mail(message(1)))
    with pytest.raises(DuplicateMessageError, match="already"):
        await store.commit(mail(message(1, state=MessageState.QUEUED, why="again")))
    await store.commit(Batch(3.0, (c.SaveMessage(message(1, state=MessageState.DONE)),)))
    with pytest.raises(DuplicateMessageError):
        await store.commit(mail(message(1)))


async def test_a_row_may_come_after_what_refers_to_it_in_the_same_batch(store: Store) -> None:
    await store.commit(
        Batch(
            1.0,
            (
                c.SaveAttempt(message(1).id, None, "offered", ""),
                c.SaveMessage(message(1)),
                c.SaveSession(session()),
                c.SavePeer(peer()),
            ),
            bodies={message(1).id: BODY},
        )
    )
    assert await store.peers() == [PeerState(peer(), session(), (message(1),))]


async def test_one_batch_may_close_a_session_and_open_the_next(store: Store) -> None:
    await store.commit(Batch(1.0, (c.SavePeer(peer()), c.SaveSession(session()))))
    await store.commit(
        Batch(
            2.0,
            (
                c.SaveSession(session()),
                c.CloseSession(death(session())),
                c.SaveSession(session(generation=2)),
            ),
        )
    )
    (state,) = await store.peers()
    assert state.session == session(generation=2)
    assert await store.deaths() == [death(session())]


async def test_H3_a_session_dies_once_and_never_lives_again(store: Store) -> None:
    await store.commit(
        Batch(
            1.0, (c.SavePeer(peer()), c.SaveSession(session())), tokens=(Token("h", session().id, "worker"),)
        )
    )
    await store.commit(Batch(2.0, (c.CloseSession(death(session())),)))
    assert await store.token("h") is None, "its token went with it"
    for late in (c.CloseSession(death(session(), 120.0)), c.SaveSession(session())):
        with pytest.raises(BatchError):
            await store.commit(Batch(3.0, (late,)))
    assert await store.deaths() == [death(session())]


async def test_H3_hundreds_end_together_or_not_at_all(box: Box) -> None:
    names = [f"p{number:04}" for number in range(700)]  # more than one statement holds
    made = [peer(name) for name in names]
    lives = [session(name) for name in names]
    await box.store.commit(
        Batch(
            1.0,
            (*map(c.SavePeer, made), *map(c.SaveSession, lives)),
            tokens=tuple(Token(f"h{each.id}", each.id, each.peer) for each in lives),
            intents=tuple(intent_for(c.Launch(each), 1.0) for each in lives),
        )
    )
    stopped = replace(made[650], stopped=True)
    ends = Batch(
        2.0,
        (*(c.CloseSession(death(each)) for each in lives), c.SavePeer(stopped)),
        tuple(c.Journal("stopped", each.peer, each.id, data={"of": each.peer}) for each in lives),
        settled=tuple(c.Launch(each).key for each in lives[1:]),
    )
    twice = replace(ends, changes=(*ends.changes, c.CloseSession(death(lives[600]))))
    late = replace(ends, changes=(*ends.changes, c.SaveSession(lives[5])))
    for bad in (twice, late):
        with pytest.raises(BatchError, match="nothing was stored"):
            await box.store.commit(bad)
    assert [state.session for state in await box.store.peers()] == lives
    written = await box.store.commit(ends)
    assert [(row.seq, row.session) for row in written] == [(n, each.id) for n, each in enumerate(lives, 1)]
    store = await box.reopen()
    assert await store.peers() == [PeerState(stopped if each == made[650] else each) for each in made]
    assert await store.deaths(limit=1000) == [death(each) for each in lives]
    assert tuple(await store.events()) == written
    assert [intent.session for intent in (await store.load()).intents] == [lives[0].id]
    assert await store.token(f"h{lives[650].id}") is None


async def test_intents_stay_until_settled_and_a_key_can_be_stored_anew(box: Box) -> None:
    first, second = (
        Intent("a", "launch", "p", 1.0),
        Intent("b", "offer", "p", 2.0, "s", "m", {"redrive": True}),
    )
    await box.store.commit(Batch(1.0, intents=(second, first)))
    assert (await (await box.reopen()).load()).intents == (first, second)
    again = replace(first, at=3.0)
    await box.store.commit(Batch(3.0, settled=("a", "b", "unknown"), intents=(again,)))
    assert (await (await box.reopen()).load()).intents == (again,)


async def test_P11_purge_takes_all_of_one_peer_and_nothing_of_its_namesakes(box: Box) -> None:
    names = ("work", "worker", "worker-2", "workers")
    for number, name in enumerate(names, 1):
        old, new = session(name), session(name, 2)
        to, by = message(number, name), message(number + 10, "elsewhere", sender=name)
        await box.store.commit(
            Batch(
                1.0,
                (c.SavePeer(peer(name)), c.SaveSession(old), c.CloseSession(death(old)), c.SaveSession(new)),
                intents=(Intent(f"launch:{name}", "launch", name, 1.0),),
                tokens=(Token(f"hash-{name}", new.id, name),),
            )
        )
        await box.store.commit(mail(to, by))
        await box.store.commit(Batch(1.0, (c.SaveAttempt(to.id, None, "offered", ""),)))
    before = await box.store.events()
    await box.store.commit(Batch(2.0, (c.Purge("worker"),), (c.Journal("removed", "worker"),)))
    assert await box.store.body(message(2).id) is None
    store = await box.reopen()

    assert [state.peer.name for state in await store.peers()] == ["work", "worker-2", "workers"]
    assert {each.peer for each in await store.deaths()} == {"work", "worker-2", "workers"}
    assert {each.peer for each in (await store.load()).intents} == {"work", "worker-2", "workers"}
    assert await store.token("hash-worker") is None
    assert await store.token("hash-workers") is not None
    assert await store.message(message(2).id) is None
    assert await store.body(message(2).id) is None
    assert await store.messages(Wanted("elsewhere", "worker")) == [message(12, "elsewhere", sender="worker")]
    assert len(await store.messages()) == 7
    assert (await store.events())[:-1] == before, "the journal stays"
    assert (await store.events())[-1].seq == before[-1].seq + 1

    heir = Batch(3.0, (c.SavePeer(peer()), c.SaveSession(session())))
    await store.commit(heir)
    (state,) = [state for state in await store.peers() if state.peer.name == "worker"]
    assert state == PeerState(peer(), session()), "a new peer of the same name inherits nothing"
    assert await store.deaths("worker") == []


async def test_batches_are_stored_in_the_order_of_commit(store: Store) -> None:
    count = 200
    rows = await asyncio.gather(
        *(store.commit(Batch(1.0, journal=(c.Journal("idle", "p", data={"n": n}),))) for n in range(count))
    )
    assert [row.seq for (row,) in rows] == list(range(1, count + 1))
    assert [row.data["n"] for row in await store.events()] == list(range(count))


async def test_what_was_committed_is_read(store: Store) -> None:
    for n in range(1, 20):
        await store.commit(mail(message(n)))
        found = await store.message(message(n).id)
        assert found is not None
        assert await store.last_seq() == n


async def test_a_cancelled_caller_disturbs_nobody(store: Store) -> None:
    waiting = asyncio.ensure_future(store.commit(mail(message(1))))
    other = asyncio.ensure_future(store.commit(mail(message(2))))
    await asyncio.sleep(0)
    waiting.cancel()
    assert len(await other) == 1
    await store.commit(mail(message(3)))
    assert message(2) in await store.messages()


async def test_close_stores_what_was_handed_over_and_then_refuses(box: Box) -> None:
    handed = [asyncio.ensure_future(box.store.commit(mail(message(n)))) for n in range(1, 50)]
    await asyncio.sleep(0)
    await box.store.close()
    await asyncio.gather(*handed)
    await box.store.close()
    with pytest.raises(StoreClosedError):
        await box.store.commit(mail(message(99)))
    with pytest.raises(StoreError, match="closed"):
        await box.store.messages()
    assert len(await (await box.reopen()).messages()) == 49


async def test_G2_each_commit_is_told_of_before_it_is_acknowledged(store: Store) -> None:
    told: list[tuple[int, float]] = []
    store.follow(lambda seq, at: told.append((seq, at)))
    rows = await store.commit(Batch(1.0, journal=(c.Journal("a", "x"), c.Journal("b", "x"))))
    assert told == [(rows[-1].seq, 1.0)]
    await store.commit(Batch(2.0, meta={"no": "event"}))
    with pytest.raises(StoreError):
        await store.commit(Batch(3.0, (c.CloseSession(death(session())),), (c.Journal("c", "x"),)))
    assert len(told) == 1


async def test_of_several_new_messages_the_one_that_is_there_already_is_named(box: Box) -> None:
    """Nothing of them is stored, and what comes next is numbered as if they had never been."""
    await box.store.commit(Batch(1.0, (c.SavePeer(peer()),)))
    await box.store.commit(mail(message(1)))
    with pytest.raises(DuplicateMessageError, match=f"{1:032x}"):
        await box.store.commit(mail(message(2), message(1), message(3)))
    with pytest.raises(BatchError, match=f"message {5:032x} is of"):
        await box.store.commit(mail(message(4), message(5, size=1)))
    await box.store.commit(mail(message(6), message(7)))
    assert [each.id for each in await box.store.messages()] == [f"{number:032x}" for number in (1, 6, 7)]
    assert [await box.store.body(f"{number:032x}") for number in (1, 6, 7)] == [BODY] * 3
    assert [body for _, body in await box.store.inbox("worker")] == [BODY] * 3
