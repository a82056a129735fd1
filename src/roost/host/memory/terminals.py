"""Terminals in memory, on processes of the memory twin."""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from roost.core.vocabulary.identity import ProcessId
from roost.host.errors import TmuxError, TmuxGone, TmuxTimeout
from roost.host.interfaces.processes import Liveness, Marker
from roost.host.memory.processes import MemoryProcesses
from roost.host.memory.program import Launch, MemoryProgram
from roost.host.memory.shim import MemoryShim
from roost.host.memory.terminal import MemoryServer, MemoryTerminal
from roost.host.process_table import HOME_VARIABLE, NONCE_VARIABLE, SESSION_VARIABLE


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
        self.installed = "3.5a"

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
        self._servers[socket].joined = last_input

    def hang(self, socket: Path, *, hanging: bool = True) -> None:
        """Make the server stop answering, as SIGSTOP does."""
        self._servers[socket].hanging = hanging

    def crash(self, socket: Path) -> None:
        """SIGKILL the server: the pane's root is hung up and, unless it ignores that, ends."""
        self._processes.signal(self._servers[socket].process, signal.SIGKILL)

    async def client(self, socket: Path) -> str:
        """Nobody joins these."""
        del socket
        await asyncio.sleep(0)
        return "tmux"

    async def version(self) -> str:
        """A version that will do."""
        return self.installed

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
        server = MemoryServer(launch, self._program(launch), process, pane, self.installed)
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
