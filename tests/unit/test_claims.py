"""N4: mail that is just shown to one reader is not shown to another, and is not held for ever."""

from collections.abc import AsyncGenerator, AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.policy import Policy, Traits
from roost.daemon.serve.api.mail import Mail
from roost.daemon.serve.api.reading import ANY, LEASE, Reading
from roost.daemon.state.claims import Claims
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.waits import Waits
from roost.errors import WaitTimeoutError
from roost.host.memory.clock import VirtualClock
from roost.store.interfaces import Batch
from roost.store.memory import MemoryStore
from tests.support.wait import eventually


def test_N4_what_is_claimed_is_nobody_elses_until_it_is_let_go_of() -> None:
    claims = Claims()
    one, two = claims.claim(), claims.claim()
    assert one.take(["a", "b", "c"], 2) == ["a", "b"]
    assert two.take(["a", "b", "c"]) == ["c"]
    assert (one.ids, "a" in one, "a" in two) == (["a", "b"], True, False)
    assert one.take(["a"]) == []
    assert one.release()
    assert not one.release()
    assert two.take(["a", "b"]) == ["a", "b"]


def test_N4_a_reader_that_is_gone_takes_nothing_more() -> None:
    claims = Claims()
    gone = claims.claim()
    assert not gone.release()
    assert gone.take(["a"]) == []
    assert claims.claim().take(["a"]) == ["a"]


class Mailbox:
    """A mailbox `box` with mail in it, and its readers."""

    def __init__(self) -> None:
        self.clock, self.store, self.tasks, waits = VirtualClock(), MemoryStore(), Tasks(), Waits()
        self.fleet = Fleet(self.store, self.clock, Policy({"human": Traits(mailbox=True)}), self.tasks)
        self.fleet.listeners.on_committed.append(waits.committed)
        machine = cast("Any", SimpleNamespace(store=self.store, clock=self.clock))
        mail = Mail(machine, self.fleet, cast("Any", None), cast("Any", None))
        self.reading = Reading(self.fleet, waits, self.clock, mail, self.tasks)

    async def fill(self, *ids: str) -> None:
        """Each message has its id as its body."""
        peer = Peer("box", "5eed", Settings("/", "human"), self.clock.now())
        await self.fleet.add(peer)
        mail = [Message(each, "ann", "box", self.clock.now(), 1, "d") for each in ids]
        saved = tuple(c.SaveMessage(each) for each in mail)
        bodies = {each: each.encode() for each in ids}
        await self.store.commit(Batch(self.clock.now(), saved, bodies=bodies))
        self.fleet.load([PeerState.of(peer, (), mail)])

    def listen(self, timeout: float = 2 * LEASE) -> AsyncGenerator[dict[str, Any], None]:
        """What a listener is given."""
        return self.reading.listen("box", ANY, None, timeout)

    async def acknowledge(self, message_id: str) -> None:
        """Whoever was given it has shown it."""
        await self.fleet.tell("box", r.Acknowledge((message_id,)))

    async def show(self, given: AsyncGenerator[dict[str, Any], None]) -> list[str]:
        """Take, show and acknowledge all that is given."""
        shown: list[str] = []
        async for item in given:
            shown.append(item["id"])
            await self.acknowledge(item["id"])
        return shown


@pytest.fixture
async def box() -> AsyncIterator[Mailbox]:
    made = Mailbox()
    yield made
    await made.tasks.close()
    assert not made.clock.sleepers


async def test_N4_a_reader_that_takes_nothing_more_holds_its_mail_no_longer_than_another(
    box: Mailbox,
) -> None:
    await box.fill("a", "b", "c")
    stopped = box.listen()
    assert (await anext(stopped))["id"] == "a"  # on its way, and nobody takes anything
    following = box.tasks.start(box.show(box.listen()), "the next one")
    await box.clock.advance(LEASE - 1)
    assert not following.done()
    await box.clock.advance(2)
    await eventually(following.done, timeout=10, why="the claim of the stopped one is over")
    assert await following == ["a", "b", "c"]
    # It goes on: what it was given is read already, and it is given nothing that another was.
    await box.acknowledge("a")
    assert [item async for item in stopped] == []
    with pytest.raises(WaitTimeoutError):
        await anext(box.listen(0))


async def test_N4_a_reader_that_goes_on_showing_keeps_what_it_claimed_and_is_given_one_at_a_time(
    box: Mailbox,
) -> None:
    given: list[str] = []

    async def take() -> None:
        async for item in box.listen():
            given.append(item["id"])  # noqa: PERF401 -- each is looked at when it has come

    await box.fill("a", "b", "c")
    slow = box.tasks.start(take(), "the slow one")
    for count, message_id in enumerate(("a", "b", "c"), 1):
        await box.clock.advance(LEASE - 1)
        assert given == ["a", "b", "c"][:count], "the one before is not read yet"
        with pytest.raises(WaitTimeoutError):
            await anext(box.listen(0))
        await box.acknowledge(message_id)
    await slow


async def test_a_mailbox_is_heard_of_also_after_the_clock_was_set_back(box: Mailbox) -> None:
    """Else it shows for as long as that was that it was used just now."""
    await box.fill()
    for move in (60.0, -3600.0):
        box.clock.jump(move)
        await box.reading.heard("box")
        assert box.fleet.get("box").peer.since == box.clock.now()
