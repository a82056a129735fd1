"""Chaos over the whole daemon, briefly (tests/support/chaos.py takes longer), and what it has found."""

import asyncio
import json
import os
import select
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

import pytest

from roost.client.connection import ConnectionLostError
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.message import Message, Notice
from roost.core.vocabulary.peer import Peer, Settings
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import Processes, SessionState
from roost.daemon.death.authority import TREE, Authority
from roost.daemon.death.exits import Exits
from roost.daemon.death.reaper import RECORD, Reaper
from roost.daemon.delivery.notices import Notices
from roost.daemon.effects.executor import Executor
from roost.daemon.session.live_sessions import LiveSession, LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.threads import Work
from roost.errors import RoostError, StoreError
from roost.host.memory.clock import VirtualClock
from roost.host.memory.processes import MemoryProcesses
from roost.host.shimlib.machine import announce
from roost.host.spool import Spool
from roost.local.paths import find_places
from roost.store.interfaces import Batch, intent_for
from roost.store.memory import MemoryStore, Point
from tests.support.chaos import run
from tests.support.daemon import Roost, environ_of, roost_in
from tests.support.home import Home
from tests.support.victim import Victim
from tests.support.wait import eventually, wait_until

PATIENCE = 30.0
LINE_AGENT = Path(__file__).resolve().parent.parent / "support" / "line_agent.py"


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        yield made


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_N4_N8_a_short_chaos_leaves_nothing_lost_doubled_stuck_or_untrue(tmp_path: Path) -> None:
    """`ROOST_CHAOS_SECONDS` and `ROOST_CHAOS_SEED` make it longer and other."""
    seconds = float(os.environ.get("ROOST_CHAOS_SECONDS", "6"))
    assert run(int(os.environ.get("ROOST_CHAOS_SEED", "7")), seconds, pace=0.15, keep=tmp_path) == []


def test_an_idle_connection_does_not_disturb_the_daemons_end(roost: Roost) -> None:
    """`roost_in` looks for tracebacks in what the daemon said."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as idle:
        idle.connect(str(roost.places.socket))
        roost.call("status")
        roost.daemon.send_signal(signal.SIGTERM)
        assert roost.daemon.wait(PATIENCE) == 0
        assert idle.recv(1) == b""
    assert "Traceback" not in roost.said()


@pytest.mark.parametrize("path", ["hooks/Stop", "mcp"])
def test_a_caller_that_goes_away_within_its_request_is_no_error(roost: Roost, path: str) -> None:
    """As a killed agent does; `roost_in` looks for tracebacks in what the daemon said."""
    roost.add("a")
    roost.call("wake", name="a")
    environ = environ_of(roost.session("a")["agent_pid"])
    address = urlsplit(environ["ROOST_URL"])
    for _ in range(3):
        with socket.create_connection((address.hostname, address.port)) as caller:
            lines = [
                f"POST /{path} HTTP/1.1",
                f"Host: {address.netloc}",
                f"Authorization: Bearer {environ['ROOST_TOKEN']}",
                "Content-Type: application/json",
                "Accept: application/json, text/event-stream",
                "Content-Length: 100000",
            ]
            caller.sendall("\r\n".join([*lines, "", '{"half": "of a']).encode())
            select.select([caller], [], [], 0.2)  # the daemon is to be within the request
    assert roost.ask("a", "hello") == "echo: hello"


def test_P4_a_reply_that_is_sent_again_after_a_crash_ends_the_task(home: Home) -> None:
    """The daemon dies between storing the reply and noting it at its sender."""
    with roost_in(home, started=False) as roost:
        victim = Victim(roost)
        victim.start()
        roost.add("a", wake="ephemeral", quiet="100ms", silence="1h")
        task = roost.send("a", "@@silent@@", wait="done", timeout=PATIENCE)["id"]
        victim.command("after commit queued")
        reply: dict[str, Any] = {"to": "operator", "body": "late", "reply_to": task, "key": "k"}
        reply["token"] = roost.token("a")
        with pytest.raises(ConnectionLostError):
            roost.call("send", **reply)
        roost.daemon.wait(PATIENCE)
        roost.start()
        stored = roost.call("inbox", name="operator")
        assert [item["body"] for item in stored] == ["late"]
        assert roost.call("send", **reply)["id"] == stored[0]["id"]
        assert roost.until_death("a")["cause"] == "ephemeral-done"


def test_a_session_whose_runtime_left_the_configuration_stands_in_nobodys_way(home: Home) -> None:
    """L2, N5: the others are adopted, this one is shown as unknown, and can be ended.

    Once it is there again, one that lives is taken over by itself, and one that sleeps is woken.
    """
    home.roost.mkdir(mode=0o700)
    config = home.roost / "config.toml"
    program = json.dumps(str(LINE_AGENT))
    config.write_text(
        f'[runtimes.line]\nargv = [{json.dumps(sys.executable)}, {program}, "{{dir}}/{{conversation}}.log"]\n'
        "ready = '(?m)^line> $'\naccept_log = \"{dir}/{conversation}.log\"\n"
    )
    with roost_in(home) as roost:
        roost.add("a", "line")
        roost.add("back", "line")
        roost.add("asleep", "line", resume="always")
        roost.add("b")
        for name in ("a", "back", "b", "asleep"):
            roost.call("wake", name=name)
        roost.send("asleep", "hello", wait="done")
        roost.call("sleep", name="asleep")
        roost.kill()
        table = config.read_text()
        config.unlink()
        roost.start()
        for name in ("a", "back"):
            assert "line" in roost.until_state(name, "unknown")["why"]
        assert "unknown runtime 'line'" in roost.cli("wake", "asleep").stderr
        assert roost.ask("b", "hello") == "echo: hello"
        assert len(roost.happened("start")) == 1
        roost.call("stop", name="a")
        config.write_text(table)
        roost.call("wake", name="asleep")
        assert roost.events("asleep", "starting")[-1]["data"]["resume"] is False
        roost.until_state("back", "idle")
        assert [row["state"] for row in roost.call("list") if row["name"] == "asleep"] == ["idle"]
        assert roost.send("back", "hello", wait="done")["state"] == "done"
        assert roost.deaths("a")[-1]["cause"] == "operator-stop"


def test_what_a_killed_daemon_did_not_clean_up_goes_at_the_next_start(roost: Roost) -> None:
    """Only what nobody lives in: a live session keeps its files, and so does a terminal that answers."""
    for name in ("a", "b"):
        roost.add(name)
        roost.call("wake", name=name)
    live, ended = roost.session("a"), roost.session("b")["id"]
    roost.call("stop", name="b")
    roost.until_death("b")
    roost.kill()
    places, stranger = roost.places, "f" * 32
    places.session(ended).mkdir(exist_ok=True)
    (places.spool / f"{ended}.json").write_text("{}")
    places.terminal(ended).unlink(missing_ok=True)  # the daemon may have been killed before it did
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as left:
        left.bind(str(places.terminal(ended)))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as answering:
        answering.bind(str(places.terminal(stranger)))
        answering.listen()
        roost.start()
        wait_until(lambda: roost.events("a", "adopted"), timeout=PATIENCE, why="the session is adopted")
        wait_until(lambda: not places.terminal(ended).exists(), timeout=PATIENCE, why="the leftovers go")
        assert [path.name for path in places.sessions.glob("*")] == [live["id"]]
        assert list(places.spool.glob("*.json*")) == []
        assert roost.ask("a", "hello") == "echo: hello"
        assert places.terminal(stranger).exists()
    places.terminal(stranger).unlink(missing_ok=True)


# the parts, on twins


class Parts:
    """A fleet with one peer, on twins."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = VirtualClock()
        self.tasks = Tasks()
        self.fleet = Fleet(self.store, self.clock, Policy(waking=False), self.tasks)

    def peer(self, name: str, seed: str) -> Peer:
        return Peer(name, seed, Settings(dir="/", runtime="demo"), created_at=0)

    def message(self, message_id: str) -> Message:
        return Message(message_id, "operator", "a", 0, 0, "")

    async def intents(self) -> list[str]:
        return [intent.key for intent in (await self.store.load()).intents]


@pytest.fixture
async def parts() -> AsyncIterator[Parts]:
    made = Parts()
    await made.fleet.add(made.peer("a", "first"))
    yield made
    await made.tasks.close()


async def test_of_two_adds_at_once_one_is_refused(parts: Parts) -> None:
    stop = parts.store.stop_next(Point.BEFORE)
    first = parts.tasks.start(parts.fleet.add(parts.peer("b", "one")), "first")
    await stop.reached.wait()
    with pytest.raises(RoostError, match="already"):
        await parts.fleet.add(parts.peer("b", "two"))
    stop.go.set()
    await first
    stored = {state.peer.name: state.peer.seed for state in (await parts.store.load()).peers}
    assert stored["b"] == parts.fleet.get("b").peer.seed == "one"


async def test_P11_a_name_can_be_given_again_while_late_events_of_the_old_peer_come(parts: Parts) -> None:
    stop = parts.store.stop_next(Point.AFTER)
    removing = parts.tasks.start(parts.fleet.tell("a", r.Remove("operator", force=True)), "remove")
    await stop.reached.wait()
    late = [parts.tasks.start(parts.fleet.report("a", f.Tick()), "late") for _ in range(3)]
    for _ in range(3):
        await asyncio.sleep(0)
    late[0].cancel()  # this caller has given up
    stop.go.set()
    await removing
    await parts.fleet.add(parts.peer("a", "second"))
    assert await asyncio.wait_for(late[1], PATIENCE) in (True, False)
    assert await asyncio.wait_for(late[2], PATIENCE) in (True, False)
    assert parts.fleet.get("a").peer.seed == "second"
    await asyncio.wait_for(parts.fleet.tell("a", f.Tick()), PATIENCE)


async def test_N1_a_notice_that_the_store_refuses_is_still_to_be_told(parts: Parts) -> None:
    notify = c.Notify("n" * 32, "a", Notice("m" * 32, "died", "it died"))
    await parts.store.commit(Batch(at=0, intents=(intent_for(notify, 0),)))
    notices = Notices(parts.fleet, parts.store, parts.clock)
    parts.store.fail_next()
    with pytest.raises(StoreError):
        await notices.deliver(notify)
    assert await parts.intents() == [notify.key]
    await notices.deliver(notify)
    assert await parts.intents() == []
    assert [message.id for message in parts.fleet.get("a").messages] == [notify.id]


async def test_an_examination_that_a_death_overtook_settles_its_intent(parts: Parts) -> None:
    examine = c.Examine("gone", "a", parts.message("m" * 32), None)
    await parts.store.commit(Batch(at=0, intents=(intent_for(examine, 0),)))
    nothing: Any = None
    machine = cast(
        "Any",
        SimpleNamespace(
            clock=parts.clock, store=parts.store, work=Work(), runtimes=SimpleNamespace(servers=None)
        ),
    )
    reaper: Any = SimpleNamespace(cleanup=nothing, threads=nothing, guests=nothing)
    executor = Executor(machine, parts.fleet, nothing, reaper, nothing, nothing, nothing, parts.tasks)
    executor.run(examine)

    async def settled() -> bool:
        return await parts.intents() == []

    await eventually(settled, timeout=PATIENCE, why="the intent is settled")


class _Reaper:
    """Its first tries meet a full disk and a store that refuses."""

    def __init__(self) -> None:
        self.failures: list[Exception] = [OSError(28, "No space left on device"), StoreError("full")]
        self.reaped = asyncio.Event()
        self.listen: Any = None

    async def reap(self, *_about: object) -> None:
        if self.failures:
            raise self.failures.pop()
        self.reaped.set()

    async def prepare(self, *_about: object) -> None:
        """Nothing is left to be looked at."""


async def test_N7_an_unreadable_process_table_proves_no_end(parts: Parts) -> None:
    """A tree that cannot be seen is not taken for empty until the table can be read again."""
    processes = MemoryProcesses()
    machine: Any = SimpleNamespace(
        clock=parts.clock, processes=processes, work=Work(), places=find_places({}, "/tmp/r")
    )
    authority = Authority(machine, parts.fleet)
    unknown = c.Clear("s", "a", "n", None)
    processes.broken = True
    failing = parts.tasks.start(authority.clear(unknown), "unreadable")
    await parts.clock.advance(TREE * 2)
    assert not (await asyncio.wait_for(failing, PATIENCE)).empty
    waiting = parts.tasks.start(authority.clear(unknown), "readable later")
    await parts.clock.advance(TREE / 2)
    processes.broken = False
    await parts.clock.advance(TREE / 2)
    assert str(await asyncio.wait_for(waiting, PATIENCE)) == "its tree is empty"


async def test_P9_a_reaping_that_fails_is_tried_again(parts: Parts) -> None:
    reaper = _Reaper()
    processes = MemoryProcesses()
    one = ProcessId("boot", 7, 7)
    session = SimpleNamespace(id="s", peer="a", processes=Processes(one, one, one, ""), own_terminal=False)
    context, nothing = cast("Any", SimpleNamespace(session=session)), cast("Any", None)
    live = LiveSession(context, nothing, nothing, nothing, agent_pid=7)
    machine: Any = SimpleNamespace(clock=parts.clock, processes=processes, work=Work())
    exits = Exits(machine, parts.fleet, LiveSessions(), cast("Any", reaper), parts.tasks)
    exits.left(live)

    async def reaped() -> bool:
        await parts.clock.advance(0.5)
        return reaper.reaped.is_set()

    await eventually(reaped, timeout=PATIENCE, why="the session is reaped")


@pytest.mark.parametrize("state", [SessionState.WORKING, SessionState.STOPPING])
async def test_P9_a_recorded_end_is_reaped_while_the_shim_lives_on(
    parts: Parts, tmp_path: Path, state: SessionState
) -> None:
    """By its own record alone; an end that somebody waits for is reaped when the shim has seen to it."""
    reaper, live_sessions, processes = _Reaper(), LiveSessions(), MemoryProcesses()
    reaper.failures.clear()
    agent, shim = processes.spawn(), processes.spawn()
    session: Any = SimpleNamespace(
        id="s",
        peer="a",
        nonce="n",
        state=state,
        processes=Processes(agent, shim, shim, ""),
        own_terminal=False,
    )
    fleet: Any = SimpleNamespace(find=lambda _peer: SimpleNamespace(find_session=lambda _id: session))
    machine: Any = SimpleNamespace(clock=parts.clock, processes=processes, work=Work())
    spool = Spool(tmp_path / "spool")
    reaper.listen = spool.listen
    exits = Exits(machine, fleet, live_sessions, cast("Any", reaper), parts.tasks)
    exits.listen()
    context, nothing = cast("Any", SimpleNamespace(session=session)), cast("Any", None)
    live = LiveSession(context, nothing, nothing, nothing, agent_pid=agent.pid)
    live_sessions.add(live)
    processes.end(agent.pid, signum=signal.SIGKILL)
    exits.ended(live)
    record = {"session": "s", "peer": "a", "generation": 1, "boot": "b", "at": 1.0, "signal": 9}
    for nonce in ("another", "n"):
        announce(str(spool.path / "bell"), json.dumps({**record, "nonce": nonce}) + "\n")
    announce(str(spool.path / "bell"), "torn\n")
    await eventually(lambda: live.record, timeout=PATIENCE, why="the record was heard of")
    assert live.record is not None
    assert live.record.nonce == "n"
    if state is SessionState.STOPPING:
        assert not live.over.is_set()
        processes.end(shim.pid)
    await asyncio.wait_for(reaper.reaped.wait(), PATIENCE)
    told = "ended" if state is SessionState.STOPPING else "seen its agent end"
    assert live.witness == f"the session's shim has {told}"
    exits.close()


class _Unreadable:
    """A spool on a disk that gives and takes nothing."""

    def read(self, _session: str) -> None:
        raise OSError(28, "No space left on device")


async def test_P9_a_death_record_that_cannot_be_read_does_not_hold_up_the_reaping(parts: Parts) -> None:
    machine: Any = SimpleNamespace(clock=parts.clock, places=find_places({}, "/tmp/r"), work=Work())
    nothing: Any = None
    reaper = Reaper(machine, parts.fleet, LiveSessions(), nothing, cast("Any", _Unreadable()))
    session: Any = SimpleNamespace(
        id="s", peer="a", nonce="n", processes=None, pooled=None, own_terminal=False
    )
    looking = parts.tasks.start(reaper._look(session, None, None), "looking")
    while not looking.done():
        await parts.clock.advance(RECORD)
    found = await looking
    assert (found.record, found.unread is not None, found.dead) == (None, True, False)
