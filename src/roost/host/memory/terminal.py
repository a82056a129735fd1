"""A terminal in memory: a server with one pane, and a connection to it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from roost.core.vocabulary.identity import ProcessId
from roost.host.errors import PaneInMode, PasteRefused, TmuxGone, TmuxTimeout
from roost.host.interfaces.processes import Liveness
from roost.host.interfaces.terminals import Frame, Passed, PasteOutcome, Presence
from roost.host.memory.processes import MemoryProcesses
from roost.host.memory.program import Launch, MemoryProgram, Pasted, Pressed
from roost.host.tmux.config import COLUMNS, ROWS
from roost.host.tmux.keys import check_key

_NO_TEXT = {0, 0x1B}


class MemoryServer:
    """One tmux server: its process, its pane's, and the program."""

    def __init__(
        self, launch: Launch, program: MemoryProgram, process: ProcessId, pane: ProcessId, version: str
    ) -> None:
        self.launch = launch
        self.program = program
        self.process = process
        self.pane = pane
        self.version = version
        self.agent: ProcessId | None = None
        self.humans: list[float] = []
        self.joined = 0.0
        self.passed = Passed()
        self.size: tuple[int, int] = (COLUMNS, ROWS)
        self.mode = ""
        self.caption = ""
        self.hanging = False


class MemoryTerminal:
    """Twin of TmuxTerminal."""

    def __init__(self, processes: MemoryProcesses, server: MemoryServer) -> None:
        """Connect to `server`."""
        self._processes = processes
        self._server = server
        self._closed = False
        self._gone_callbacks: list[Callable[[], None]] = []
        self._watch = processes.watch(server.process, self._lost)

    @property
    def socket(self) -> Path:
        """The socket it was started on."""
        return self._server.launch.socket

    @property
    def server(self) -> ProcessId:
        """The server process."""
        return self._server.process

    @property
    def pane_pid(self) -> int:
        """The pid of the pane's root process."""
        return self._server.pane.pid

    @property
    def version(self) -> str:
        """That of the tmux by which it was started."""
        return self._server.version

    def _alive(self) -> bool:
        return self._processes.probe(self._server.process).liveness is not Liveness.DEAD

    async def _reach(self) -> MemoryProgram:
        await asyncio.sleep(0)
        if self._closed or not self._alive():
            raise TmuxGone(f"no tmux server answers on {self.socket}: connection closed")
        if self._server.hanging:
            raise TmuxTimeout(f"tmux on {self.socket} did not answer within 5 s")
        return self._server.program

    async def capture(self, *, escapes: bool = False, history: int = 0) -> str:
        """The last rows of what the program shows; `escapes` changes nothing here."""
        del escapes
        lines = (await self._reach()).screen.split("\n")
        rows = self._server.size[1]
        above = max(0, len(lines) - rows)
        visible = lines[max(0, above - history) :]
        return "\n".join(visible + [""] * (rows - len(visible)))

    async def paste(self, text: bytes, label: str = "") -> PasteOutcome:
        """Give the program one paste."""
        if not text or not _NO_TEXT.isdisjoint(text):
            raise PasteRefused("a paste must hold text without NUL and ESC, which would end it early")
        self._give(await self._reach(), Pasted(text))
        if label:
            self._server.passed = replace(self._server.passed, pasted=label)
        return PasteOutcome.PASTED

    async def log_to(self, path: Path, size: int) -> None:
        """Keep what the program shows from now on in `path`; `size` bounds nothing here."""
        del size
        (await self._reach()).log = path
        path.touch(mode=0o600)

    async def look(self, *, escapes: bool = False) -> Frame:
        """What the program shows, and its title."""
        text, (columns, rows) = await self.capture(escapes=escapes), self._server.size
        program, keyed = self._server.program, max(self._server.humans, default=None)
        return Frame(text, program.title, columns, rows, self._server.mode, program.log is not None, keyed)

    async def caption(self, text: str, until: float) -> None:
        """Keep the line; `until` is not looked at."""
        del until
        await self._reach()
        self._server.caption = text

    async def keys(self, *names: str, label: str = "") -> None:
        """Give the program keys."""
        checked = [check_key(name) for name in names]
        program = await self._reach()
        if checked and self._server.mode:
            raise PaneInMode(f"tmux's {self._server.mode} is open in its terminal")
        for name in checked:
            self._give(program, Pressed(name))
        if checked and label:
            self._server.passed = replace(self._server.passed, keyed=label)

    @staticmethod
    def _give(program: MemoryProgram, received: Pasted | Pressed) -> None:
        program.inputs.append(received)
        before = program.screen
        program.react(received)
        if program.log is not None:
            with program.log.open("a") as file:
                file.write(program.screen.removeprefix(before))

    async def settle(self) -> bool:
        """Leave modes and small sizes that nobody is there to use."""
        await self._reach()
        if not self._server.humans:
            self._server.mode, self._server.size = "", (COLUMNS, ROWS)
        return not self._server.humans

    async def clients(self) -> int:
        """Humans attached."""
        await self._reach()
        return len(self._server.humans)

    async def last_input(self) -> float | None:
        """When a human last pressed a key."""
        await self._reach()
        return max(self._server.humans, default=None)

    async def presence(self) -> Presence:
        """Who is or was at the keys."""
        await self._reach()
        server = self._server
        keyed = max(server.humans, default=None)
        return Presence(server.joined, keyed, max(server.joined, keyed or 0.0))

    async def passed(self) -> Passed | None:
        """The labels that came last."""
        await self._reach()
        return self._server.passed

    async def last_read(self) -> float | None:
        """Never told: there is no device."""
        await self._reach()
        return None

    async def ping(self) -> None:
        """Return when the server answers."""
        await self._reach()

    async def kill(self) -> None:
        """End the server; the pane's root is hung up."""
        if self._alive() and self._server.hanging:
            raise TmuxTimeout(f"the tmux server {self._server.process.pid} did not leave when asked")
        await self.close()
        if self._alive():
            self._processes.end(self._server.process.pid)

    def _lost(self) -> None:
        callbacks, self._gone_callbacks = self._gone_callbacks, []
        for callback in callbacks:
            callback()

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Call back once when the connection ends without `close`."""
        if self._closed:
            return
        if self._alive():
            self._gone_callbacks.append(callback)
        else:
            asyncio.get_running_loop().call_soon(callback)

    async def close(self) -> None:
        """Drop the connection."""
        self._closed = True
        self._watch.cancel()
        self._gone_callbacks.clear()
