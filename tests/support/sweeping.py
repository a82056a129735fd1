"""What tests of the sweep do to a roost: end everything of its sessions, change what its store holds."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable

from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.session import Processes, Session
from roost.store.interfaces import Batch
from roost.store.sqlite import SqliteStore
from tests.support.daemon import Record, Roost, alive
from tests.support.wait import wait_until

PATIENCE = 30.0


def wipe_out(sessions: list[Record], *, shim_first: bool = True) -> None:
    """SIGKILL all processes of these sessions; with the shim first there is no record of their deaths."""
    names = ("shim_pid", "agent_pid", "server_pid")
    order = names if shim_first else ("agent_pid",)
    handles = [os.pidfd_open(session[name]) for name in order for session in sessions]
    for handle in handles:
        with contextlib.suppress(ProcessLookupError):  # a tmux server ends by itself when its last shim has
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.close(handle)
    pids = [session[name] for session in sessions for name in names]
    wait_until(
        lambda: not any(alive(pid) for pid in pids),
        timeout=PATIENCE,
        why="everything of the sessions is gone",
        describe=lambda: [pid for pid in pids if alive(pid)],
    )


def change_sessions(roost: Roost, change: Callable[[Session], Session]) -> None:
    """Rewrite the live rows of a store that no daemon holds."""

    async def rewrite() -> None:
        store = await SqliteStore.open(roost.places.database)
        try:
            states = (await store.load()).peers
            saves = [c.SaveSession(change(session)) for state in states for session in state.sessions]
            await store.commit(Batch(0.0, tuple(saves)))
        finally:
            await store.close()

    asyncio.run(rewrite())


def of_boot(boot: str) -> Callable[[Session], Session]:
    """The same session, as if it had been started in that boot."""

    def change(session: Session) -> Session:
        assert session.processes is not None
        known = session.processes
        assert known.server is not None
        agent, shim, server = (
            ProcessId(boot, process.pid, process.start) for process in (known.agent, known.shim, known.server)
        )
        return replace(session, processes=Processes(agent, shim, server, known.socket))

    return change


def sleeper(variables: dict[str, str]) -> subprocess.Popen[bytes]:
    """A harmless process with these variables in its environment; it ends with its standard input."""
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", "import sys; print(flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **variables},
    )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def finish(process: subprocess.Popen[bytes]) -> None:
    """End a sleeper."""
    process.kill()
    process.communicate(timeout=PATIENCE)
