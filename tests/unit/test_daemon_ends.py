"""A turn whose end stands in no record: what has become of its message (N3)."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from roost.core.messages import envelope
from roost.core.vocabulary.commands import SaveMessage, SavePeer, SaveSession
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.question import Asking, Option, Question, QuestionState, Source
from roost.core.vocabulary.session import Cause, Ending, SessionState, stand_in
from roost.daemon.session.facts import ASKED, Facts
from roost.daemon.session.known_session import KnownSession
from roost.daemon.session.live_sessions import LiveSession
from roost.daemon.session.observations import UNRECORDED, Observations
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.errors import StoreError
from roost.host.memory.clock import VirtualClock
from roost.runtimes.facts import INTERRUPTED, Answered, Fact, Prompted, TurnOver
from roost.runtimes.runtime import Controls
from roost.runtimes.view import Composer, Reading, View
from roost.store.interfaces import Batch
from roost.store.memory import MemoryStore

NOTHING = cast("Any", None)
PEER = Peer("worker", "5eed", Settings("/w", "claude"), 0.0)
SESSION = replace(stand_in("s", "worker", 1, None), state=SessionState.IDLE, ready=True)
TAKEN = Message(
    "a" * 32, "operator", "worker", 0.0, 0, "d", state=MessageState.ACCEPTED, session="s", attempts=1
)
REPLY = Message("b" * 32, "worker", "operator", 1.0, 0, "d", reply_to=TAKEN.id)
REST = Reading(SessionState.IDLE, "at its prompt")


class FailingStore(MemoryStore):
    """Cannot be read as long as it `fails`."""

    fails = False

    async def message(self, message_id: str) -> Any:  # noqa: ANN401 -- as it is there
        if self.fails:
            raise StoreError("the disk does not answer")
        return await super().message(message_id)


class World:
    """A session at its prompt that has taken a message, and what is told of it."""

    def __init__(self) -> None:
        self.clock, self.store = VirtualClock(), FailingStore()
        self.fleet = Fleet(self.store, self.clock, Policy(), Tasks())
        self.fleet.load([PeerState(PEER, SESSION, (TAKEN,))])
        runtime: Any = SimpleNamespace(controls=Controls())
        live = LiveSession(cast("Any", SimpleNamespace(session=SESSION)), runtime, NOTHING, NOTHING, 7)
        live.view = View(Composer.EMPTY)
        self.live = live
        known = KnownSession(live, self.fleet)
        self._observations = Observations(live, known, NOTHING, self.clock)
        self.facts = Facts(live, known, self.clock)

    def ends(self, cause: Cause | None) -> None:
        """It is being ended for this cause, or is not."""
        ending = Ending(cause, "operator", 0.0) if cause is not None else None
        self.fleet.load([PeerState(PEER, replace(SESSION, ending=ending), (TAKEN,))])

    async def store_with(self, *messages: Message) -> None:
        changes = [SaveMessage(each) for each in messages]
        await self.store.commit(Batch(at=0.0, changes=(SavePeer(PEER), SaveSession(SESSION), *changes)))

    async def look(self, reading: Reading, view: View) -> None:
        """One look shows this."""
        self.live.view = view
        await self._observations.tell(reading)

    async def leaves(self) -> None:
        """Its program has ended."""
        await self._observations.left()

    async def rest(self) -> None:
        """It is at its prompt for the time after which the turn counts as over."""
        for _ in range(2):
            await self._observations.tell(REST)
            await self.clock.advance(UNRECORDED)

    async def end(self) -> Message:
        """What the message has come to."""
        stored = await self.store.message(TAKEN.id)
        assert stored is not None
        return stored.message


@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (REPLY, MessageState.DONE),
        (replace(REPLY, sender="operator", to="worker"), MessageState.DEAD_LETTER),
        (None, MessageState.DEAD_LETTER),
    ],
    ids=["a reply", "its sender's own addition", "no reply"],
)
@pytest.mark.parametrize("composer", [Composer.EMPTY, Composer.FILLED], ids=["at rest", "with a draft"])
async def test_N3_a_reply_is_an_answer_where_the_record_holds_none(
    reply: Message | None, state: MessageState, composer: Composer
) -> None:
    """Claude Code 2.1.332 can be told to write no record; a full disk has it write none."""
    world = World()
    world.live.view = View(composer)
    await world.store_with(TAKEN, *([reply] if reply is not None else []))
    await world.rest()
    assert (await world.end()).state is state


async def test_N3_what_the_store_does_not_tell_now_is_asked_again() -> None:
    world = World()
    await world.store_with(TAKEN, REPLY)
    world.store.fails = True
    await world.rest()
    world.store.fails = False
    assert (await world.end()).state is MessageState.ACCEPTED
    await world.rest()
    assert (await world.end()).state is MessageState.DONE


BROKEN_OFF = TurnOver("its conversation", INTERRUPTED, interrupted=True, leaves=True)
"""What OpenCode 1.18.33 writes at a person's Escape, and when a signal ends it."""


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        (None, None, MessageState.ACCEPTED),
        (Cause.OPERATOR_STOP, Cause.OPERATOR_STOP, MessageState.ACCEPTED),
        (None, Cause.OPERATOR_STOP, MessageState.DEAD_LETTER),
        (None, Cause.SERVER_EXIT, MessageState.ACCEPTED),
    ],
    ids=["a signal", "a stop", "a person, then a stop", "its terminal is gone"],
)
async def test_N2_a_turn_that_its_program_breaks_off_as_it_leaves_is_left_to_the_death(
    before: Cause | None, after: Cause | None, state: MessageState
) -> None:
    """It became a dead letter, "interrupted at its terminal", where nobody was."""
    world = World()
    await world.store_with(TAKEN)
    world.live.prompted = {TAKEN.id}
    world.ends(before)
    await world.facts.note(BROKEN_OFF)
    world.ends(after)
    await world.facts.left()
    assert (await world.end()).state is state


async def test_N2_a_turn_that_is_broken_off_in_a_program_that_lives_on_was_so_by_a_person() -> None:
    world = World()
    await world.store_with(TAKEN)
    world.live.prompted = {TAKEN.id}
    await world.facts.note(BROKEN_OFF)
    await world.rest()
    assert (await world.end()).state is MessageState.ACCEPTED
    await world.rest()
    ended = await world.end()
    assert (ended.state, ended.why) == (MessageState.DEAD_LETTER, INTERRUPTED)


async def test_N2_a_session_that_is_not_ended_after_all_tells_who_broke_its_turn_off() -> None:
    """P7: the end of a session waits for a person who types there."""
    world = World()
    await world.store_with(TAKEN)
    world.live.prompted = {TAKEN.id}
    world.ends(Cause.IDLE_SLEEP)
    await world.facts.note(BROKEN_OFF)
    for _ in range(3):
        await world.rest()
    assert (await world.end()).state is MessageState.ACCEPTED
    world.ends(None)
    await world.rest()
    await world.rest()
    assert (await world.end()).state is MessageState.DEAD_LETTER


@pytest.mark.parametrize(
    "fact", [Prompted("what a person enters", "its conversation"), TurnOver("its conversation")]
)
async def test_N2_what_its_program_does_after_a_turn_was_broken_off_shows_that_it_lives(fact: Fact) -> None:
    world = World()
    await world.store_with(TAKEN)
    world.live.prompted = {TAKEN.id}
    await world.facts.note(BROKEN_OFF)
    await world.facts.note(fact)
    assert (await world.end()).state is MessageState.DEAD_LETTER


async def test_P7_an_interrupt_that_was_asked_for_is_told_at_once() -> None:
    world = World()
    await world.store_with(TAKEN)
    world.live.prompted, world.live.interrupting = {TAKEN.id}, frozenset({TAKEN.id})
    await world.facts.note(BROKEN_OFF)
    ended = await world.end()
    assert (ended.state, ended.why) == (MessageState.DEAD_LETTER, ASKED)


WORKS = Reading(SessionState.WORKING, "in a turn")
EMPTY = View(Composer.EMPTY)
PUT_BACK = View(Composer.FILLED, draft=envelope.wrap(TAKEN, "do it", "f" * 16))
LONG = View(Composer.FILLED, draft="[Pasted text #1 +99 lines]", collapsed=True)
DRAFT = View(Composer.FILLED, draft="a draft")
Look = tuple[Reading, View]


@pytest.mark.parametrize(
    ("looks", "state"),
    [
        ([(WORKS, EMPTY), (REST, PUT_BACK)], MessageState.DEAD_LETTER),
        ([(WORKS, EMPTY), (REST, PUT_BACK), (REST, EMPTY)], MessageState.DEAD_LETTER),
        ([(WORKS, EMPTY), (REST, LONG)], MessageState.DEAD_LETTER),
        ([(REST, PUT_BACK)], MessageState.ACCEPTED),
        ([(WORKS, EMPTY), (REST, EMPTY)], MessageState.ACCEPTED),
        ([(WORKS, EMPTY), (REST, DRAFT)], MessageState.ACCEPTED),
        ([(WORKS, PUT_BACK)], MessageState.ACCEPTED),
        ([(WORKS, EMPTY), (REST, PUT_BACK), (WORKS, PUT_BACK)], MessageState.ACCEPTED),
    ],
    ids=[
        "put back",
        "put back and cleared to quit",
        "put back as a placeholder",
        "not seen at work: it may stand there from before",
        "at its prompt alone",
        "with a person's draft",
        "at work",
        "sent again",
    ],
)
async def test_N2_a_turn_that_a_person_ended_just_before_the_death_is_not_cut_off(
    looks: list[Look], state: MessageState
) -> None:
    """Claude Code 2.1.328 puts the prompt back and writes no record; the task was done all the same."""
    world = World()
    await world.store_with(TAKEN)
    for reading, view in looks:
        await world.look(reading, view)
    await world.leaves()
    assert (await world.end()).state is state


@pytest.mark.parametrize("fact", [Answered("its record"), Prompted("another", "its record")])
async def test_N2_what_its_record_tells_after_it_was_at_work_counts(fact: Fact) -> None:
    world = World()
    await world.store_with(TAKEN)
    await world.look(WORKS, View(Composer.EMPTY))
    await world.facts.note(fact)
    await world.look(REST, PUT_BACK)
    await world.leaves()
    assert (await world.end()).state is MessageState.ACCEPTED


NO = Option("esc", "No", "reject_once")
QUESTION = Question(
    "q1",
    Asking("1", "may I?", (Option("y", "Yes", "allow_once"), NO), Source.SCREEN),
    since=0.0,
    state=QuestionState.ANSWERING,
    option="esc",
    by="operator",
    at=10.0,
)
ESCAPED = TurnOver("its rollout", INTERRUPTED, interrupted=True)
DENIED = "its question was denied by operator, which ended the turn: 'No'"


@pytest.mark.parametrize(
    ("question", "over", "why"),
    [
        (QUESTION, ESCAPED, DENIED),
        (replace(QUESTION, state=QuestionState.ANSWERED), ESCAPED, DENIED),
        (replace(QUESTION, at=1.0), ESCAPED, INTERRUPTED),
        (replace(QUESTION, option="y"), ESCAPED, INTERRUPTED),
        (replace(QUESTION, state=QuestionState.OPEN), ESCAPED, INTERRUPTED),
        (replace(QUESTION, asking=replace(QUESTION.asking, source=Source.HOOK)), ESCAPED, INTERRUPTED),
        (QUESTION, TurnOver("its rollout", "made error"), None),
    ],
    ids=["on its way", "given", "long ago", "allowed", "failed", "by a hook", "a failure"],
)
async def test_P7_a_turn_that_a_denial_ended_says_so_and_by_whom(
    question: Question, over: TurnOver, why: str | None
) -> None:
    """Codex 0.171.0 writes what it writes at Escape; nobody was at its terminal."""
    world = World()
    await world.store_with(TAKEN)
    world.live.prompted = {TAKEN.id}
    asked = replace(question, at=world.clock.now() + question.at)
    world.fleet.load([PeerState(PEER, replace(SESSION, questions=(asked,)), (TAKEN,))])
    await world.clock.advance(12.0)
    await world.facts.note(over)
    ended = await world.end()
    assert (ended.why if ended.final else None) == why


async def test_P7_a_denial_before_the_turn_began_is_not_why_a_person_ended_it() -> None:
    world = World()
    began = world.clock.now() + 11.0
    taken = replace(TAKEN, accepted_at=began)
    await world.store_with(taken)
    world.live.prompted = {TAKEN.id}
    asked = replace(QUESTION, state=QuestionState.ANSWERED, at=began - 1.0)
    world.fleet.load([PeerState(PEER, replace(SESSION, questions=(asked,)), (taken,))])
    await world.clock.advance(12.0)
    await world.facts.note(ESCAPED)
    assert (await world.end()).why == INTERRUPTED
