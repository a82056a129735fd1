"""Terminals in memory: a scripted program behind a screen, on processes of the memory twin."""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from roost.host.errors import PaneInMode, PasteRefused, TmuxError, TmuxGone, TmuxTimeout
from roost.host.interfaces import Frame, Liveness, Marker, PasteOutcome, ProcessId
from roost.host.memory.processes import MemoryProcesses
from roost.host.memory.shim import MemoryShim
from roost.host.process_table import HOME_VARIABLE, NONCE_VARIABLE, SESSION_VARIABLE
from roost.host.tmux.config import COLUMNS, ROWS
from roost.host.tmux.keys import check_key

_ESCAPE = b"\x1b"


@dataclass(frozen=True, slots=True)
class Launch:
    """What a terminal was started with."""

    socket: Path
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path


@dataclass(frozen=True, slots=True)
class Pasted:
    """Input: one bracketed paste."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Pressed:
    """Input: one named key."""

    key: str


class MemoryProgram:
    """What runs in a pane. This one shows its input; override `react` for another behaviour."""

    def __init__(self, launch: Launch) -> None:
        """Start with an empty screen."""
        self.launch = launch
        self.screen = ""
        self.title = ""
        self.log: Path | None = None
        self.inputs: list[Pasted | Pressed] = []

    def react(self, received: Pasted | Pressed) -> None:
        """Change `screen` and `title` as the program would: pastes appear, Enter ends the line."""
        if isinstance(received, Pasted):
            self.screen += received.text.decode("utf-8", "replace")
        elif received.key == "Enter":
            self.screen += "\n"
        elif len(received.key) == 1:
            self.screen += received.key


class MemoryServer:
    """One tmux server: its process, its pane's, and the program."""

    def __init__(self, launch: Launch, program: MemoryProgram, process: ProcessId, pane: ProcessId) -> None:
        self.launch = launch
        self.program = program
        self.process = process
        self.pane = pane
        self.agent: ProcessId | None = None
        self.humans: list[float] = []
        self.size: tuple[int, int] = (COLUMNS, ROWS)
        self.mode = ""
        self.caption = ""
        self.hanging = False


class MemoryTerminals:
    """Twin of TmuxTerminals; `servers` gives tests a hand on what runs behind each socket."""

    def __init__(
        self, processes: MemoryProcesses, program: Callable[[Launch], MemoryProgram] = MemoryProgram
    ) -> None:
        """Start servers and panes as processes of `processes`, each pane running `program`.

        A pane whose command comes from `shim_argv` gets a MemoryShim and an agent process.
        """
        self._processes = processes
        self._program = program
        self._servers: dict[Path, MemoryServer] = {}
        self.connections: list[MemoryTerminal] = []

    def server(self, socket: Path) -> MemoryServer:
        """The server last started on `socket`."""
        return self._servers[socket]

    def alive(self, socket: Path) -> bool:
        """Whether the server on `socket` runs."""
        server = self._servers.get(socket)
        return server is not None and self._processes.probe(server.process).liveness is Liveness.ALIVE

    def attach_human(self, socket: Path, last_input: float) -> None:
        """A human joins, having last pressed a key at `last_input` (Unix seconds)."""
        self._servers[socket].humans.append(last_input)

    def hang(self, socket: Path, *, hanging: bool = True) -> None:
        """Make the server stop answering, as SIGSTOP does."""
        self._servers[socket].hanging = hanging

    def crash(self, socket: Path) -> None:
        """SIGKILL the server: the pane's root is hung up and, unless it ignores that, ends."""
        self._processes.signal(self._servers[socket].process, signal.SIGKILL)

    async def version(self) -> str:
        """A version that will do."""
        return "3.5a"

    async def start(
        self, socket: Path, argv: Sequence[str], env: Mapping[str, str], cwd: Path
    ) -> "MemoryTerminal":
        """Start a server with one pane."""
        if self.alive(socket):
            raise TmuxError(f"tmux could not start on {socket}: duplicate session: main")
        launch = Launch(socket, tuple(argv), dict(env), cwd)
        session, nonce = env.get(SESSION_VARIABLE), env.get(NONCE_VARIABLE)
        marker = Marker(session, nonce, env.get(HOME_VARIABLE)) if session and nonce else None
        process = self._processes.spawn(marker=marker)
        spec = MemoryShim.spec_of(launch.argv)
        shim = MemoryShim(self._processes, spec, process) if spec else None
        pane = shim.process if shim else self._processes.spawn(parent=process.pid, marker=marker)
        server = MemoryServer(launch, self._program(launch), process, pane)
        server.agent = shim.agent if shim else None
        self._servers[socket] = server
        # A server whose last pane ends leaves; a pane whose server ends is hung up.
        self._processes.watch(pane, lambda: self._leave(server))
        self._processes.watch(process, lambda: self._hang_up(pane))
        return await self.adopt(socket)

    def _hang_up(self, pane: ProcessId) -> None:
        if not self._processes.broken:
            self._processes.signal(pane, signal.SIGHUP)

    def _leave(self, server: MemoryServer) -> None:
        if self._processes.probe(server.process).liveness is Liveness.ALIVE:
            self._processes.end(server.process.pid)

    async def adopt(self, socket: Path) -> "MemoryTerminal":
        """Connect to a running server."""
        await asyncio.sleep(0)
        if not self.alive(socket):
            raise TmuxGone(f"no tmux server answers on {socket}: no server running on {socket}")
        if self._servers[socket].hanging:
            raise TmuxTimeout(f"tmux on {socket} did not answer within 5 s")
        terminal = MemoryTerminal(self._processes, self._servers[socket])
        self.connections.append(terminal)
        return terminal

    async def reopen(self, socket: Path, server: ProcessId) -> None:
        """Sockets here are never removed."""
        await asyncio.sleep(0)
        if self._processes.probe(server).liveness is Liveness.DEAD:
            raise TmuxGone(f"no tmux server answers on {socket}: it has ended")


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

    async def paste(self, text: bytes, path: Path) -> PasteOutcome:
        """Give the program one paste."""
        del path
        if not text or _ESCAPE in text:
            raise PasteRefused("a paste must hold text and no ESC, which would end it early; remove it")
        self._give(await self._reach(), Pasted(text))
        return PasteOutcome.PASTED

    async def log_to(self, path: Path, size: int) -> None:
        """Keep what the program shows from now on in `path`; `size` bounds nothing here."""
        del size
        (await self._reach()).log = path
        path.touch(mode=0o600)

    async def look(self, *, escapes: bool = False) -> Frame:
        """What the program shows, and its title."""
        text, (columns, rows) = await self.capture(escapes=escapes), self._server.size
        program = self._server.program
        return Frame(text, program.title, columns, rows, self._server.mode, program.log is not None)

    async def caption(self, text: str, until: float) -> None:
        """Keep the line; `until` is not looked at."""
        del until
        await self._reach()
        self._server.caption = text

    async def keys(self, *names: str) -> None:
        """Give the program keys."""
        checked = [check_key(name) for name in names]
        program = await self._reach()
        if checked and self._server.mode:
            raise PaneInMode(f"tmux's {self._server.mode} is open in its terminal")
        for name in checked:
            self._give(program, Pressed(name))

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
