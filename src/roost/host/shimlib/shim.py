"""One agent from its start to the record of its end."""

from __future__ import annotations

import os
import sys
import time

from .agent import Agent
from .child import BOOT_FAILED
from .forensics import oom_kills, oom_since, report
from .logfile import append
from .machine import become_subreaper, descendants, hold, identity, read, signal, write_atomic
from .record import write_record
from .server import Nobody, Server
from .text import logfmt, read_json, to_json, utc
from .wakeups import Wakeups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .companion import Companion
    from .job import Job

BAD_SPEC = 78
# How long the agent gets once its terminal is gone; how long a killed process may take to vanish.
HANGUP_GRACE = 3.0
KILL_GRACE = 2.0
# After a hang-up the server's own end may be seen a moment later.
SERVER_SETTLE = 0.5
# Two samples are kept, because a process killed for memory may die well after it was counted.
OOM_SAMPLE_SECONDS = 30.0
LOG_SIZE = 5 << 20
LOG_FILES = 5
# Beside the started file: locked as long as we live.
LOCK = "lock"


class Shim:
    """One agent from start to record."""

    def __init__(self, spec: dict[str, Any]) -> None:
        if spec.get("own_terminal"):  # there all of it has the person's environment
            spec = {**spec, "env": {**os.environ, **spec["env"]}}
        self.spec = spec
        self.job: Job | None = None
        self.closed = False  # whether a person's own terminal was closed
        self.keyed = False  # whether the agent ended in the foreground of a person's own terminal
        self.server = Nobody() if spec.get("own_terminal") else Server()
        self.boot = spec.get("boot") or read("/proc/sys/kernel/random/boot_id").strip()
        self.agent = self.make_agent()
        self.companion = self.make_companion()
        self.samples = [oom_kills()] * 2
        self.wakeups = Wakeups()

    def prepare(self) -> None:
        """Become subreaper, take signals as events, watch the server."""
        if sys.platform == "linux":
            become_subreaper()
        hold(os.path.join(os.path.dirname(self.spec["started"]), LOCK))
        self.wakeups.take_signals()
        if self.job is not None:
            self.job.take_signals(self.wakeups)
        self.server.watch(self.wakeups.poll)

    def run(self) -> int:
        """The whole life; returns the raw wait status to end with."""
        self.prepare()
        folder = folder_of(self.spec.get("cwd"))
        failure = self.begin()
        if failure is not None:
            status = BOOT_FAILED << 8  # as the wait status of a process that could not be run
            self.note_start(failure)
            self.record(status, "boot-failed", failure["error"])
            self.end_rest()
            return status
        self.note_start(
            {
                "agent": self.agent.identity,
                "shim": identity(os.getpid()),
                "server": self.server.identity,
                "companion": self.companion.identity if self.companion else None,
                "boot": self.boot,
                "cwd": self.spec.get("cwd"),
                "folder": folder,
            }
        )
        beside: tuple[str, int] | None = None
        while True:
            if not self.wakeups.wait(OOM_SAMPLE_SECONDS):
                self.samples = [self.samples[1], oom_kills()]
            self.pass_on()
            ended = self.agent.ended()
            if self.hung_up():
                # An agent may have left by itself when its terminal went; its children have not.
                cause = self.hangup_cause()
                self.end_agent(HANGUP_GRACE)
                break
            if ended:
                cause = "terminal-closed" if self.closed else None
                break
            if self.asked_to_end():
                cause = "teardown" if self.deliberate() else "terminated"
                self.end_agent(float(self.spec.get("grace", 5.0)))
                break
            beside = self.companion_end()
            if beside is not None:
                cause = "companion-ended"
                self.end_agent(HANGUP_GRACE)
                break
        if self.job is not None:
            self.keyed = self.job.leave_terminal()
        status = os.waitpid(self.agent.pid, 0)[1]
        error, status = beside or (None, status)
        self.record(status, cause, error)
        # The record comes first: it tells of the agent's end, and children may take a moment to end.
        self.agent.pid = 0
        self.end_rest()
        return status

    def pass_on(self) -> None:
        """In a person's own terminal, what was sent to us is for the program to act on, or not."""
        if self.job is not None and not self.deliberate():
            self.closed = self.closed or signal.SIGHUP in self.wakeups.asked
            self.job.pass_on(self.wakeups)

    def make_agent(self) -> Agent:
        """The agent, in the terminal of our server or in a person's own."""
        if not self.spec.get("own_terminal"):
            return Agent(self.spec)
        from .job import Job  # noqa: PLC0415 -- few have one

        self.job = Job(self.spec)
        return self.job

    def make_companion(self) -> Companion | None:
        """What is to run beside the agent, which few have."""
        if self.spec.get("companion") is None:
            return None
        from .companion import Companion  # noqa: PLC0415 -- see above

        return Companion(self.spec)

    def begin(self) -> dict[str, Any] | None:
        """Start the agent, after its companion if it has one; why that did not come up."""
        companion = self.companion
        if companion is not None:
            failure = companion.begin(lambda: self.hung_up() or signal.SIGTERM in self.wakeups.asked)
            if failure is not None:
                return failure
            self.agent.beside = companion.pid
        return self.agent.start()

    def companion_end(self) -> tuple[str, int] | None:
        """How the companion has ended, in words and as a wait status: the agent cannot go on without."""
        companion = self.companion
        if companion is None or not companion.ended():
            return None
        pid, status = companion.pid, companion.reap()
        return f"its {companion.name} (process {pid}) ended first", status

    def end_rest(self) -> None:
        """End what is left of ours; the companion is asked first."""
        companion = self.companion
        if companion is not None and companion.pid:
            companion.signal_group(signal.SIGTERM)
            self.wakeups.wait_for(companion.ended, KILL_GRACE)
            companion.signal_group(signal.SIGKILL)
            companion.pid = self.agent.beside = 0
        self.wakeups.wait_for(self.agent.children_ended, KILL_GRACE)

    def note_start(self, facts: dict[str, Any]) -> None:
        """Tell the daemon what was started."""
        try:
            write_atomic(self.spec["started"], to_json(facts))
        except OSError as error:
            self.log("shim-error", error=f"cannot write started file: {error.strerror}")

    def hung_up(self) -> bool:
        """Whether our terminal is gone; the end of a person's own is the program's affair."""
        return self.job is None and (signal.SIGHUP in self.wakeups.asked or self.server.gone())

    def asked_to_end(self) -> bool:
        """Whether we are to end the agent; in a person's own terminal only the daemon asks us for that."""
        return signal.SIGTERM in self.wakeups.asked and (self.job is None or self.deliberate())

    def deliberate(self) -> bool:
        """Whether the daemon announced this end."""
        return os.path.exists(self.spec["teardown"])

    def hangup_cause(self) -> str:
        """Say why the terminal is gone; a dirty end is written down before anything else happens."""
        if self.deliberate():
            return "teardown"
        deadline = time.monotonic() + SERVER_SETTLE
        while not self.server.gone() and time.monotonic() < deadline:
            self.server.poll(50)
        cause = "server-exit" if self.server.gone() else "terminal-closed"
        now = time.time()
        name = f"{utc(now).replace(':', '')}-{self.spec['session']}.txt"
        path = os.path.join(self.spec["forensics_dir"], name)
        self.log(cause, at=now, forensics=path)
        heading = f"{cause} of {self.spec['peer']} (session {self.spec['session']}) at {utc(now)}\n"
        facts = f"server {self.server.identity}\nagent {self.agent.identity}\nshim {identity(os.getpid())}\n"
        try:
            write_atomic(path, heading + facts + report(self.spec.get("pane_log")))
        except OSError as error:
            self.log("shim-error", error=f"cannot write forensics: {error.strerror}")
        return cause

    def log(self, event: str, at: float | None = None, **facts: object) -> None:
        """One logfmt line, appended in one write; a log that cannot be written stops nothing."""
        facts = {
            "peer": self.spec["peer"],
            "session": self.spec["session"],
            "generation": self.spec["generation"],
            "server_pid": self.server.pid,
            "agent_pid": self.agent.pid,
            **facts,
        }
        pairs = "".join(f" {name}={logfmt(value)}" for name, value in facts.items())
        line = f"ts={utc(at or time.time())} ev={event}{pairs}"
        try:
            size, files = self.spec.get("log_size", LOG_SIZE), self.spec.get("log_files", LOG_FILES)
            append(self.spec["exits_log"], (line + "\n").encode(), size, files)
        except OSError:
            pass

    def end_agent(self, grace: float) -> None:
        """Ask the agent's group, wait, then kill group and tree; the agent is left unreaped."""
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGCONT):
            self.agent.signal_group(number)
        self.wakeups.wait_for(self.agent.ended, grace)
        self.agent.signal_group(signal.SIGKILL)
        self.wakeups.wait_for(self.agent.ended, KILL_GRACE)
        self.end_rest()

    def record(self, status: int, cause: str | None, error: str | None = None) -> None:
        """Write the death record; a disk that refuses it stops nothing."""
        killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        oom = oom_since(self.samples[0]) if killed == signal.SIGKILL else False
        record = {
            "session": self.spec["session"],
            "peer": self.spec["peer"],
            "generation": self.spec["generation"],
            "nonce": self.spec["nonce"],
            "boot": self.boot,
            "at": time.time(),
            "exit_code": os.WEXITSTATUS(status) if os.WIFEXITED(status) else None,
            "signal": killed,
            "core": os.WCOREDUMP(status) if killed else False,
            "agent": self.agent.identity,
            "cause": cause,
            "error": error,
            "oom": oom,
            "server_alive": not self.server.gone(),
            "children_left": sorted(descendants(os.getpid())),
        }
        folder = os.path.dirname(self.spec["started"])
        failed = write_record(self.spec["spool"], self.spec["session"], record, folder)
        if failed is not None:
            self.log("death-record-failed", error=failed.strerror, status=status)


def folder_of(path: str | None) -> list[int] | None:
    """Device and number of a folder, which tell whether another stands at its place later."""
    try:
        found = os.stat(path or "")
    except OSError:
        return None
    return [found.st_dev, found.st_ino]


def leave(status: int, *, keyed: bool = False) -> None:
    """End as the agent ended: same code, or same signal without a core file of our own.

    `keyed`: it was in the foreground of a person's own terminal. A key there that ended it is also for what
    else is of our process group, as a script that started us.
    """
    if os.WIFSIGNALED(status):
        import resource  # noqa: PLC0415 loaded only by the few that end by a signal

        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        if keyed and number in (signal.SIGINT, signal.SIGQUIT):
            os.killpg(os.getpgrp(), number)
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128)


def main() -> None:
    """Read the spec named by the first argument and live its life."""
    try:
        spec = read_json(read(sys.argv[1]))
        shim = Shim(spec)
    except (IndexError, KeyError, ValueError, StopIteration) as error:
        os.write(2, f"shim: cannot read the spec: {error!r}\n".encode())
        os._exit(BAD_SPEC)
    status = shim.run()
    leave(status, keyed=shim.keyed)
