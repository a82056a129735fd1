"""Starting tmux servers, one per session, and connecting to running ones."""

import asyncio
import os
import re
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path

from roost.core.vocabulary.identity import ProcessId
from roost.host.environment import terminal_name
from roost.host.errors import HostError, TmuxError, TmuxGone, TmuxMissing, TmuxTimeout
from roost.host.files import ensure_private_directory, write_atomic
from roost.host.interfaces.processes import Processes
from roost.host.interfaces.terminals import Terminals
from roost.host.scope import Scopes
from roost.host.tmux.config import COLUMNS, CONFIGURED, ROWS, SESSION, config_commands, first_config_text
from roost.host.tmux.control import ControlClient
from roost.host.tmux.program import NAMED_VERSION, is_tmux, own_program
from roost.host.tmux.quote import argument, line
from roost.host.tmux.terminal import TmuxTerminal

START_DEADLINE = 10.0
REOPEN_DEADLINE = 2.0
_POLL = 0.01
_ANSWER = 1.0
OLDEST = (3, 3)
LONGEST_SOCKET_PATH = 107


class TmuxTerminals:
    """The contract is `roost.host.interfaces.Terminals`."""

    def __init__(
        self, config: Path, processes: Processes, *, tmux: str = "tmux", scopes: Scopes | None = None
    ) -> None:
        """Use `config` as the place of our own tmux configuration, written at each start.

        `scopes`: each server is started in one of its own, named after its socket, where they are to be had.
        """
        self._config = config
        self._processes = processes
        self._tmux = tmux
        self._scopes = scopes or Scopes()
        self._starting: set[tuple[int, int, int]] = set()

    async def version(self) -> str:
        """For example `3.3a`. Raises TmuxMissing."""
        _, output, _ = await self._run(NAMED_VERSION, None, program=self._find())
        return output.strip().removeprefix("tmux ")

    async def start(
        self, socket: Path, argv: Sequence[str], env: Mapping[str, str], cwd: Path
    ) -> TmuxTerminal:
        """Start a server with one pane and connect; TmuxGone when the program in the pane ends at once."""
        check_socket_path(socket)
        write_atomic(self._config, first_config_text(terminal_name(env)).encode(), durable=False)
        # tmux hands a single word to a shell; two or more are executed as they are.
        words = list(argv) if len(argv) > 1 else ["/usr/bin/env", *argv]
        command = [self._find(), "-u", "-S", str(socket), "-f", str(self._config)]
        # Where tmux is started is where the pane begins: -c would be read as a format.
        command += ["new-session", "-d", "-s", SESSION, "-x", str(COLUMNS), "-y", str(ROWS)]
        command += ["--", *(argument(word) for word in words)]
        if not await self._started_in_scope(socket.name, command, env, cwd):
            code, _, complaint = await self._run(command, env, cwd)
            if code != 0:
                reason = complaint.strip() or f"exit code {code}"
                raise TmuxError(f"tmux could not start on {socket}: {reason}")
        return await self.adopt(socket)

    async def _started_in_scope(
        self, name: str, command: Sequence[str], env: Mapping[str, str], cwd: Path
    ) -> bool:
        """Start a server in a scope. False: there was none to be had, and the server does without.

        Were the server there after all, starting it again would fail: two servers cannot come of it.
        """
        prefix = self._scopes.prefix(name)
        if not prefix:
            return False
        try:
            code, _, complaint = await self._run([*prefix, *command], env, cwd)
        except (TmuxTimeout, OSError) as error:
            self._scopes.refused(str(error), for_good=True)
            return False
        if code != 0:
            self._scopes.refused(" ".join(complaint.split()) or f"exit code {code}", for_good=False)
            return False
        self._scopes.given()
        return True

    async def reopen(self, socket: Path, server: ProcessId) -> None:
        """Have the server make its socket again where it was removed: it does so on SIGUSR1 (tmux 3.3a)."""
        if await _listens(socket):
            return
        ensure_private_directory(socket.parent)
        if not self._processes.signal(server, signal.SIGUSR1):
            raise TmuxGone(f"no tmux server answers on {socket}: it has ended")
        try:
            async with asyncio.timeout(REOPEN_DEADLINE):
                while not await _listens(socket):  # noqa: ASYNC110 it tells nobody
                    await asyncio.sleep(_POLL)
        except TimeoutError as error:
            raise TmuxGone(
                f"the tmux server {server.pid} lives and does not listen on {socket} again"
            ) from error

    async def adopt(self, socket: Path) -> TmuxTerminal:
        """Connect to a running server."""
        check_socket_path(socket)
        control = await self._connect(socket)
        try:
            rows = await control.command(line("list-panes", "-a", "-F", "#{pane_id} #{pane_pid} #{pid}"))
            about = f"#{{{CONFIGURED}}} #{{version}} #{{default-terminal}}"
            [told] = await control.command(line("display-message", "-p", about))
            has, version, terminal = told.split(" ", 2)
            for command in config_commands(terminal, has):
                await control.command(command)
            # A human may have opened more panes; ours was the first.
            number, root, server_pid = min(tuple(map(int, row.removeprefix("%").split())) for row in rows)
            server = self._processes.identify(server_pid)
            if server is None:
                raise TmuxGone(f"the tmux server on {socket} is ending")  # noqa: TRY301 cleaned up below
        except BaseException as error:
            await control.close()
            if isinstance(error, ValueError) or type(error) is TmuxError:
                # It answers, but its session is gone ("no current target"): it is about to leave.
                raise TmuxGone(f"the tmux server on {socket} is ending") from error
            raise
        return TmuxTerminal(control, self._processes, server, f"%{number}", root, version)

    async def _connect(self, socket: Path) -> ControlClient:
        program = await self.client(socket)
        try:
            return await ControlClient.attach(socket, tmux=program, env=_environ())
        except TmuxTimeout as error:
            if own_program(socket, program) is None:
                raise
            other = f"its server is of another tmux than {program}, which may not be able to speak to it"
            raise TmuxTimeout(f"{error.message}; {other}") from error

    async def client(self, socket: Path) -> str:
        """The server's own program, where PATH has another one by now and that one still starts."""
        own = own_program(socket, shutil.which(self._tmux))
        return own if own is not None and await self._starts(own) else self._find()

    async def _starts(self, program: str) -> bool:
        """Whether a program starts, and is a tmux; each file is tried until it does."""
        try:
            file = os.stat(program)  # noqa: PTH116 -- a plain string here
            key = file.st_dev, file.st_ino, file.st_mtime_ns
            if key not in self._starting:
                _, said, _ = await self._run(NAMED_VERSION, _environ(), program=program)
                self._starting.update({key} if is_tmux(said) else ())
        except (OSError, TmuxTimeout):
            return False
        return key in self._starting

    def _find(self) -> str:
        found = shutil.which(self._tmux)
        if found is None:
            raise TmuxMissing(f"{self._tmux} was not found; install tmux 3.3 or later")
        return found

    async def _run(
        self,
        argv: Sequence[str],
        env: Mapping[str, str] | None,
        cwd: Path | None = None,
        program: str | None = None,
    ) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            *argv,
            executable=program,
            cwd=cwd,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=None if env is None else dict(env),
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(START_DEADLINE):
                output, complaint = await process.communicate()
        except BaseException as error:
            if process.returncode is None:
                process.kill()
                await process.wait()
            if isinstance(error, TimeoutError):
                raise TmuxTimeout(f"tmux did not finish within {START_DEADLINE:g} s") from error
            raise
        return process.returncode or 0, output.decode(errors="replace"), complaint.decode(errors="replace")


def _environ() -> dict[str, str]:
    """What a client of ours is given."""
    return {"PATH": os.environ.get("PATH", os.defpath), "TERM": "dumb"}


def check_socket_path(socket: Path) -> None:
    """Raise HostError for a socket path that the system would cut off."""
    if len(os.fsencode(socket)) > LONGEST_SOCKET_PATH:
        raise HostError(f"{socket} is longer than {LONGEST_SOCKET_PATH} bytes; choose a shorter directory")


async def _listens(socket: Path) -> bool:
    """Whether somebody listens there."""
    try:
        async with asyncio.timeout(_ANSWER):
            _, writer = await asyncio.open_unix_connection(str(socket))
    except OSError:
        return False
    writer.close()
    return True


def new_enough(version: str) -> bool:
    """Whether a tmux `version` such as `3.3a` or `next-3.7` will do."""
    found = re.search(r"(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= OLDEST


async def check_version(terminals: Terminals) -> None:
    """Raise TmuxMissing unless tmux is there and new enough."""
    version = await terminals.version()
    if not new_enough(version):
        raise TmuxMissing(f"tmux {version} is too old; install tmux 3.3 or later")
