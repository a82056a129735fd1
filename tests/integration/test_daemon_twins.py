"""The whole daemon on twins: store, terminals, processes and time in memory; hours pass in no time."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from roost.daemon.serve.http.listener import listen_loopback
from roost.daemon.serve.http.server import HttpServer
from roost.daemon.serve.servers import Servers
from roost.daemon.serve.socket.listener import listen_unix
from roost.daemon.server import Daemon
from roost.daemon.session.driver import QUIET
from roost.daemon.state.lineage import Lineage
from roost.daemon.state.machine import Machine
from roost.errors import RoostError
from roost.host.files import ensure_private_directory
from roost.host.memory.clock import VirtualClock
from roost.host.memory.ids import SequenceIds
from roost.host.memory.processes import MemoryProcesses
from roost.host.memory.program import Launch, MemoryProgram, Pasted, Pressed
from roost.host.memory.terminal import MemoryTerminal
from roost.host.memory.terminals import MemoryTerminals
from roost.local.config import Config, RuntimeTable
from roost.local.paths import find_places
from roost.runtimes.command import CommandRuntime, CommandSensor
from roost.runtimes.registry import Runtimes
from roost.store.memory import MemoryStore, Point
from tests.support.home import Home
from tests.support.lines import json_lines
from tests.support.wait import eventually

PATIENCE = 30.0
STEP = 0.05
TIMES = 20
LINE = RuntimeTable(
    name="line",
    argv=("/bin/sh", "{dir}/{conversation}.log"),
    resume_argv=("/bin/sh", "{dir}/{conversation}.log", "--resume"),
    ready=r"(?m)^line> *$",
    accept_log="{dir}/{conversation}.log",
    turn_done="turn_done",
    blocked=r"Allow\?",
)


class LineProgram(MemoryProgram):
    """Takes a prompt at Enter, writes it down, and is at its prompt again."""

    def __init__(self, launch: Launch) -> None:
        super().__init__(launch)
        spec = json.loads(Path(launch.argv[-1]).read_text())
        self._taken = Path(spec["argv"][1])
        self._draft = ""
        self.screen = "line> "

    def react(self, received: Pasted | Pressed) -> None:
        if isinstance(received, Pasted):
            self._draft += received.text.decode()
        elif received.key == "Enter" and self._draft:
            with self._taken.open("a") as file:
                file.write(
                    json.dumps({"type": "prompt", "text": self._draft}) + "\n" + '{"type":"turn_done"}\n'
                )
            self._draft = ""
        self.screen = "line> " + self._draft[:20]


class World:
    """A daemon and the twins around it."""

    def __init__(self, home: Home) -> None:
        """Build all; `run` serves."""
        self.places = find_places(os.environ)
        for folder in (self.places.home, self.places.state, self.places.run, self.places.logs):
            ensure_private_directory(folder)
        self.home = home
        self.clock = VirtualClock()
        self.store = MemoryStore()
        self.processes = MemoryProcesses()
        self.terminals = MemoryTerminals(self.processes, LineProgram)
        machine = Machine(
            places=self.places,
            config=Config(runtimes=(LINE,)),
            store=self.store,
            clock=self.clock,
            ids=SequenceIds(),
            processes=self.processes,
            terminals=self.terminals,
            runtimes=Runtimes((LINE,)),
            environ=dict(os.environ),
        )
        self.processes.spawn(pid=os.getpid())  # who calls is looked up
        lineage = Lineage(self.places, self.store, self.clock, machine.ids, self.processes)
        self.daemon = Daemon(machine, listen_unix(self.places.socket), listen_loopback(None), lineage)

    async def call(self, method: str, **params: Any) -> Any:  # noqa: ANN401 -- JSON
        """One request on the socket."""
        reader, writer = await asyncio.open_unix_connection(str(self.places.socket))
        writer.write(json.dumps({"id": 1, "method": method, "params": params}).encode() + b"\n")
        answer = json.loads(await reader.readline())
        writer.close()
        await writer.wait_closed()
        assert "error" not in answer, answer
        return answer["result"]

    async def until(self, condition: Callable[[], Any], why: str) -> None:
        """Let virtual time pass in small steps until the condition holds."""

        async def step() -> bool:
            await self.clock.advance(STEP)
            found = condition()
            return bool(await found if asyncio.iscoroutine(found) else found)

        await eventually(step, timeout=PATIENCE, why=why)

    async def until_message(self, message_id: str, state: str) -> None:
        """Wait for a message's state."""

        async def there() -> bool:
            return (await self.call("message", id=message_id))["state"] == state

        await self.until(there, f"the message is {state}")

    async def idle(self) -> MemoryProgram:
        """A session at its prompt that has been at rest for a while, and its program."""
        await self.call("add", name="a", settings={"runtime": "line", "dir": str(self.home.work)})
        sent = await self.call("send", to="a", body="hello")
        await self.until_message(sent["id"], "done")
        await self.clock.advance(5)
        return self.terminals.server(Path((await self.row())["session"]["socket"])).program

    async def until_state(self, state: str) -> float:
        """Wait for the only peer's state; returns how many virtual seconds that took."""
        begun = self.clock.monotonic()

        async def there() -> bool:
            return (await self.row())["state"] == state

        await self.until(there, f"it is {state}")
        return self.clock.monotonic() - begun

    async def row(self) -> dict[str, Any]:
        """The only peer."""
        (row,) = await self.call("list")
        return row

    def taken(self) -> list[str]:
        """What the programs took, in order."""
        logs = self.home.work.glob("*.log")
        return [entry["text"] for path in logs for entry in json_lines(path) if entry["type"] == "prompt"]


@pytest.fixture
async def world(home: Home) -> AsyncIterator[World]:
    made = World(home)
    ready = asyncio.Event()
    running = asyncio.get_running_loop().create_task(made.daemon.run(ready.set))
    await asyncio.wait_for(ready.wait(), PATIENCE)
    yield made
    made.daemon.shut_down()
    await made.until(running.done, "the daemon has ended")
    await running


async def test_P3_a_message_wakes_is_taken_and_an_hour_later_the_session_sleeps(world: World) -> None:
    await world.call("add", name="a", settings={"runtime": "line", "dir": str(world.home.work)})
    sent = await world.call("send", to="a", body="hello", topic="t")
    await world.until_message(sent["id"], "done")
    (text,) = world.taken()
    assert "\nhello\n" in text
    await world.until_state("idle")
    socket = Path((await world.row())["session"]["socket"])
    assert world.terminals.alive(socket)
    assert world.clock.monotonic() < 60
    await world.clock.advance(3500)
    assert (await world.row())["state"] == "idle"
    await world.clock.advance(101)
    await world.until_state("asleep")
    assert not world.terminals.alive(socket)
    (death,) = await world.call("deaths", name="a")
    assert death["cause"] == "idle-sleep"
    again = await world.call("send", to="a", body="again", topic="t")
    await world.until_message(again["id"], "done")
    assert len(world.taken()) == 2
    assert (await world.row())["session"]["wake_cause"] == "parked-topic"


async def test_N1_a_client_that_goes_away_leaves_no_wait_for_an_answer_to_what_was_not_sent(
    world: World,
) -> None:
    await world.call("add", name="desk", settings={"runtime": "human", "dir": str(world.home.work)})
    stop = world.store.stop_next(Point.AFTER)
    _, writer = await asyncio.open_unix_connection(str(world.places.socket))
    asks = {"to": "desk", "body": "may I?", "reply_within": 60}
    writer.write(json.dumps({"id": 1, "method": "send", "params": asks}).encode() + b"\n")
    await asyncio.wait_for(stop.reached.wait(), PATIENCE)  # that an answer is awaited is stored
    assert await world.call("messages", name="desk") == []
    writer.close()
    await writer.wait_closed()
    await world.call("list")
    stop.go.set()

    async def told() -> list[str]:
        await world.clock.advance(10)
        return [row["notice"]["about"] for row in await world.call("inbox", name="operator")]

    await world.until(told, "who asked is told that no answer has come")
    assert [row["id"] for row in await world.call("messages", name="desk")] == await told()


async def test_N6_an_agents_death_is_one_death(world: World) -> None:
    await world.call("add", name="a", settings={"runtime": "line", "dir": str(world.home.work)})
    sent = await world.call("send", to="a", body="hello")
    await world.until_message(sent["id"], "done")
    world.processes.end((await world.row())["session"]["agent_pid"], signum=9)

    async def dead() -> bool:
        return bool(await world.call("deaths", name="a"))

    await world.until(dead, "the death is recorded")
    (death,) = await world.call("deaths", name="a")
    assert (death["cause"], death["signal"]) == ("crashed", 9)


async def test_N5_a_clock_that_is_set_neither_ends_a_session_nor_keeps_it_up(world: World) -> None:
    """P3: it sleeps after an hour of its own time, whatever the wall clock says, forwards and backwards."""
    await world.idle()
    await world.clock.advance(1800)
    for hours in (3, -3):
        world.clock.jump(hours * 3600)
        sent = await world.call("send", to="a", body="@@silent@@", ttl=3600)
        await world.until_message(sent["id"], "done")
        await world.until_state("idle")
    world.clock.jump(3 * 3600)
    await world.clock.advance(60)
    assert (await world.row())["state"] == "idle"
    world.clock.jump(-5 * 3600)
    await world.clock.advance(3440)
    assert (await world.row())["state"] == "idle"
    await world.clock.advance(101)
    await world.until_state("asleep")


async def test_N5_a_machine_that_slept_has_idle_sessions_that_did_not(world: World) -> None:
    await world.idle()
    world.clock.suspend(8 * 3600)
    await world.clock.advance(1800)
    assert (await world.row())["state"] == "idle"
    assert await world.call("deaths", name="a") == []


async def test_an_idle_session_is_hardly_ever_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.idle()
    looks = 0
    capture = MemoryTerminal.capture

    async def counted(terminal: MemoryTerminal, **options: Any) -> str:  # noqa: ANN401 -- passed on
        nonlocal looks
        looks += 1
        return await capture(terminal, **options)

    monkeypatch.setattr(MemoryTerminal, "capture", counted)
    for _ in range(120):
        await world.clock.advance(1)
        await world.row()  # lets threads come to an end
    assert 1 < looks < 15


async def test_what_a_person_does_in_an_idle_session_is_noticed_by_its_trace(world: World) -> None:
    program = await world.idle()
    program.screen = "Allow?"
    assert program.log is not None
    with program.log.open("a") as log:
        log.write("Allow?")
    assert await world.until_state("blocked") < 5


async def test_an_idle_session_whose_pane_log_is_gone_is_looked_at_every_second(world: World) -> None:
    program = await world.idle()
    assert program.log is not None
    program.log.unlink()
    program.screen = "Allow?"
    assert await world.until_state("blocked") < 5


async def test_a_change_that_left_no_trace_is_found_in_the_end(world: World) -> None:
    program = await world.idle()
    program.screen = "Allow?"
    await world.clock.advance(QUIET)
    assert await world.until_state("blocked") < 5


def noted(sense: Callable[..., Any], looks: list[str]) -> Callable[..., Any]:
    """The sense, and a note of each use of it, but for looks at who asks: this process."""

    def look(*args: Any) -> Any:  # noqa: ANN401 -- any sense
        if os.getpid() not in args:
            looks.append(sense.__name__)
        return sense(*args)

    return look


async def test_H1_commands_look_for_no_process(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a session lives is found out in the path of its life, not by each command that asks for it."""
    await world.idle()
    looks: list[str] = []
    for sense in ("identify", "probe", "probe_all", "environ_marker", "tree", "marked"):
        monkeypatch.setattr(MemoryProcesses, sense, noted(getattr(MemoryProcesses, sense), looks))
    sent = await world.call("send", to="operator", body="hello")
    for _ in range(TIMES):
        await world.call("list")
        await world.call("status")
        await world.call("show", name="a")
        await world.call("messages", name="a")
        await world.call("message", id=sent["id"])
        await world.call("inbox", name="operator")
        await world.call("deaths", name="a")
    assert len(looks) < TIMES, "what the clock asks for meanwhile is less than once for each round"
    looks.clear()
    await world.call("gc")
    assert looks


async def test_a_daemon_that_ends_unasked_fails_so_that_a_service_manager_starts_it_again(home: Home) -> None:
    made, ready = World(home), asyncio.Event()
    running = asyncio.get_running_loop().create_task(made.daemon.run(ready.set))
    await asyncio.wait_for(ready.wait(), PATIENCE)
    made.daemon._servers._port.close()
    with pytest.raises(RoostError, match="ended by itself"):
        await asyncio.wait_for(running, PATIENCE)


async def test_a_daemon_whose_port_cannot_be_served_does_not_go_on_without_it(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Servers) -> HttpServer:
        raise ImportError("its library is broken")

    monkeypatch.setattr(Servers, "_load_http", broken)
    with pytest.raises(RoostError, match="ended by itself"):
        await asyncio.wait_for(World(home).daemon.run(lambda: None), PATIENCE)


@pytest.mark.parametrize("error", [ValueError("no such pattern"), PermissionError(13, "Permission denied")])
@pytest.mark.parametrize("look", ["find", "on_lines"])
@pytest.mark.parametrize("crashes", [False, True], ids=["stopped", "crashed"])
async def test_N7_an_end_counts_whatever_its_record_is_like(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, look: str, crashes: bool
) -> None:
    await world.idle()

    def fails(*_about: object) -> None:
        raise error

    monkeypatch.setattr(CommandSensor, look, fails)
    monkeypatch.setattr(CommandRuntime, "transcript", fails)
    if crashes:
        session = (await world.row())["session"]
        world.processes.end(session["agent_pid"], exit_code=1)
    else:
        stopping = asyncio.ensure_future(world.call("stop", name="a"))
        await world.until(stopping.done, "it is stopped")
        await stopping

    async def dead() -> bool:
        return bool(await world.call("deaths", name="a"))

    await world.until(dead, "its end is recorded")
    [death] = await world.call("deaths", name="a")
    assert "its record cannot be read: " in death["evidence"]
