"""A shim in memory: the same files as the real one, on processes of the memory twin."""

import json
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from roost.core.vocabulary.identity import ProcessId
from roost.host.files import write_atomic
from roost.host.interfaces.processes import Liveness, Marker
from roost.host.memory.processes import Ending, MemoryProcesses
from roost.host.process_table import HOME_VARIABLE, NONCE_VARIABLE, SESSION_VARIABLE
from roost.host.shim_spec import FIFO, SHIM
from roost.host.shimlib.machine import announce

_NOT_FOUND = 127


class MemoryShim:
    """Twin of `roost.host.shim`: starts an agent, reports it, records its end.

    An agent whose program is `/nonexistent...` cannot be run. Times in records are those of `now`.
    """

    def __init__(self, processes: MemoryProcesses, spec: Path, server: ProcessId, now: float = 0.0) -> None:
        """Read `spec`; the shim and its agent become processes below `server`."""
        self._processes = processes
        self._spec: dict[str, Any] = json.loads(spec.read_bytes())
        self._server = server
        self._now = now
        self._cause: str | None = None
        self._error: str | None = None
        env = self._spec["env"]
        self._marker = Marker(env[SESSION_VARIABLE], env[NONCE_VARIABLE], env.get(HOME_VARIABLE))
        self.process = processes.spawn(parent=server.pid, marker=self._marker, handler=self._receive)
        self.agent = processes.spawn(parent=self.process.pid, marker=self._marker)
        processes.watch(self.agent, self._record)
        if str(self._spec["argv"][0]).startswith("/nonexistent"):
            self._cause = "boot-failed"
            self._error = f"cannot run {self._spec['argv'][0]}: No such file or directory"
            self._write("started", {"error": self._error})
            processes.end(self.agent.pid, exit_code=_NOT_FOUND)
            return
        found = {"agent": self.agent, "shim": self.process, "server": server}
        facts = {name: {"pid": process.pid, "start": process.start} for name, process in found.items()}
        self._write("started", {**facts, "boot": processes.boot})

    @staticmethod
    def spec_of(argv: Sequence[str]) -> Path | None:
        """The spec in a command made by `shim_argv`, None for any other command."""
        return Path(argv[-1]) if len(argv) > 1 and argv[-2] == str(SHIM) else None

    def _write(self, key: str, facts: dict[str, Any], name: str = "") -> None:
        write_atomic(Path(self._spec[key]) / name, json.dumps(facts).encode(), durable=False)

    def _alive(self, process: ProcessId) -> bool:
        return self._processes.probe(process).liveness is not Liveness.DEAD

    def _receive(self, signum: int) -> None:
        if signum not in (signal.SIGHUP, signal.SIGTERM) or self._cause is not None:
            return
        if Path(self._spec["teardown"]).exists():
            self._cause = "teardown"
        elif signum == signal.SIGTERM:
            self._cause = "terminated"
        else:
            self._cause = "terminal-closed" if self._alive(self._server) else "server-exit"
            self._note_hangup()
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGKILL):
            self._processes.signal(self.agent, number)

    def _note_hangup(self) -> None:
        session = self._spec["session"]
        snapshot = Path(self._spec["forensics_dir"]) / f"{self._cause}-{session}.txt"
        snapshot.write_text("# memory\n")
        with Path(self._spec["exits_log"]).open("a", encoding="utf-8") as log:
            log.write(
                f"ts=1970-01-01T00:00:00.000Z ev={self._cause} peer={self._spec['peer']} session={session} "
                f"generation={self._spec['generation']} forensics={snapshot}\n"
            )

    def _record(self) -> None:
        if not self._alive(self.process):
            return
        ending = self._processes.endings.get(self.agent, Ending(0, None))
        tree = self._processes.tree(self.process, self._marker.session, self._marker.nonce)
        ours = (self.process, self.agent, self._server)
        children = [process for process in tree if process not in ours]
        if self._cause not in (None, "boot-failed"):
            self._kill(children)
        left = [process.pid for process in children if self._alive(process)]
        record = {
            **{name: self._spec[name] for name in ("session", "peer", "generation", "nonce")},
            "boot": self._processes.boot,
            "at": self._now,
            "exit_code": ending.exit_code,
            "signal": ending.signal,
            "core": False,
            "agent": {"pid": self.agent.pid, "start": self.agent.start},
            "cause": self._cause,
            "error": self._error,
            "oom": False,
            "server_alive": self._alive(self._server),
            "children_left": left,
        }
        self._write("spool", record, f"{self._spec['session']}.json")
        announce(str(Path(self._spec["spool"]) / FIFO), json.dumps(record) + "\n")
        self._kill(children)
        self._processes.end(self.process.pid, exit_code=ending.exit_code or 0, signum=ending.signal)

    def _kill(self, children: Sequence[ProcessId]) -> None:
        for process in children:
            self._processes.signal(process, signal.SIGKILL)
