"""The one connection to a Codex app-server and the views of it, against a stand-in in this process (L7)."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from websockets.asyncio.server import Server as Listener
from websockets.asyncio.server import unix_serve

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.session import Cause, Session, WakeCause
from roost.daemon.state.tasks import Tasks
from roost.runtimes.call import CallLostError, CallRefusedError
from roost.runtimes.codex_server import connection as connections
from roost.runtimes.codex_server import server as servers_module
from roost.runtimes.codex_server import thread as threads
from roost.runtimes.codex_server.connection import Connection, NobodyListensError
from roost.runtimes.codex_server.server import End, Wiring
from roost.runtimes.codex_server.servers import Look, NotWiredError, Servers
from roost.runtimes.codex_server.thread import JOINED, LOST, ThreadCall
from roost.runtimes.codex_server.turns import keys_in
from tests.support.app_server import AppServer
from tests.support.wait import eventually

PROCESS = ProcessId("boot", 7, 1)


@dataclass
class Senses:
    """A machine on which the server's process is what the test says."""

    process: ProcessId | None = PROCESS
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def behind(self, connection: Connection) -> ProcessId | None:
        assert connection.socket is not None
        return self.process

    async def dead(self, process: ProcessId) -> bool:
        return self.ended.is_set() and process == PROCESS

    async def gone(self, process: ProcessId) -> None:
        del process
        await self.ended.wait()


@dataclass
class World:
    """A stand-in on a socket, and what the daemon would be told."""

    path: Path
    app: AppServer
    listener: Listener
    senses: Senses
    tasks: Tasks
    servers: Servers
    ends: list[End] = field(default_factory=list[End])
    told: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> str:
        return f"unix:{self.path}"

    def ended(self, ends: list[End]) -> None:
        self.ends += ends
        self.told.set()

    def call(self, session: str, thread: str | None = None) -> ThreadCall:
        return ThreadCall(self.servers.at(self.address), session, thread, 0.0)

    async def leave(self) -> None:
        """The server listens no more, and its connections break."""
        self.listener.close(close_connections=False)
        for each in list(self.app.connections):
            each.transport.abort()

    async def again(self) -> None:
        """It listens again, with all that it had."""
        self.path.unlink(missing_ok=True)
        self.listener = await unix_serve(self.app.serve, str(self.path), compression=None)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    app, path = AppServer(tmp_path / "truth"), tmp_path / "s"
    listener = await unix_serve(app.serve, str(path), compression=None)
    made = World(path, app, listener, Senses(), Tasks(), Servers())
    made.servers.wire(Wiring(made.senses, made.tasks.start, made.ended))
    yield made
    await made.servers.close()
    await made.tasks.close()
    made.listener.close()
    await made.listener.wait_closed()


class Heard:
    """What one thread's driver would be given."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.more = asyncio.Event()

    def __call__(self, lines: Any) -> None:  # noqa: ANN401 -- as `Heard`
        self.lines += [json.loads(line) for line in lines]
        self.more.set()

    async def until(self, fits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(10):
            while not (found := [line for line in self.lines if fits(line)]):
                self.more.clear()
                await self.more.wait()
            return found[-1]

    async def method(self, name: str) -> dict[str, Any]:
        return await self.until(lambda line: line["method"] == name)


async def joined(world: World, session: str = "s1", thread: str | None = None) -> tuple[ThreadCall, Heard]:
    call, heard = world.call(session, thread), Heard()
    found = await call.join("/", {}, begins=thread is None)
    assert (found.id, found.address, found.server) == (call.thread, world.address, world.senses.process)
    world.tasks.start(call.follow(heard), "follow")
    await heard.method(JOINED)
    return call, heard


async def used(world: World, session: str = "s1") -> tuple[ThreadCall, Heard]:
    """A thread that had a turn."""
    call, heard = await joined(world, session)
    await call.submit("k0", "first", joins=False)
    await heard.method("turn/completed")
    return call, heard


async def within(work: Coroutine[Any, Any, object], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        await work


async def test_L7_a_prompt_under_one_key_comes_once_however_often_it_is_asked(world: World) -> None:
    call, heard = await joined(world)
    assert not world.app.threads[call.thread].turns
    await call.submit("k1", "hello", joins=False)
    await heard.method("turn/completed")
    await call.submit("k1", "hello", joins=False)
    assert len(world.app.threads[call.thread].turns) == 1
    assert await call.has("k1")


@pytest.mark.parametrize("fault", ["lost", "unheard"])
async def test_L7_a_prompt_whose_answer_is_lost_is_looked_up_exactly(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(threads, "SETTLED", 0.1)
    call, heard = await used(world)
    world.app.fault = fault
    with pytest.raises(CallLostError):
        await call.submit("k1", "hello", joins=False)
    assert await call.has("k1") is (fault == "unheard")
    assert world.ends == []
    await call.submit("k1", "hello", joins=False)
    given = [key for turn in world.app.threads[call.thread].turns for key in keys_in(turn)]
    assert given == ["k0", "k1"]
    (_, turn) = world.app.threads[call.thread].turns
    ended = ("turn/completed", turn["id"])
    await heard.until(lambda line: (line["method"], line["params"].get("turn", {}).get("id")) == ended)
    await call.submit("k2", "next", joins=False)
    await heard.until(lambda line: "k2" in json.dumps(line))


@pytest.mark.parametrize("set_by", [-3600.0, 0.0])
async def test_N5_a_turn_after_the_clock_was_set_back_is_told_by_a_new_daemon_too(
    world: World, set_by: float
) -> None:
    """It ended while none ran, and its time is before its session's; a turn of an earlier one is not told."""
    call, _ = await used(world)
    began = time.time() + 3600.0
    session = Session("s2", "p", 1, "n", WakeCause.FIRST_WAKE, False, began, began, conversation=call.thread)
    again = world.servers.thread(replace(session, clock_moved=set_by), world.address)
    heard = Heard()
    await again.join("/", {}, begins=False)
    world.tasks.start(again.follow(heard), "follow")
    await heard.method(JOINED)
    assert any("k0" in json.dumps(line) for line in heard.lines) is bool(set_by)


async def test_L7_many_threads_share_one_connection_and_are_told_apart(world: World) -> None:
    calls = [await joined(world, f"s{index}") for index in range(20)]
    assert len(world.app.connections) == 1
    await calls[3][0].submit("k3", "for the fourth", joins=False)
    await calls[3][1].method("turn/completed")
    others = [heard for call, heard in calls if call is not calls[3][0]]
    assert not any("userMessage" in json.dumps(line) for heard in others for line in heard.lines)
    await calls[0][0].close()
    followed = {thread.id for thread in world.app.threads.values() if thread.followers}
    assert followed == {call.thread for call, _ in calls[1:]}
    for call, _ in calls:
        await call.close()
    await eventually(lambda: not world.app.connections, timeout=10, why="the connection ends")
    assert not any(thread.followers for thread in world.app.threads.values())
    assert len(world.app.threads) == 20  # they go on


async def test_L7_a_steered_prompt_joins_the_turn_and_an_approval_is_in_the_way_of_one(world: World) -> None:
    call, heard = await used(world)
    await call.submit("k1", "@@hold@@", joins=False)
    await heard.until(lambda line: "k1" in json.dumps(line))
    with pytest.raises(CallRefusedError, match="in a turn"):
        await call.submit("k2", "not into it", joins=False)
    await call.submit("k2", "into it", joins=True)
    (turn,) = [turn for turn in world.app.threads[call.thread].turns if turn["status"] == "inProgress"]
    assert [item["clientId"] for item in turn["items"]] == ["k1", "k2"]
    await call.interrupt()
    await heard.until(lambda line: line["params"].get("turn", {}).get("status") == "interrupted")
    await call.interrupt()  # at rest it does nothing
    await call.submit("k3", "@@ask@@", joins=False)
    await heard.method("item/commandExecution/requestApproval")
    with pytest.raises(CallRefusedError, match="asks for an approval"):
        await call.submit("k4", "no", joins=True)
    with pytest.raises(CallRefusedError, match="does not ask 9"):
        await call.answer("9", "accept")
    await call.answer("0", "accept")
    with pytest.raises(CallRefusedError, match="does not ask 0"):
        await call.answer("0", "accept")
    await heard.method("serverRequest/resolved")
    await call.submit("k4", "now", joins=False)


async def test_L7_a_thread_that_had_no_turn_is_followed_from_its_first_one_on(world: World) -> None:
    theirs, _ = await joined(world, "other")
    again, heard = world.call("s1", theirs.thread), Heard()
    await theirs.close()
    await again.join("/", {}, begins=False)
    world.tasks.start(again.follow(heard), "follow")
    await again.submit("k1", "its first", joins=False)
    await heard.until(lambda line: "k1" in json.dumps(line))
    await heard.method("turn/completed")


async def test_L7_a_connection_that_breaks_is_made_again_and_nothing_is_missed(world: World) -> None:
    call, heard = await used(world)
    await call.submit("k1", "@@hold@@", joins=False)
    await heard.until(lambda line: "k1" in json.dumps(line))
    heard.lines.clear()
    await world.leave()
    await heard.method(LOST)
    await world.app.end(world.app.threads[call.thread], "completed")
    await world.again()
    await heard.method(JOINED)
    ended = [line["params"]["turn"]["status"] for line in heard.lines if line["method"] == "turn/completed"]
    assert ended == ["completed", "completed"]  # both turns, as the server kept them
    assert world.ends == []


async def test_L7_L1_the_end_of_its_process_ends_all_threads_of_a_server_at_once(world: World) -> None:
    for index in range(5):
        await joined(world, f"s{index}")
    world.senses.ended.set()
    await world.leave()
    await within(world.told.wait())
    assert {end.session for end in world.ends} == {f"s{index}" for index in range(5)}
    assert {end.cause for end in world.ends} == {Cause.SERVER_GONE}
    assert all("process 7 of its server is gone" in end.why for end in world.ends)


async def test_L7_N5_a_server_of_which_nothing_is_known_is_not_taken_for_dead(world: World) -> None:
    _, heard = await used(world)
    await world.leave()  # its process lives, and nobody listens
    lost = await heard.method(LOST)
    assert "nobody listens" in lost["params"]["why"]
    assert world.ends == []
    world.senses.ended.set()
    await within(world.told.wait())
    assert [end.cause for end in world.ends] == [Cause.SERVER_GONE]


async def test_L7_without_a_known_process_nobody_listening_is_the_end(world: World) -> None:
    world.senses.process = None
    await used(world)
    await world.leave()
    await within(world.told.wait())
    assert [end.cause for end in world.ends] == [Cause.SERVER_GONE]
    assert "nobody listens" in world.ends[0].why


async def test_L7_another_process_at_the_address_and_a_thread_that_was_unloaded_end_the_row(
    world: World,
) -> None:
    call, _ = await used(world)
    await used(world, "s2")
    await world.leave()
    del world.app.threads[call.thread]
    await world.again()
    await within(world.told.wait())
    assert [(end.session, end.cause) for end in world.ends] == [("s1", Cause.THREAD_UNLOADED)]
    world.told.clear()
    await world.leave()
    world.senses.process = ProcessId("boot", 8, 2)
    await world.again()
    await within(world.told.wait())
    assert world.ends[-1].cause is Cause.SERVER_GONE
    assert "another process, 8, answers" in world.ends[-1].why


async def test_L7_what_a_server_says_of_a_thread_ends_it_once_with_the_reason_that_follows(
    world: World,
) -> None:
    call, _ = await used(world)
    await world.app._everybody("thread/status/changed", threadId=call.thread, status={"type": "notLoaded"})
    await world.app._everybody("thread/archived", threadId=call.thread)
    await within(world.told.wait())
    await asyncio.sleep(0)
    assert [end.cause for end in world.ends] == [Cause.THREAD_ARCHIVED]


async def test_L7_every_wait_for_a_server_that_says_nothing_is_bounded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, _ = await used(world)
    monkeypatch.setattr(connections, "OPEN", 0.1)
    monkeypatch.setattr(servers_module, "LEAVE", 0.1)

    over = asyncio.Event()

    async def silent(*_: object) -> dict[str, object]:
        await over.wait()
        return {}

    monkeypatch.setattr(world.app, "_answer", silent)
    connection = await world.servers.at(world.address).connection()
    with pytest.raises(CallLostError, match="does not answer"):
        await connection.ask("turn/start", {}, 0.1)
    await within(call.close(), 5)
    over.set()


async def test_L3_a_look_at_a_server_leaves_no_connection_and_says_what_it_saw(world: World) -> None:
    call, _ = await used(world)
    await call.close()
    looks = await world.servers.look([world.address, f"unix:{world.path}.not"])
    assert looks[world.address] == Look(frozenset({call.thread}), PROCESS)
    assert looks[f"unix:{world.path}.not"].absent
    await eventually(lambda: not world.app.connections, timeout=10, why="the connection ends")
    with pytest.raises(NobodyListensError):
        await world.servers.at(f"unix:{world.path}.not").connection()
    with pytest.raises(NotWiredError):
        Servers().at(world.address)
