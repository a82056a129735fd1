"""The pass over the registry on twins: sensors that fail or lie, stores that refuse, reboots, other hosts."""

import json
import os
from typing import Any

import pytest
from msgspec.structs import replace

from roost.core.sessions.sweep import HOLD, Action
from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.peer import Peer, Settings
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import Processes, Session, SessionState, WakeCause
from roost.daemon.death.authority import Authority
from roost.daemon.death.reaper import Reaper
from roost.daemon.registry.sweep import BOOTS, Sweeper
from roost.daemon.session.launcher import Launcher
from roost.daemon.session.live_sessions import LiveSessions
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.daemon.state.tasks import Tasks
from roost.host.files import ensure_private_directory
from roost.host.interfaces.processes import Marker
from roost.host.memory.clock import VirtualClock
from roost.host.memory.ids import SequenceIds
from roost.host.memory.processes import MemoryProcesses
from roost.host.memory.terminals import MemoryTerminals
from roost.host.spool import Spool
from roost.local.config import Config
from roost.local.paths import find_places
from roost.runtimes.registry import Runtimes
from roost.store.interfaces import Batch
from roost.store.memory import MemoryStore
from tests.support.home import Home

pytestmark = pytest.mark.usefixtures("home")


class Registry:
    """Peers with a live session each, on a machine in memory; `sweeper` judges them."""

    def __init__(self, home: Home) -> None:
        self.places = find_places(os.environ)
        for folder in (self.places.home, self.places.state, self.places.run, self.places.logs):
            ensure_private_directory(folder)
        self.clock, self.processes, self.tasks = VirtualClock(), MemoryProcesses(), Tasks()
        self.store = MemoryStore()
        self.home = home

    async def fill(self, count: int) -> None:
        """Peers whose sessions have run for an hour."""
        born = self.clock.now() - 3600.0
        for number in range(count):
            name, session, nonce = f"p{number}", f"s{number}", f"n{number}"
            marker = Marker(session, nonce, str(self.places.home))
            server, shim, agent = (self.processes.spawn(marker=marker) for _ in range(3))
            row = Session(
                session,
                name,
                1,
                nonce,
                WakeCause.FIRST_WAKE,
                resumed=False,
                started_at=born,
                since=born,
                state=SessionState.IDLE,
                ready=True,
                processes=Processes(agent, shim, server, "/s"),
            )
            peer = Peer(name, "seed", Settings(str(self.home.work), "demo"), born, generation=1)
            await self.store.commit(Batch(born, (c.SavePeer(peer), c.SaveSession(row))))
        await self.begin()

    async def begin(self) -> None:
        """A daemon's view of what is stored."""
        self.fleet = Fleet(self.store, self.clock, Policy(), self.tasks)
        self.fleet.load((await self.store.load()).peers)
        machine = Machine(
            places=self.places,
            config=Config(),
            store=self.store,
            clock=self.clock,
            ids=SequenceIds(),
            processes=self.processes,
            terminals=MemoryTerminals(self.processes, lambda _launch: pytest.fail("nothing is launched")),
            runtimes=Runtimes(()),
            environ={},
        )
        live_sessions = LiveSessions()
        reaper = Reaper(
            machine, self.fleet, live_sessions, Authority(machine, self.fleet), Spool(self.places.spool)
        )
        self.sweeper = Sweeper(machine, self.fleet, live_sessions, reaper, Launcher(machine, ""))
        await self.sweeper.prepare()

    async def once(self) -> int:
        """One pass that acts; returns how many rows it closed."""
        return await self.sweeper.close(await self.sweeper.look())

    def live(self) -> int:
        return sum(len(state.sessions) for state in self.fleet.states())

    async def kinds(self, kind: str) -> list[Any]:
        return [row for row in await self.store.events() if row.kind == kind]


@pytest.fixture
async def registry(home: Home) -> Registry:
    made = Registry(home)
    await made.fill(6)
    return made


async def test_N5_a_table_that_shows_nobody_ends_nobody(registry: Registry) -> None:
    registry.processes.blind = True
    assert (await registry.once(), registry.live()) == (0, 6)
    assert registry.sweeper.alarm is not None
    registry.processes.blind = False
    await registry.clock.advance(HOLD * 2)
    assert (await registry.once(), registry.live()) == (0, 6)
    assert registry.sweeper.alarm is None
    assert [row.cause for row in await registry.kinds("alarm")] == ["mass-death", "over"]
    assert registry.processes.signals == []


async def test_N5_a_hold_outlives_the_daemon_and_ends(registry: Registry) -> None:
    for pid in [process.pid for process, _ in registry.processes.marked()]:
        registry.processes.end(pid)
    assert await registry.once() == 0
    await registry.clock.advance(HOLD / 2)
    await registry.begin()
    assert await registry.once() == 0
    await registry.clock.advance(HOLD / 2)
    await registry.begin()
    assert (await registry.once(), registry.live()) == (6, 0)
    assert {death.cause for death in await registry.store.deaths()} == {"shim-lost"}
    assert len(await registry.kinds("stopped")) == 6


async def test_N5_a_table_that_cannot_be_read_makes_unknown(registry: Registry) -> None:
    registry.processes.broken = True
    found = await registry.sweeper.look()
    assert {finding.action for finding in found.plan.findings} == {Action.KEEP}
    assert all("cannot be read" in finding.why for finding in found.plan.findings)
    await registry.clock.advance(30 * 86400.0)
    assert await registry.once() == 0


async def test_H2_H3_a_reboot_closes_all_once_however_often_it_is_noticed(registry: Registry) -> None:
    registry.processes.reboot("next-boot")
    first, second = await registry.sweeper.look(), await registry.sweeper.look()
    await registry.sweeper.close(first)
    await registry.sweeper.close(second)
    assert registry.live() == 0
    assert [row.cause for row in await registry.kinds("stopped")] == ["reboot"] * 6
    assert registry.sweeper.alarm is None


async def test_H5_rows_of_another_host_are_left_alone(registry: Registry) -> None:
    boots = {"another-host": registry.processes.boot}
    await registry.store.commit(Batch(0.0, meta={BOOTS: json.dumps(boots)}))
    registry.processes.reboot("boot-of-this-host")
    await registry.begin()
    found = await registry.sweeper.look()
    assert {(finding.outcome, finding.action) for finding in found.plan.findings} == {("foreign", "skip")}
    assert (await registry.once(), registry.live()) == (0, 6)


async def test_a_store_that_refuses_once_gets_every_death_in_the_end(registry: Registry) -> None:
    await registry.sweeper.note_boot()
    registry.processes.reboot("next-boot")
    found = await registry.sweeper.look()
    registry.store.fail_next()
    assert await registry.sweeper.close(found) == 6
    assert registry.live() == 0
    assert len(await registry.kinds("stopped")) == 6


async def test_L3_a_row_that_is_newer_than_the_look_is_never_lost(registry: Registry) -> None:
    """What is judged is a session, not a peer: the one that came after it lives on."""
    registry.processes.reboot("next-boot")
    found = await registry.sweeper.look()
    assert await registry.sweeper.close(found) == 6
    born = registry.clock.now()
    shim = registry.processes.spawn()
    known = Processes(ProcessId(shim.boot, shim.pid, shim.start), shim, shim, "/s")
    newer = Session(
        "newer",
        "p0",
        2,
        "n",
        WakeCause.FIRST_WAKE,
        resumed=False,
        started_at=born,
        since=born,
        processes=known,
    )
    await registry.store.commit(Batch(born, (c.SaveSession(newer),)))
    await registry.begin()
    await registry.sweeper.close(found)
    assert [state.session.id for state in registry.fleet.states() if state.session] == ["newer"]


async def test_a_death_shows_what_its_own_session_showed(registry: Registry) -> None:
    """Not what an earlier session of the peer showed, whose log lies where its own would."""
    changes: dict[str, dict[str, Any]] = {
        "p1": {"own_terminal": True},
        "p2": {"processes": None},
        "p3": {"pooled": True},
    }
    registry.places.panes.mkdir()
    for name in ("p0", *changes):
        registry.places.pane_log(name).write_text("of the peer's log\n")
    registry.places.pooled_log("s3").parent.mkdir(parents=True)
    registry.places.pooled_log("s3").write_text("of the pool\n")
    rows = [state.sessions[0] for state in registry.fleet.states()]
    saved = tuple(c.SaveSession(replace(row, **changes.get(row.peer, {}))) for row in rows)
    await registry.store.commit(Batch(0.0, saved))
    await registry.begin()
    await registry.sweeper.note_boot()
    registry.processes.reboot("next-boot")
    await registry.once()
    lines = {death.peer: death.last_lines for death in await registry.store.deaths()}
    assert {name: lines[name] for name in ("p0", *changes)} == {
        "p0": ("of the peer's log",),
        "p1": (),
        "p2": (),
        "p3": ("of the pool",),
    }
