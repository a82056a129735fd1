"""An effect that cannot be carried out, as it meets a defect again and again: it is said, and has a bound."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.message import Notice
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.question import Asking, Option, OptionKind, Question, QuestionState
from roost.core.vocabulary.session import Cause, Joined, Session, SessionState, stand_in
from roost.daemon.death.cleanup import Cleanup
from roost.daemon.death.exits import Exits
from roost.daemon.death.reaper import KillError
from roost.daemon.death.supervisor import HELD, Supervisor
from roost.daemon.effects.ends import Ends
from roost.daemon.effects.executor import AGAIN, DEFECTS, Executor
from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.threads import Work
from roost.host.memory.clock import VirtualClock
from roost.store.memory import MemoryStore
from tests.support.wait import eventually

PATIENCE = 30.0
NOTHING = cast("Any", None)
SESSION = stand_in("s", "a", 1, None)


class Defective:
    """Whatever it is asked for meets a defect; a simpler end is refused once and then made."""

    def __init__(self) -> None:
        self.tried = 0
        self.closed: list[str] = []

    async def fails(self, *_about: object) -> None:
        self.tried += 1
        raise LookupError("nobody thought of that")

    end = clear = deliver = prepare = fails

    async def close(self, _what: object, why: str) -> None:
        self.closed.append(why)
        if len(self.closed) == 1:
            raise KillError("it cannot be ended")


class World:
    def __init__(self) -> None:
        self.clock, self.store, self.tasks, self.defective = (
            VirtualClock(),
            MemoryStore(),
            Tasks(),
            Defective(),
        )
        self.fleet = Fleet(self.store, self.clock, Policy(waking=False), self.tasks)
        self.cleanup = Cleanup(self.fleet, cast("Any", self.defective), self.clock)
        reaper: Any = SimpleNamespace(cleanup=self.cleanup, guests=NOTHING)
        self.machine: Any = SimpleNamespace(
            clock=self.clock, store=self.store, work=Work(), runtimes=SimpleNamespace(servers=None)
        )
        defective = cast("Any", self.defective)
        supervisor = Supervisor(self.machine, self.fleet, LiveSessions(), reaper, self.tasks)
        self.executor = Executor(
            self.machine, self.fleet, NOTHING, reaper, supervisor, NOTHING, defective, self.tasks
        )
        self.executor.ends = defective

    async def alarms(self) -> list[str]:
        return [row.data["why"] for row in await self.store.events() if row.kind == "alarm"]

    async def tries(self) -> int:
        """How often it was tried, after a while."""
        for _ in range(DEFECTS * 4):
            await self.clock.advance(AGAIN / 2)
        return self.defective.tried


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    peer = Peer("a", "5eed", Settings(dir="/", runtime="demo"), created_at=0)
    await made.fleet.add(peer)
    made.fleet.load([PeerState(peer)])
    yield made
    await made.tasks.close()


async def test_N7_an_end_that_meets_a_defect_is_made_in_a_simpler_way(world: World) -> None:
    world.executor.run(c.End(SESSION, Cause.OPERATOR_STOP, "operator", guarded=False))
    assert await world.tries() == DEFECTS
    assert len(world.defective.closed) == 2
    assert "a defect of the daemon (LookupError)" in world.defective.closed[0]
    assert ["LookupError" in why for why in await world.alarms()] == [True]


@pytest.mark.parametrize("joined", [None, Joined(ProcessId("boot", 7, 1))])
@pytest.mark.parametrize("veto", [None, "it is at work"])
async def test_P5_the_simpler_way_asks_the_guards_too_and_ends_nothing_of_others(
    world: World, joined: Joined | None, veto: str | None
) -> None:
    """Whatever the defect was: a person's own program is never ended, nor is one that works by now."""
    session = replace(SESSION, joined=joined)
    state = PeerState(Peer("a", "5eed", Settings(dir="/", runtime="demo"), created_at=0), session)
    ended: list[str] = []
    told: list[object] = []

    async def against(*_asked: object) -> f.EndVetoed | None:
        return f.EndVetoed(session.id, veto, 1.0) if veto else None

    async def end(one: Session) -> str:
        ended.append(one.id)
        return "it was ended"

    async def report(_peer: str, event: object, **_more: object) -> None:
        told.append(event)

    async def close(_one: Session, why: str) -> None:
        told.append(why)

    ends = Ends(
        cast("Any", SimpleNamespace(find=lambda _name: state, report=report)),
        cast("Any", SimpleNamespace(against=against)),
        cast("Any", SimpleNamespace(stands=lambda _one: True, end=end)),
        cast("Any", SimpleNamespace(close=close, guests=NOTHING)),
        cast("Any", SimpleNamespace(live=lambda _ident: None, driver=lambda _ident: None)),
        world.tasks,
    )
    await ends.close(c.End(session, Cause.IDLE_SLEEP, "roost", guarded=True), "a defect")
    assert ended == ([] if joined or veto else ["s"])
    assert [type(each) for each in told] == ([f.EndVetoed] if veto else [] if joined else [str])


async def test_N1_a_notice_that_meets_a_defect_waits_for_the_next_start(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.executor.run(c.Notify("n" * 32, "a", Notice("m" * 32, "died", "it died")))
    assert await world.tries() == DEFECTS
    assert "put off until the next start" in caplog.text


async def test_N7_a_clearing_that_meets_a_defect_holds_up_the_peer_no_longer(world: World) -> None:
    world.executor.run(c.Clear("s", "a", "n", None))
    launch = world.tasks.start(world.cleanup.over("a"), "launch")
    assert await world.tries() == DEFECTS
    await asyncio.wait_for(launch, PATIENCE)
    assert ["LookupError" in why for why in await world.alarms()] == [True]


async def test_N7_a_row_is_closed_whose_end_meets_a_defect_when_it_is_looked_at(world: World) -> None:
    live = LiveSession(cast("Any", SimpleNamespace(session=SESSION)), NOTHING, NOTHING, NOTHING, agent_pid=7)
    exits = Exits(world.machine, world.fleet, LiveSessions(), cast("Any", world.defective), world.tasks)
    exits.left(live)

    async def closed() -> bool:
        await world.clock.advance(AGAIN / 2)
        return len(world.defective.closed) == 2

    await eventually(closed, timeout=PATIENCE, why="the row is closed, which was refused once")
    assert await world.tries() == DEFECTS + 1


async def test_what_is_asked_of_a_session_that_is_not_held_is_given_up_with_the_reason(world: World) -> None:
    """As one whose runtime is not in the configuration file any more: it is not known when it will be."""
    option = Option("1", "Yes", OptionKind.ALLOW_ONCE)
    asked = Question(
        "q", Asking("r", "May I?", (option,)), 0.0, QuestionState.ANSWERING, option="1", by="operator"
    )
    why = "it cannot be taken over: unknown runtime"
    session = replace(SESSION, state=SessionState.UNKNOWN, ready=True, why=why, questions=(asked,))
    state = world.fleet.get("a")
    world.fleet.load([replace(state, session=session)])
    world.fleet.listeners.on_effect = world.executor.run
    await world.fleet.tell("a", r.Interrupt("operator"))
    world.executor.run(c.GiveAnswer(session, asked))
    await world.clock.advance(HELD - 1)
    now = world.fleet.get("a").session
    assert now is not None
    assert now.open_control is not None

    async def over() -> bool:
        await world.clock.advance(1.0)
        session = world.fleet.get("a").session
        return session is not None and session.open_control is None and session.questions != (asked,)

    await eventually(over, timeout=PATIENCE, why="both are given up")
    now = world.fleet.get("a").session
    assert now is not None
    assert now.control is not None
    assert why in (now.control.failed or "")
    [question] = now.questions
    assert (question.state, why in question.why) == (QuestionState.OPEN, True)
