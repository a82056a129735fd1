"""What is held of a session is let go of once, and not under the hands of whoever reads it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self, cast

import pytest
from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import Processes, SessionState, stand_in
from roost.daemon.death.supervisor import Supervisor
from roost.daemon.session import joined_files
from roost.daemon.session.driver import QUIET, Driver
from roost.daemon.session.facts import Facts
from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.session.window import LEFT, PRESSES
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.threads import Work
from roost.host.errors import TmuxGone
from roost.host.files import Tail
from roost.host.interfaces.terminals import Frame
from roost.host.memory.clock import VirtualClock
from roost.runtimes.context import Context
from roost.runtimes.facts import Fact, Prompted, TurnOver
from roost.runtimes.view import Composer, Reading, View
from roost.store.interfaces import Batch
from roost.store.memory import MemoryStore
from tests.support.wait import eventually


def test_C2_a_record_that_was_moved_is_read_on_and_not_again(tmp_path: Path) -> None:
    """Claude Code 2.1.332: `/cd` moves the transcript into the folder of another directory."""
    nothing = cast("Any", None)
    live = LiveSession(nothing, nothing, nothing, nothing, agent_pid=1)
    record, moved = tmp_path / "record", tmp_path / "moved"
    record.write_text("one\n")
    assert live.tail(record).read() == [b"one"]
    record.rename(moved)
    with moved.open("a") as file:
        file.write("two\n")
    assert live.tail(moved).read() == [b"two"]
    assert list(live.tails) == [moved]
    record.write_text("another\n")
    assert live.tail(record).read() == [b"another"]
    for path in (record, moved):
        live.tails[path].close()


async def test_files_are_closed_when_nobody_reads_them_and_are_not_read_again(tmp_path: Path) -> None:
    record = tmp_path / "record"
    record.write_text("one\n")
    nothing = cast("Any", None)
    session = SimpleNamespace(id="s", peer="p")
    sensor = SimpleNamespace(
        find=lambda *_: (), tails=lambda: (record,), status_path=lambda _: None, on_lines=lambda _: ()
    )
    context = cast("Any", SimpleNamespace(session=session))
    live = LiveSession(context, nothing, cast("Any", sensor), nothing, agent_pid=1)
    live.tails[record] = Tail(record)
    assert live.tails[record].read() == [b"one"]
    clock = VirtualClock()
    driver = Driver(live, Fleet(MemoryStore(), clock, Policy(), Tasks()), clock, Work().records)
    record.write_text("one\ntwo\n")
    async with live.looking:
        forgetting = asyncio.create_task(live.forget())
        late = asyncio.create_task(driver.collect(lambda: "told all the same"))
        await asyncio.sleep(0)
        assert not live.forgotten
        assert live.tails[record].behind()
    await forgetting
    assert live.forgotten
    assert await late == "told all the same"
    assert live.tails[record].offset == len("one\n"), "nothing was read any more"


def test_17_hooks_find_a_session_by_the_conversation_that_it_goes_on_with(tmp_path: Path) -> None:
    nothing = cast("Any", None)
    session = stand_in("p", "s", 0, "conv-1")
    settings = Settings(str(tmp_path), "codex")
    context = Context(session, settings, tmp_path, tmp_path, {}, "http://127.0.0.1:1", tmp_path / "c")
    live = LiveSession(context, nothing, nothing, nothing, agent_pid=1)
    live.runs("conv-2")  # one that hooks do not find
    live.found_by = joined_files.put(tmp_path / "joined", "conv-2", "url", "secret", "s")
    live.runs("conv-3")
    assert live.found_by == joined_files.find(tmp_path / "joined", "s") == tmp_path / "joined/conv-3"
    joined_files.take_back(tmp_path / "joined", "s")
    live.runs("conv-4")  # it has left meanwhile
    assert live.session.conversation == "conv-4"


async def test_while_something_types_into_a_session_its_driver_does_not_look(tmp_path: Path) -> None:
    """Two looks would only wait for each other: what types looks itself."""
    session = replace(stand_in("s", "p", 0, "conv-1"), state=SessionState.IDLE, ready=True)
    peer = Peer("p", "5eed", Settings(str(tmp_path), "demo"), 0.0)
    context = Context(session, peer.settings, tmp_path, tmp_path, {}, "http://127.0.0.1:1", tmp_path / "c")
    nothing, clock = cast("Any", None), VirtualClock()
    live = LiveSession(context, nothing, nothing, nothing, agent_pid=1)
    fleet = Fleet(MemoryStore(), clock, Policy(), Tasks())
    fleet.load([PeerState(peer, session)])
    driver, looked = Driver(live, fleet, clock, Work().records), asyncio.Event()

    async def look(*, screen: bool) -> None:
        del screen
        looked.set()

    driver.look = look  # type: ignore[method-assign,assignment]
    async with live.typing:
        driving = asyncio.create_task(driver.run())
        for _ in range(3):
            live.poke.set()
            await eventually(lambda: not live.poke.is_set(), timeout=10, why="the driver goes on")
        assert not looked.is_set()
    live.poke.set()
    await eventually(looked.is_set, timeout=10, why="it looks again")
    driving.cancel()


class Connections:
    """A session in whose terminal another view stands while a message waits; its connection can be lost."""

    def __init__(self, folder: Path) -> None:
        self.looks, self.pressed, self.lost = 0, 0, False
        self.reading: Reading | None = Reading(SessionState.BLOCKED, "another view is open")
        self.kept: list[Fact] = []
        self.attached, self.view = 0, View(Composer.ELSEWHERE, shows="Help", leave="Escape")
        self.clock, self.work, tasks = VirtualClock(), Work(), Tasks()
        self.socket, self.processes, self.terminals = folder / "socket", self, self
        self.gone: Callable[[], None] = lambda: None
        known = Processes(ProcessId("b", 7, 1), ProcessId("b", 6, 1), ProcessId("b", 5, 1), "")
        session = replace(stand_in("s", "p", 0, None), processes=known, ready=True)
        session = replace(session, state=SessionState.BLOCKED, why="another view is open")
        self.peer = Peer("p", "5eed", Settings(str(folder), "demo"), 0.0)
        self.store = MemoryStore()
        self.fleet = Fleet(self.store, self.clock, Policy(), tasks)
        self.waits = Message("m", "o", "p", 0.0, 1, "d")
        self.fleet.load([PeerState(self.peer, session, messages=(self.waits,))])
        sensor = SimpleNamespace(
            since=0.0,
            watches_screen=False,
            styled=False,
            on_screen=lambda _screen, _title: self.view,
            find=lambda *_: (),
            tails=lambda: (),
            status_path=lambda _pid: None,
            on_lines=lambda _lines: self.facts(),
            reading=lambda: self.reading,
        )
        this, context = cast("Any", self), cast("Any", SimpleNamespace(session=session))
        self.live = LiveSession(context, cast("Any", None), cast("Any", sensor), this, agent_pid=7)
        self.supervisor = Supervisor(this, self.fleet, LiveSessions(), this, tasks)
        self.supervisor.supervise(self.live)

    async def stored(self) -> Self:
        """The same with all of it in the store."""
        changes = (c.SavePeer(self.peer), c.SaveSession(self.live.session), c.SaveMessage(self.waits))
        await self.store.commit(Batch(0.0, changes, bodies={"m": b"x"}))
        return self

    def facts(self) -> list[Fact]:
        """What stands in its record: read once."""
        kept, self.kept = self.kept, []
        return kept

    def watch(self, *_: object) -> SimpleNamespace:
        return SimpleNamespace(cancel=lambda: None)

    def probe(self, _process: ProcessId) -> SimpleNamespace:
        return SimpleNamespace(stopped=False)

    async def adopt(self, _socket: Path) -> "Connections":
        self.lost = False
        return self

    def on_gone(self, callback: Callable[[], None]) -> None:
        self.gone = callback

    async def look(self, **_: object) -> Frame:
        if self.lost:
            raise TmuxGone
        self.looks += 1
        return Frame("Help", "", 160, 50)

    async def caption(self, *_: object) -> None: ...

    async def clients(self) -> int:
        return self.attached

    async def keys(self, *_: object) -> None:
        self.pressed += 1

    async def close(self) -> None: ...

    async def rests(self) -> None:
        """All that was begun has come to its end."""
        await eventually(
            lambda: self.clock.sleepers and not self.live.poke.is_set(), timeout=10, why="the driver rests"
        )

    async def loses(self, *, noticed: bool) -> None:
        """The connection is lost, which its driver sees, or sleeps over; it is joined again."""
        self.lost, looks = True, self.looks
        if noticed:
            self.live.poke.set()
            await eventually(lambda: not self.live.poke.is_set(), timeout=10, why="the driver looks")
        self.gone()
        await eventually(lambda: self.looks > looks, timeout=10, why="it is looked at again")
        await self.rests()

    async def passed(self, seconds: int) -> tuple[int, int]:
        """The looks and keys while time goes by."""
        looks, pressed = self.looks, self.pressed
        for _ in range(seconds):
            await self.rests()
            await self.clock.advance(1.0)
        await self.rests()
        return self.looks - looks, self.pressed - pressed

    async def end(self) -> None:
        """The session is over, and is let go of."""
        self.fleet.load([PeerState(self.peer)])
        await self.live.forget()


@pytest.mark.parametrize("noticed", [True, False])
async def test_N5_one_that_is_joined_again_keeps_its_one_driver(tmp_path: Path, *, noticed: bool) -> None:
    """With each `detach-client -a` of a person one more looked, and pressed the key that leaves a view."""
    tmux = await Connections(tmp_path).stored()
    await eventually(lambda: tmux.looks, timeout=10, why="it is looked at")
    driver, (looks, keys) = tmux.supervisor.driver("s"), await tmux.passed(12)
    assert keys > 0
    for _ in range(3):
        await tmux.loses(noticed=noticed)
    again, pressed = await tmux.passed(12)
    assert (again <= looks + 1, pressed <= keys + 1) == (True, True), (looks, keys, again, pressed)
    assert tmux.supervisor.driver("s") is driver
    tmux.lost = True
    await tmux.end()
    await eventually(lambda: tmux.supervisor.driver("s") is None, timeout=10, why="its driver ends with it")


async def test_a_view_that_its_key_does_not_leave_is_a_persons_to_leave_and_says_so(tmp_path: Path) -> None:
    tmux = await Connections(tmp_path).stored()

    def why() -> str:
        session = tmux.fleet.get("p").session
        return session.why if session is not None else ""

    assert (await tmux.passed(30))[1] == PRESSES
    assert why() == "another view is open; its key was pressed 3 times and does not leave it: a person has to"
    assert (await tmux.passed(300))[1] == 0
    stands, tmux.view = tmux.view, View(Composer.ELSEWHERE, shows="Settings", leave="Escape")
    assert (await tmux.passed(4))[1] == 1, "of another view nothing is known"
    tmux.view = stands
    tmux.attached = 1
    assert (await tmux.passed(5))[1] == 0
    tmux.attached = 0
    assert (await tmux.passed(30))[1] == PRESSES, "a person was there"
    tmux.view = View(Composer.EMPTY)
    await tmux.passed(int(LEFT + QUIET))
    tmux.view = stands
    tmux.live.poke.set()
    assert (await tmux.passed(30))[1] == PRESSES, "it had been left"
    await tmux.end()


async def test_what_its_record_tells_is_not_lost_with_a_terminal_that_does_not_answer(tmp_path: Path) -> None:
    """The record is read before the screen, and once."""
    tmux = await Connections(tmp_path).stored()
    taken = replace(tmux.waits, state=MessageState.ACCEPTED, session="s")
    working = replace(tmux.live.session, state=SessionState.WORKING)
    tmux.fleet.load([PeerState(tmux.peer, working, messages=(taken,))])
    tmux.live.prompted = {"m"}
    tmux.reading, tmux.lost = None, True
    tmux.kept.append(TurnOver("its record"))
    driver = tmux.supervisor.driver("s")
    assert driver is not None
    with pytest.raises(TmuxGone):
        await driver.look(screen=False)
    story = await tmux.store.message("m")
    assert story is not None
    assert story.message.state is MessageState.DONE
    await tmux.end()


async def test_what_its_record_tells_is_not_lost_with_whoever_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An offer that is called off while it looks."""
    tmux = await Connections(tmp_path).stored()
    driver, told, reached = tmux.supervisor.driver("s"), [], asyncio.Event()
    assert driver is not None

    async def note(_self: Facts, fact: Fact) -> None:
        told.append(fact)
        if len(told) == 1:
            reached.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(Facts, "note", note)
    first, second = Prompted("x", "its record"), TurnOver("its record")
    async with tmux.live.typing:  # so that the driver itself does not look
        await tmux.rests()
        tmux.kept = [first, second]
        look = asyncio.ensure_future(driver.look(screen=False))
        await reached.wait()
        look.cancel()
        await asyncio.gather(look, return_exceptions=True)
        await driver.look(screen=False)
    assert told == [first, second]
    await tmux.end()
