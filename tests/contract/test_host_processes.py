"""One contract for processes, kept by the machine and by the twin alike."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest

from roost.core.vocabulary.identity import ProcessId
from roost.host.errors import SensorError
from roost.host.interfaces.processes import Liveness, Marker, Processes
from roost.host.memory.processes import MemoryProcesses
from roost.host.process import SystemProcesses

_DEADLINE = 10
_WAITER = "import sys; sys.stdout.write('ready\\n'); sys.stdout.flush(); sys.stdin.read()"
_PARENT = (
    "import subprocess, sys\n"
    "child = subprocess.Popen([sys.executable, '-S', '-c', 'import signal; signal.pause()'],\n"
    "                         start_new_session=True)\n"
    "print(child.pid, flush=True)\n"
    "sys.stdin.read()\n"
)


class World(Protocol):
    """Ways to make processes, real or not."""

    processes: Processes

    def spawn(self, marker: Marker | None = None) -> ProcessId: ...
    def family(self, marker: Marker | None = None) -> tuple[ProcessId, ProcessId]: ...
    def end(self, process: ProcessId, *, zombie: bool = False) -> None: ...


class RealWorld:
    """Python children that wait for the end of their standard input."""

    def __init__(self) -> None:
        self.processes: Processes = SystemProcesses()
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._grandchildren: list[ProcessId] = []

    def _start(self, program: str, marker: Marker | None) -> tuple[ProcessId, bytes]:
        env = {**os.environ}
        if marker:
            env.update(ROOST_SESSION=marker.session, ROOST_NONCE=marker.nonce)
        child = subprocess.Popen(
            [sys.executable, "-S", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
        )
        self._children[child.pid] = child
        assert child.stdout
        line = child.stdout.readline()
        found = self.processes.identify(child.pid)
        assert found
        return found, line

    def spawn(self, marker: Marker | None = None) -> ProcessId:
        return self._start(_WAITER, marker)[0]

    def family(self, marker: Marker | None = None) -> tuple[ProcessId, ProcessId]:
        parent, line = self._start(_PARENT, marker)
        child = self.processes.identify(int(line))
        assert child
        self._grandchildren.append(child)
        return parent, child

    def end(self, process: ProcessId, *, zombie: bool = False) -> None:
        child = self._children[process.pid]
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        if not zombie:
            self._close(child)

    @staticmethod
    def _close(child: subprocess.Popen[bytes]) -> None:
        child.wait(_DEADLINE)
        for stream in (child.stdin, child.stdout):
            if stream:
                stream.close()

    def close(self) -> None:
        for child in self._children.values():
            child.kill()
            self._close(child)
        for grandchild in self._grandchildren:
            self.processes.signal(grandchild, signal.SIGKILL)


class MemoryWorld:
    """The twin."""

    def __init__(self) -> None:
        self.memory = MemoryProcesses()
        self.processes: Processes = self.memory

    def spawn(self, marker: Marker | None = None) -> ProcessId:
        return self.memory.spawn(marker=marker)

    def family(self, marker: Marker | None = None) -> tuple[ProcessId, ProcessId]:
        parent = self.memory.spawn(marker=marker)
        return parent, self.memory.spawn(parent=parent.pid, marker=marker)

    def end(self, process: ProcessId, *, zombie: bool = False) -> None:
        self.memory.end(process.pid, zombie=zombie)

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture(params=[RealWorld, MemoryWorld], ids=["real", "memory"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    made = request.param()
    yield made
    made.close()


async def gone(processes: Processes, process: ProcessId, act: Callable[[], object] = bool) -> None:
    """Watch, act, and wait for the callback."""
    event = asyncio.Event()
    watch = processes.watch(process, event.set)
    act()
    await asyncio.wait_for(event.wait(), _DEADLINE)
    watch.cancel()


def test_identity_of_a_living_process_is_stable(world: World) -> None:
    process = world.spawn()
    assert world.processes.identify(process.pid) == process
    assert process.boot == world.processes.boot_id()
    assert world.processes.probe(process).liveness is Liveness.ALIVE


def test_dead_process_has_no_identity(world: World) -> None:
    process = world.spawn()
    world.end(process)
    assert world.processes.identify(process.pid) is None
    assert world.processes.probe(process).liveness is Liveness.DEAD


def test_H4_zombie_is_dead(world: World) -> None:
    process = world.spawn()
    world.end(process, zombie=True)
    assert world.processes.identify(process.pid) is None
    verdict = world.processes.probe(process)
    assert verdict.liveness is Liveness.DEAD
    assert "zombie" in verdict.reason
    assert not world.processes.signal(process, signal.SIGTERM)


def test_H4_recycled_pid_is_neither_believed_nor_signalled(world: World) -> None:
    stranger = world.spawn()
    recorded = ProcessId(stranger.boot, stranger.pid, stranger.start - 1)
    assert world.processes.probe(recorded).liveness is Liveness.DEAD
    assert not world.processes.signal(recorded, signal.SIGKILL)
    assert world.processes.probe(stranger).liveness is Liveness.ALIVE
    assert world.processes.tree(recorded, "none", "none") == []


def test_H2_process_of_another_boot_is_dead_and_never_signalled(world: World) -> None:
    process = world.spawn()
    earlier = ProcessId("11111111-2222-3333-4444-555555555555", process.pid, process.start)
    assert world.processes.probe(earlier).liveness is Liveness.DEAD
    assert not world.processes.signal(earlier, signal.SIGKILL)
    assert world.processes.probe(process).liveness is Liveness.ALIVE


async def test_N6_death_is_an_event_that_comes_once(world: World) -> None:
    process = world.spawn()
    calls: list[int] = []
    world.processes.watch(process, lambda: calls.append(1))
    await asyncio.sleep(0)
    assert calls == []
    await gone(world.processes, process, lambda: world.end(process, zombie=True))
    for _ in range(3):
        await asyncio.sleep(0)
    assert calls == [1]


async def test_watch_of_the_dead_and_of_the_recycled_fires_on_the_next_turn(world: World) -> None:
    stranger = world.spawn()
    await gone(world.processes, ProcessId(stranger.boot, stranger.pid, stranger.start - 1))
    world.end(stranger)
    calls: list[int] = []
    world.processes.watch(stranger, lambda: calls.append(1))
    assert calls == []
    await gone(world.processes, stranger)
    assert calls == [1]


async def test_cancelled_watch_stays_silent(world: World) -> None:
    process = world.spawn()
    calls: list[int] = []
    watch = world.processes.watch(process, lambda: calls.append(1))
    watch.cancel()
    watch.cancel()
    await gone(world.processes, process, lambda: world.end(process))
    late = world.processes.watch(process, lambda: calls.append(2))
    late.cancel()
    await gone(world.processes, process)
    assert calls == []


async def test_signal_reaches_the_process(world: World) -> None:
    process = world.spawn()
    await gone(world.processes, process, lambda: world.processes.signal(process, signal.SIGTERM))


def test_N7_tree_holds_descendants_even_in_other_sessions(world: World) -> None:
    parent, child = world.family()
    assert world.processes.tree(parent, "s", "n") == sorted([parent, child], key=lambda p: p.pid)


async def test_N7_tree_finds_by_marker_what_left_the_tree(world: World) -> None:
    marker = Marker("session-tree", secrets.token_hex(8))
    other_marker = Marker(marker.session, secrets.token_hex(8))
    parent, child = world.family(marker)
    other = world.spawn(other_marker)
    await gone(world.processes, parent, lambda: world.end(parent))
    assert world.processes.environ_marker(child.pid) == marker
    assert world.processes.variable(child.pid, "ROOST_SESSION") == marker.session
    assert world.processes.variable(child.pid, "ROOST_SESSIO") is None
    assert world.processes.tree(parent, marker.session, marker.nonce) == [child]
    assert world.processes.tree(None, marker.session, marker.nonce) == [child]
    assert (other, other_marker) in world.processes.marked()
    assert (child, marker) in world.processes.marked()


def test_B3_unmarked_processes_are_never_listed(world: World) -> None:
    process = world.spawn()
    assert world.processes.environ_marker(process.pid) is None
    assert process.pid not in [found.pid for found, _ in world.processes.marked()]
    assert world.processes.tree(None, "", "") == []


def test_N5_unreadable_sensor_says_unknown_in_the_twin() -> None:
    memory = MemoryProcesses()
    process = memory.spawn()
    memory.broken = True
    assert memory.probe(process).liveness is Liveness.UNKNOWN
    with pytest.raises(SensorError):
        memory.identify(process.pid)
    with pytest.raises(SensorError):
        memory.signal(process, signal.SIGKILL)
    with pytest.raises(SensorError):
        memory.tree(process, "s", "n")


def test_F31_ancestors_go_up_from_the_process(world: World) -> None:
    parent, child = world.family()
    line = world.processes.ancestors(child.pid)
    assert line[:2] == [child, parent]
    world.end(parent)
    assert parent not in world.processes.ancestors(child.pid)
    assert world.processes.ancestors(parent.pid) == []
