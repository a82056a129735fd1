"""One contract for a session's shim, its records and its terminal, kept by the real ones and the twins."""

import asyncio
import contextlib
import os
import signal
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from roost.host.errors import TmuxGone
from roost.host.interfaces.processes import Processes
from roost.host.interfaces.terminals import Terminal, Terminals
from roost.host.memory.processes import MemoryProcesses
from roost.host.memory.terminals import MemoryTerminals
from roost.host.process import SystemProcesses
from roost.host.shim_spec import DeathRecord, ShimSpec, Started, read_started, shim_argv
from roost.host.spool import Spool
from roost.host.tmux.server import TmuxTerminals
from tests.support.wait import eventually

_PATIENCE = 30


@dataclass
class Stage:
    """One session in a folder of its own."""

    folder: Path
    processes: Processes
    terminals: Terminals
    spec: ShimSpec
    terminal: Terminal | None = None

    async def launch(self) -> Started:
        path = self.folder / "spec.json"
        self.spec.write(path)
        socket = self.folder / "s"
        self.terminal = await self.terminals.start(socket, shim_argv(path), dict(self.spec.env), self.folder)
        found = await eventually(self.started, timeout=_PATIENCE, why="the shim has reported")
        assert found
        return found

    def started(self) -> Started | None:
        return read_started(self.spec.started, self.processes)

    async def death(self) -> DeathRecord:
        spool = Spool(self.spec.spool)
        found = await eventually(lambda: spool.read("s1"), timeout=_PATIENCE, why="the death is recorded")
        assert isinstance(found, DeathRecord)
        return found

    async def empty(self) -> None:
        """Wait until nothing of the session lives."""
        await eventually(
            lambda: self.processes.tree(None, "s1", self.spec.nonce) == [],
            timeout=_PATIENCE,
            why="the tree is empty",
        )

    def exits(self) -> str:
        return self.spec.exits_log.read_text() if self.spec.exits_log.exists() else ""

    async def close(self) -> None:
        if self.terminal:
            await self.terminal.close()
        for process in self.processes.tree(None, "s1", self.spec.nonce):
            self.processes.signal(process, signal.SIGKILL)


@pytest.fixture(params=[pytest.param("real", marks=[pytest.mark.real, pytest.mark.tmux]), "memory"])
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as path:
        folder = Path(path)
        (folder / "forensics").mkdir()
        (folder / "spool").mkdir()
        memory = MemoryProcesses()
        real = request.param == "real"
        processes = SystemProcesses() if real else memory
        terminals = TmuxTerminals(folder / "conf", processes) if real else MemoryTerminals(memory)
        nonce = f"nonce-{folder.name}"
        spec = ShimSpec(
            argv=["cat"],
            env={**os.environ, "ROOST_SESSION": "s1", "ROOST_NONCE": nonce},
            cwd=folder,
            session="s1",
            peer="anna",
            generation=4,
            nonce=nonce,
            boot=processes.boot_id(),
            spool=folder / "spool",
            exits_log=folder / "exits.log",
            forensics_dir=folder / "forensics",
            teardown=folder / "teardown",
            started=folder / "started.json",
        )
        made = Stage(folder, processes, terminals, spec)
        yield made
        await made.close()


async def test_started_session_names_its_processes(stage: Stage) -> None:
    started = await stage.launch()
    assert stage.terminal
    assert started.error is None
    assert started.server == stage.terminal.server
    assert started.shim
    assert started.shim.pid == stage.terminal.pane_pid
    tree = stage.processes.tree(started.shim, "s1", stage.spec.nonce)
    assert {started.agent, started.shim, started.server} == set(tree)


async def test_P9_agents_end_is_recorded_and_the_session_goes(stage: Stage) -> None:
    started = await stage.launch()
    assert started.agent
    heard: list[DeathRecord] = []
    fifo = Spool(stage.spec.spool).listen(heard.append)
    stage.processes.signal(started.agent, signal.SIGKILL)
    record = await stage.death()
    assert (record.signal, record.exit_code, record.cause) == (signal.SIGKILL, None, None)
    assert (record.agent, record.generation, record.peer) == (started.agent, 4, "anna")
    assert record.server_alive
    assert record.children_left == ()
    assert await eventually(lambda: heard, timeout=_PATIENCE, why="the record was announced") == [record]
    fifo.cancel()
    await stage.empty()
    assert stage.exits() == ""


async def test_P9_agent_that_cannot_run_is_boot_failed(stage: Stage) -> None:
    stage.spec = replace(stage.spec, argv=["/nonexistent/agent"])
    with contextlib.suppress(TmuxGone):  # the session may end before its starter has connected
        await stage.launch()
    record = await stage.death()
    assert (record.exit_code, record.cause) == (127, "boot-failed")
    started = stage.started()
    assert started
    assert started.error == record.error == "cannot run /nonexistent/agent: No such file or directory"
    await stage.empty()


async def test_P10_dead_server_is_told_by_the_shim(stage: Stage) -> None:
    started = await stage.launch()
    assert started.server
    stage.processes.signal(started.server, signal.SIGKILL)
    record = await stage.death()
    assert (record.cause, record.server_alive) == ("server-exit", False)
    await stage.empty()
    assert stage.exits().startswith("ts=")
    assert " ev=server-exit peer=anna session=s1 generation=4 " in stage.exits()
    assert stage.exits().count("\n") == 1
    assert len(list(stage.spec.forensics_dir.iterdir())) == 1


async def test_P10_teardown_is_silent(stage: Stage) -> None:
    await stage.launch()
    assert stage.terminal
    stage.spec.teardown.touch()
    await stage.terminal.kill()
    assert (await stage.death()).cause == "teardown"
    await stage.empty()
    assert stage.exits() == ""
    assert list(stage.spec.forensics_dir.iterdir()) == []


@pytest.mark.parametrize(("deliberate", "cause"), [(False, "terminated"), (True, "teardown")])
async def test_asked_shim_ends_the_session(stage: Stage, *, deliberate: bool, cause: str) -> None:
    started = await stage.launch()
    assert started.shim
    if deliberate:
        stage.spec.teardown.touch()
    stage.processes.signal(started.shim, signal.SIGTERM)
    assert (await stage.death()).cause == cause
    await stage.empty()
    assert stage.exits() == ""


async def test_killed_shim_leaves_no_record_but_the_agent_is_found_by_its_marker(stage: Stage) -> None:
    started = await stage.launch()
    assert started.shim
    gone = asyncio.Event()
    stage.processes.watch(started.shim, gone.set)
    stage.processes.signal(started.shim, signal.SIGKILL)
    await asyncio.wait_for(gone.wait(), _PATIENCE)
    left = stage.processes.tree(None, "s1", stage.spec.nonce)
    assert started.shim not in left
    assert Spool(stage.spec.spool).records() == ([], [])
