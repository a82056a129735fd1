"""The call channel: each offer ends in one event, and what is in doubt is asked for, not guessed (N4, P4)."""

from types import SimpleNamespace
from typing import Any

import pytest

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Examination, Message, MessageState
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.session import ControlKind, ControlRequest, Session, SessionState, WakeCause
from roost.daemon.delivery.call.channel import EVIDENCE, SILENT, CallChannel
from roost.runtimes.call import CallLostError
from roost.runtimes.memory_call import Fault, MemoryCall
from roost.runtimes.view import Reading

OFFERED = Message(
    "0" * 32, "asker", "worker", 0.0, 1, "d", state=MessageState.OFFERED, session="s1", attempts=1
)
KEY = c.offer_key(OFFERED)
OFFER = c.Offer("s1", "worker", OFFERED, redrive=False)
INTERRUPT = ControlRequest(ControlKind.INTERRUPT, "operator", 5.0)


class World:
    """A session at rest whose program's record is read at each look, on a clock that costs nothing."""

    def __init__(self, *, seen: bool = True) -> None:
        self.at = 0.0
        self.call = MemoryCall()
        self.message, self.seen = OFFERED, seen
        self.control: ControlRequest | None = None
        self.waits: list[str] = []
        self.live: Any = SimpleNamespace(
            peer="worker",
            session=SimpleNamespace(id="s1"),
            handover=None,
            entered=None,
            interrupting=frozenset(),
            compacted_at=0.0,
            runtime=SimpleNamespace(traits=SimpleNamespace(steers=False)),
        )
        parts: Any = (self.live, self.call, self, self, self)
        self.channel = CallChannel(*parts)

    def now(self) -> float:
        return self.at

    monotonic = now

    async def sleep(self, seconds: float) -> None:
        self.at += seconds

    def missing(self) -> str:
        return "its screen shows nothing"

    def find(self, _name: str) -> PeerState:
        session = Session("s1", "worker", 1, "n", WakeCause.FIRST_WAKE, False, 0.0, 0.0, control=self.control)
        peer = Peer("worker", "5eed", Settings("/w", "demo"), 0.0)
        return PeerState(peer, session, (self.message,))

    async def report(self, _name: str, event: f.OfferWaits) -> None:
        self.waits.append(event.why)

    async def look(self, *, screen: bool) -> Reading:
        """What the driver sees; where the record is `seen`, the message that stands there is accepted."""
        assert not screen
        if self.seen and KEY in self.call.prompts:
            state = MessageState.ACCEPTED if self.call.turn else MessageState.DONE
            self.message = Message(**{**_fields(OFFERED), "state": state})
        if self.call.asks is not None:
            return Reading(SessionState.BLOCKED, "it asks: may I?")
        if self.call.turn is not None:
            return Reading(SessionState.WORKING, "in a turn")
        return Reading(SessionState.IDLE, "at rest")


def _fields(message: Message) -> dict[str, Any]:
    return {name: getattr(message, name) for name in message.__struct_fields__}


async def test_an_offer_ends_with_the_evidence_in_the_record() -> None:
    world = World()
    assert await world.channel.offer(OFFER, "text") is None
    assert world.call.prompts == {KEY: "text"}
    assert "by a call" in world.live.handover.words(1.0)


@pytest.mark.parametrize("open_thing", ["turn", "permission"])
async def test_what_its_program_refuses_has_certainly_not_arrived(open_thing: str) -> None:
    """P4: a permission that is open is never answered by a delivery."""
    world = World()
    await world.call.submit("another", "x", joins=False)
    if open_thing == "permission":
        world.call.ask("1", "may I?")
    failed = await world.channel.offer(OFFER, "text")
    assert isinstance(failed, f.OfferFailed)
    assert failed.certain
    assert KEY not in world.call.prompts
    assert not world.call.answers


async def test_a_turn_that_began_since_the_look_is_refused_by_the_program_itself() -> None:
    world = World()
    submit = world.call.submit

    async def late(key: str, text: str, *, joins: bool, traceparent: str | None = None) -> None:
        world.call.turn = "of a person"
        await submit(key, text, joins=joins, traceparent=traceparent)

    world.call.submit = late
    failed = await world.channel.offer(OFFER, "text")
    assert isinstance(failed, f.OfferFailed)
    assert failed.certain
    assert world.live.handover.enters == 0


@pytest.mark.parametrize(
    ("fault", "verdict", "state"),
    [
        (Fault.LOST, Examination.ABSENT, MessageState.OFFERED),
        (Fault.UNHEARD, Examination.UNCLEAR, MessageState.ACCEPTED),
    ],
)
async def test_N4_after_a_call_without_an_answer_the_program_is_asked_what_it_has(
    fault: Fault, verdict: Examination, state: MessageState
) -> None:
    """What its record shows is accepted by that; the examination adds nothing to it."""
    world = World(seen=False)
    world.call.fault = fault
    failed = await world.channel.offer(OFFER, "text")
    assert isinstance(failed, f.OfferFailed)
    assert not failed.certain
    world.seen = True
    found = await world.channel.examine(OFFERED)
    assert (found.verdict, world.message.state) == (verdict, state)


async def test_N4_a_prompt_that_no_record_shows_is_in_doubt() -> None:
    """A program that says that it has it, and at rest does not show it."""
    world = World(seen=False)
    submit = world.call.submit

    async def swallowed(key: str, text: str, *, joins: bool, traceparent: str | None = None) -> None:
        await submit(key, text, joins=joins, traceparent=traceparent)
        world.call.turn = None

    world.call.submit = swallowed
    failed = await world.channel.offer(OFFER, "text")
    assert isinstance(failed, f.OfferFailed)
    assert not failed.certain
    assert world.at >= EVIDENCE
    assert (await world.channel.examine(OFFERED)).verdict is Examination.UNCLEAR


async def test_N4_a_program_that_never_answers_is_waited_for_with_a_word_and_a_bound() -> None:
    world = World(seen=False)

    async def silent(key: str) -> bool:
        del key
        world.at += 10.0
        raise CallLostError("its program does not answer")

    world.call.has = silent
    found = await world.channel.examine(OFFERED)
    assert found.verdict is Examination.UNCLEAR
    assert world.at >= SILENT
    assert "its program does not answer" in world.waits


async def test_an_interrupt_ends_the_turn_once() -> None:
    world = World()
    await world.call.submit(KEY, "text", joins=False)
    world.control = INTERRUPT
    done = await world.channel.interrupt(INTERRUPT)
    assert done.failed is None
    assert world.call.interrupts == 1
    assert world.call.turn is None


async def test_an_interrupt_that_ends_nothing_is_asked_again_and_told() -> None:
    world = World()
    await world.call.submit(KEY, "text", joins=False)
    world.control = INTERRUPT

    async def deaf() -> None:
        world.call.interrupts += 1

    world.call.interrupt = deaf
    done = await world.channel.interrupt(INTERRUPT)
    assert "did not end" in (done.failed or "")
    assert world.call.interrupts > 1


async def test_a_program_that_cannot_compact_says_so() -> None:
    world = World()
    world.control = ControlRequest(ControlKind.COMPACT, "operator", 5.0)
    done = await world.channel.compact(world.control)
    assert done.failed == "it cannot compact its conversation"
