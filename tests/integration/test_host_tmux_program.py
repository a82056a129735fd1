"""A tmux whose package is upgraded while its servers run: what speaks to them then."""

import asyncio
import functools
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from roost.host.errors import TmuxMissing, TmuxTimeout
from roost.host.process import SystemProcesses
from roost.host.tmux.attach import attach_argv
from roost.host.tmux.control import ControlClient
from roost.host.tmux.program import client_of, own_program
from roost.host.tmux.server import TmuxTerminals
from roost.host.tmux.terminal import TmuxTerminal
from tests.support.pane import Pane

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(sys.platform != "linux", reason="the program of a server is found by /proc"),
]
NEWER = '#!/bin/sh\ntest "$1" = -V && exec echo tmux 99.9\nexec sleep 60\n'
"""A client that no server of before answers."""


class Upgraded:
    """A terminal, and the tmux that it was started with, whose file becomes another one."""

    def __init__(self, folder: Path) -> None:
        self.program = folder / "tmux"
        shutil.copy(shutil.which("tmux") or "", self.program)
        if self.program.read_bytes().startswith(b"#!"):
            pytest.skip("the tmux of this machine is started by a script")
        self.processes = SystemProcesses()
        self.terminals = TmuxTerminals(folder / "tmux.conf", self.processes, tmux=str(self.program))
        self._folder = folder

    async def start(self) -> TmuxTerminal:
        return await self.terminals.start(self._folder / "s", ["cat"], dict(os.environ), self._folder)

    def happens(self) -> None:
        self.program.unlink()
        self.program.write_text(NEWER)
        self.program.chmod(0o755)


@pytest.fixture
async def upgrade() -> AsyncIterator[Upgraded]:
    with tempfile.TemporaryDirectory(prefix="r", dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Upgraded(Path(folder))


@pytest.fixture
async def terminal(upgrade: Upgraded) -> AsyncIterator[TmuxTerminal]:
    made = await upgrade.start()
    pane = upgrade.processes.identify(made.pane_pid)
    yield made
    assert pane
    for process in (pane, made.server):
        upgrade.processes.signal(process, signal.SIGKILL)
    await made.close()


async def test_N5_a_server_is_spoken_to_by_its_own_program(upgrade: Upgraded, terminal: TmuxTerminal) -> None:
    """The file of that is gone; at last tmux is not installed at all. A person joins with it as well."""
    assert await upgrade.terminals.client(terminal.socket) == str(upgrade.program)
    version = await upgrade.terminals.version()
    await terminal.close()
    upgrade.happens()
    assert (await upgrade.terminals.version(), terminal.version) == ("99.9", version)
    again = await upgrade.terminals.adopt(terminal.socket)
    assert (again.version, again.server) == (version, terminal.server)
    own = f"/proc/{terminal.server.pid}/exe"
    assert await upgrade.terminals.client(terminal.socket) == own
    assert await asyncio.to_thread(client_of, terminal.socket, str(upgrade.program)) == own

    def joined() -> None:
        folder = terminal.socket.with_name("person")
        folder.mkdir()
        words = ["env", "-u", "TMUX", *attach_argv(terminal.socket, tmux=own)]
        with Pane(folder, words, environ=os.environ, directory=folder) as person:
            person.wait_for("Ctrl-b d leaves it running")

    await asyncio.to_thread(joined)
    await again.close()
    upgrade.program.unlink()
    await (await upgrade.terminals.adopt(terminal.socket)).close()
    terminal.socket.unlink()
    with pytest.raises(TmuxMissing):
        await upgrade.terminals.adopt(terminal.socket)


async def test_N5_where_the_own_program_does_not_start_the_reason_names_the_other(
    upgrade: Upgraded, terminal: TmuxTerminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of a wrapper: its program is what loads tmux, and no tmux by itself."""
    upgrade.happens()
    attach = functools.partial(ControlClient.attach, deadline=0.2)
    monkeypatch.setattr("roost.host.tmux.server.ControlClient.attach", attach)
    for module in ("program", "server"):
        monkeypatch.setattr(f"roost.host.tmux.{module}.NAMED_VERSION", ("tmux", "--no-such-option"))
    found = str(upgrade.program)
    assert await upgrade.terminals.client(terminal.socket) == found
    assert await asyncio.to_thread(client_of, terminal.socket, found) == found
    with pytest.raises(TmuxTimeout, match=f"within 0.2 s; its server is of another tmux than {found}"):
        await upgrade.terminals.adopt(terminal.socket)


async def test_what_is_not_told_of_a_server(upgrade: Upgraded, terminal: TmuxTerminal) -> None:
    """Where nobody listens nothing is told, and another program that listens is not started as a tmux."""
    found = str(upgrade.program)
    assert own_program(terminal.socket, found) is None
    assert own_program(terminal.socket.with_name("none"), found) is None
    server = await asyncio.start_unix_server(
        lambda _reader, writer: writer.close(), terminal.socket.with_name("other")
    )
    async with server:
        assert await upgrade.terminals.client(terminal.socket.with_name("other")) == found
