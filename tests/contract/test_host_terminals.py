"""One contract for terminals, kept by tmux and by the twin alike.

The program in the pane is `cat` (its terminal echoes) or the twin's echo program.
"""

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from roost.host.errors import HostError, PasteRefused, TmuxError, TmuxGone
from roost.host.interfaces.processes import Liveness, Processes
from roost.host.interfaces.terminals import Frame, Passed, PasteOutcome, Terminal, Terminals
from roost.host.memory.processes import MemoryProcesses
from roost.host.memory.terminals import MemoryTerminals
from roost.host.process import SystemProcesses
from roost.host.tmux.config import COLUMNS, ROWS
from roost.host.tmux.server import TmuxTerminals
from tests.support.wait import eventually

_PATIENCE = 30
_SESSION = "terminal-contract"


class World:
    """Terminals in a short folder of their own; what was started is ended."""

    def __init__(self, folder: Path, processes: Processes, terminals: Terminals) -> None:
        self.folder = folder
        self.processes = processes
        self.terminals = terminals
        self.nonce = folder.name
        self._started: list[Terminal] = []

    async def start(self, name: str = "s") -> Terminal:
        env = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "ROOST_TEST_RUN") if name in os.environ},
            "ROOST_SESSION": _SESSION,
            "ROOST_NONCE": self.nonce,
        }
        terminal = await self.terminals.start(self.folder / name, ["cat"], env, self.folder)
        self._started.append(terminal)
        return terminal

    async def shows(self, terminal: Terminal, text: str) -> str:
        async def look() -> str | None:
            screen = await terminal.capture()
            return screen if text in screen else None

        return await eventually(look, timeout=_PATIENCE, why=f"{text!r} on the screen") or ""

    async def close(self) -> None:
        for terminal in self._started:
            if self.processes.probe(terminal.server).liveness is Liveness.ALIVE:
                await terminal.kill()
            await terminal.close()
            for process in self.processes.tree(None, _SESSION, self.nonce):
                self.processes.signal(process, signal.SIGKILL)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.fixture(params=[pytest.param("real", marks=[pytest.mark.real, pytest.mark.tmux]), "memory"])
async def world(request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[World]:
    if request.param == "real":
        system = SystemProcesses()
        made = World(folder, system, TmuxTerminals(folder / "tmux.conf", system))
    else:
        memory = MemoryProcesses()
        made = World(folder, memory, MemoryTerminals(memory))
    yield made
    await made.close()


async def test_started_terminal_shows_what_is_pasted_and_typed(world: World) -> None:
    terminal = await world.start()
    assert await terminal.paste("héllo wörld".encode()) is PasteOutcome.PASTED
    await terminal.keys("Enter", "x", "1", "Enter")
    await world.shows(terminal, "x1")

    async def same() -> Frame | None:
        """One look that shows what a capture shows: `cat` may answer between the two."""
        screen, frame = await terminal.capture(), await terminal.look()
        return frame if frame.text.split("\n") == screen.split("\n") else None

    frame = await eventually(same, timeout=_PATIENCE, why="a look shows what a capture shows")
    assert frame
    assert (frame.columns, frame.rows, frame.mode) == (COLUMNS, ROWS, "")
    assert frame.text.startswith("héllo wörld\n")
    assert len(frame.text.split("\n")) == ROWS
    await terminal.ping()
    assert await terminal.settle()


async def test_server_and_pane_are_processes(world: World) -> None:
    terminal = await world.start()
    pane = world.processes.identify(terminal.pane_pid)
    assert pane
    assert world.processes.probe(terminal.server).liveness is Liveness.ALIVE
    found = world.processes.tree(None, _SESSION, world.nonce)
    assert {terminal.server, pane} <= set(found)


async def test_N8_terminal_outlives_its_connection_and_is_adopted(world: World) -> None:
    terminal = await world.start()
    await terminal.paste(b"before")
    await world.shows(terminal, "before")
    await terminal.close()
    with pytest.raises(TmuxGone):
        await terminal.ping()
    again = await world.terminals.adopt(terminal.socket)
    assert (again.server, again.pane_pid) == (terminal.server, terminal.pane_pid)
    assert "before" in await again.capture()
    await again.close()


async def test_two_connections_at_once(world: World) -> None:
    terminal = await world.start()
    other = await world.terminals.adopt(terminal.socket)
    await asyncio.gather(*(each.ping() for each in (terminal, other) for _ in range(20)))
    assert await terminal.clients() == 0
    assert await terminal.last_input() is None
    await other.close()
    await terminal.ping()


async def test_live_socket_is_not_taken_over(world: World) -> None:
    terminal = await world.start()
    with pytest.raises(TmuxError):
        await world.start()
    await terminal.ping()


async def test_kill_ends_the_server_and_frees_the_socket(world: World) -> None:
    terminal = await world.start()
    gone: list[int] = []
    terminal.on_gone(lambda: gone.append(1))
    await terminal.kill()
    assert world.processes.probe(terminal.server).liveness is Liveness.DEAD
    assert not terminal.socket.exists()
    with pytest.raises(TmuxGone):
        await terminal.capture()
    with pytest.raises(TmuxGone):
        await world.terminals.adopt(terminal.socket)
    await terminal.kill()
    again = await world.start()
    assert again.server != terminal.server


async def test_N6_loss_of_the_server_is_an_event(world: World) -> None:
    terminal = await world.start()
    gone = asyncio.Event()
    terminal.on_gone(gone.set)
    world.processes.signal(terminal.server, signal.SIGKILL)
    await asyncio.wait_for(gone.wait(), _PATIENCE)
    with pytest.raises(TmuxGone):
        await terminal.paste(b"x")
    late = asyncio.Event()
    terminal.on_gone(late.set)
    await asyncio.wait_for(late.wait(), _PATIENCE)


async def test_no_gone_after_close(world: World) -> None:
    terminal = await world.start()
    calls: list[int] = []
    terminal.on_gone(lambda: calls.append(1))
    await terminal.close()
    terminal.on_gone(lambda: calls.append(2))
    world.processes.signal(terminal.server, signal.SIGKILL)
    gone = asyncio.Event()
    world.processes.watch(terminal.server, gone.set)
    await asyncio.wait_for(gone.wait(), _PATIENCE)
    assert calls == []


async def test_adopting_nothing_is_gone_and_starts_nothing(world: World) -> None:
    with pytest.raises(TmuxGone):
        await world.terminals.adopt(world.folder / "none")
    assert not (world.folder / "none").exists()


@pytest.mark.parametrize("bad", ["Entre", "", "C-", "Down,Enter", "-x", "\x1b"])
async def test_unknown_keys_are_refused_not_typed(world: World, bad: str) -> None:
    terminal = await world.start()
    with pytest.raises(TmuxError, match="key"):
        await terminal.keys("a", bad)
    assert (await terminal.capture()).strip() == ""


@pytest.mark.parametrize("bad", [b"", b"a\x1b[201~b", b"a\0b"])
async def test_pastes_that_would_end_early_are_refused(world: World, bad: bytes) -> None:
    terminal = await world.start()
    with pytest.raises(PasteRefused):
        await terminal.paste(bad)
    assert (await terminal.capture()).strip() == ""


async def test_N4_a_terminal_keeps_what_was_pasted_and_pressed_for_whoever_asks_later(world: World) -> None:
    """A paste or a key without a label leaves those before it; what was refused leaves none."""
    terminal = await world.start()
    assert await terminal.passed() == Passed()
    await terminal.paste(b"one", "0a:1:0/-")
    await terminal.paste(b"two")
    assert await terminal.passed() == Passed("0a:1:0/-")
    await terminal.keys("Enter", label="0a:1:0/-:17.250:nothing")
    await terminal.keys("Enter")
    with pytest.raises(PasteRefused):
        await terminal.paste(b"", "0b:1:0/-")
    await terminal.close()
    again = await world.terminals.adopt(terminal.socket)
    assert await again.passed() == Passed("0a:1:0/-", "0a:1:0/-:17.250:nothing")
    presence = await again.presence()
    assert (presence.trace, presence.joined, presence.keyed) == ("0/-", 0, None)
    assert await again.last_read() is None, "cat has a line that is not complete, for all that is known"
    await again.close()


async def test_output_is_logged_without_us(world: World) -> None:
    terminal = await world.start()
    log = world.folder / "a #{x} %H 'log'"
    await terminal.log_to(log, 1 << 20)
    assert (await terminal.look()).logged
    await terminal.close()
    again = await world.terminals.adopt(terminal.socket)
    await again.paste(b"logged")
    await eventually(lambda: "logged" in log.read_text(), timeout=_PATIENCE, why="the output is in the log")
    assert log.stat().st_mode & 0o777 == 0o600
    await again.close()


async def test_kill_works_without_a_connection(world: World) -> None:
    terminal = await world.start()
    await terminal.close()
    await terminal.kill()
    assert world.processes.probe(terminal.server).liveness is Liveness.DEAD


async def test_version_is_told(world: World) -> None:
    assert (await world.terminals.version())[0].isdigit()


async def test_overlong_socket_path_is_refused_by_name(folder: Path) -> None:
    terminals = TmuxTerminals(folder / "c", SystemProcesses())
    with pytest.raises(HostError, match="107"):
        await terminals.start(folder / ("x" * 100), ["cat"], {}, folder)
