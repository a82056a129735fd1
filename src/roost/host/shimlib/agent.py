"""One agent from its start to the record of its end."""

from __future__ import annotations

import os
import select
import sys
import time

from .forensics import oom_evidence, oom_kills, report
from .logfile import append
from .machine import (
    become_subreaper,
    children,
    descendants,
    hold,
    identity,
    make_durable,
    read,
    ring,
    signal,
    take_foreground,
    write_atomic,
)
from .text import logfmt, read_json, to_json, utc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

BOOT_FAILED = 127
BAD_SPEC = 78
# How long the agent gets once its terminal is gone; how long a killed process may take to vanish.
HANGUP_GRACE = 3.0
KILL_GRACE = 2.0
# After a hang-up the server's own end may be seen a moment later.
SERVER_SETTLE = 0.5
OOM_SAMPLE_SECONDS = 30.0
LOG_SIZE = 5 << 20
LOG_FILES = 5
# In the directory of death records: where a daemon listens.
BELL = "bell"
# Beside the started file: locked as long as we live.
LOCK = "lock"


class Shim:
    """One agent from start to record."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.server = os.getppid()
        self.server_identity = identity(self.server)
        self.boot = spec.get("boot") or read("/proc/sys/kernel/random/boot_id").strip()
        self.agent = 0
        self.agent_identity: dict[str, int | None] = {}
        self.asked: set[int] = set()
        self.samples = [oom_kills()] * 2
        self.poll = select.poll()
        self.server_handle = -1

    # start

    def prepare(self) -> None:
        """Become subreaper, take signals as events, watch the server."""
        if sys.platform == "linux":
            become_subreaper()
        hold(os.path.join(os.path.dirname(self.spec["started"]), LOCK))
        reader, writer = os.pipe()
        for descriptor in (reader, writer):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self.wakeup = reader
        self.poll.register(reader, select.POLLIN)
        for number in (signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, self.note_signal)
        signal.signal(signal.SIGCHLD, self.note_signal)
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGTTOU, signal.SIGTTIN):
            signal.signal(number, signal.SIG_IGN)
        if hasattr(os, "pidfd_open"):
            try:
                self.server_handle = os.pidfd_open(self.server)
                self.poll.register(self.server_handle, select.POLLIN)
            except OSError:
                self.server_handle = -1

    def note_signal(self, number: int, _: object) -> None:
        """Remember a signal; its arrival also ends `wait`."""
        self.asked.add(number)

    def start(self) -> dict[str, Any] | None:
        """Start the agent; the reason (`error` in words, `errno`) when its program did not run."""
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            reader, writer = os.pipe()
            self.agent = os.fork()
        except OSError as error:
            return {"error": f"cannot start a process: {error.strerror}", "errno": error.errno}
        if self.agent == 0:
            self.become_agent(writer)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.close(writer)
        try:
            os.setpgid(self.agent, self.agent)
        except OSError:
            pass
        self.agent_identity = identity(self.agent)
        why = b""
        while chunk := os.read(reader, 4096):
            why += chunk
        os.close(reader)
        if not why:
            return None
        os.waitpid(self.agent, 0)
        self.agent = 0
        number, _, text = why.decode("utf-8", "replace").partition(" ")
        return {"error": text, "errno": int(number)}

    def become_agent(self, report: int) -> None:
        """In the child: own process group in the terminal's foreground, default signals, then exec."""
        place = self.spec["argv"][0]
        try:
            os.setpgid(0, 0)
            take_foreground(os.getpid())
            for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            self.take_limits()
            if self.spec.get("cwd"):
                place = self.spec["cwd"]
                os.chdir(place)
                place = self.spec["argv"][0]
            os.execvpe(self.spec["argv"][0], self.spec["argv"], self.spec["env"])  # noqa: S606 no shell wanted
        except (OSError, ValueError) as error:
            number = getattr(error, "errno", None) or 0
            why = f"{number} cannot run {place}: {getattr(error, 'strerror', None) or error}"
            os.write(report, why.encode("utf-8", "replace")[:4000])
        finally:
            os._exit(BOOT_FAILED)

    def take_limits(self) -> None:
        """In the child: umask and soft limit of open files are not ours but what the agent is to have."""
        if self.spec.get("umask") is not None:
            os.umask(self.spec["umask"])
        wanted = self.spec.get("open_files")
        if wanted is not None:
            import resource  # noqa: PLC0415 in the child alone

            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            fits = hard == resource.RLIM_INFINITY or 0 <= wanted <= hard
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if fits else hard, hard))

    # watch

    def run(self) -> int:
        """The whole life; returns the raw wait status to end with."""
        self.prepare()
        folder = folder_of(self.spec.get("cwd"))
        failure = self.start()
        if failure is not None:
            status = BOOT_FAILED << 8  # as the wait status of a process that could not be run
            self.note_start(failure)
            self.record(status, "boot-failed", failure["error"])
            return status
        self.note_start(
            {
                "agent": self.agent_identity,
                "shim": identity(os.getpid()),
                "server": self.server_identity,
                "boot": self.boot,
                "cwd": self.spec.get("cwd"),
                "folder": folder,
            }
        )
        while True:
            self.wait(OOM_SAMPLE_SECONDS)
            ended = self.agent_ended()
            if self.hung_up():
                # An agent may have left by itself when its terminal went; its children have not.
                cause = self.hangup_cause()
                self.end_agent(HANGUP_GRACE)
                break
            if ended:
                cause = None
                break
            if signal.SIGTERM in self.asked:
                cause = "teardown" if self.deliberate() else "terminated"
                self.end_agent(float(self.spec.get("grace", 5.0)))
                break
        status = os.waitpid(self.agent, 0)[1]
        self.record(status, cause)
        # The record comes first: it tells of the agent's end, and children may take a moment to end.
        self.agent = 0
        self.wait_for(self.children_ended, KILL_GRACE)
        return status

    def note_start(self, facts: dict[str, Any]) -> None:
        """Tell the daemon what was started."""
        try:
            write_atomic(self.spec["started"], to_json(facts))
        except OSError as error:
            self.log("shim-error", error=f"cannot write started file: {error.strerror}")

    def wait(self, seconds: float) -> None:
        """Until something happened, or `seconds` went by; then sample the OOM counters.

        Two samples are kept, because a process killed for memory may die well after it was counted.
        """
        events = self.poll.poll(int(seconds * 1000))
        if not events and seconds >= OOM_SAMPLE_SECONDS:
            self.samples = [self.samples[1], oom_kills()]
        try:
            while os.read(self.wakeup, 4096):
                pass
        except BlockingIOError:
            pass

    def agent_ended(self) -> bool:
        """Whether the agent has ended; it stays a zombie, so that its pid and group cannot be reused."""
        while True:
            found = wait_child(os.P_PID, self.agent)
            if found is not None and found.si_code == os.CLD_STOPPED:
                # Takes the stop alone: should it have been killed since, its status must stay.
                os.waitid(os.P_PID, self.agent, os.WSTOPPED | os.WNOHANG)
                self.resume(found.si_status)
                continue
            break
        if found is None:  # else the record comes first
            self.reap_others()
        return found is not None

    def reap_others(self) -> None:
        """Reap what has ended of our other children."""
        for pid in children(os.getpid()):
            if pid != self.agent:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass

    def resume(self, stop: int) -> None:
        """There is no shell to continue an agent that stopped itself or touched the terminal too early."""
        if stop in (signal.SIGTTIN, signal.SIGTTOU):
            take_foreground(self.agent)
        if stop != signal.SIGSTOP:
            os.killpg(self.agent, signal.SIGCONT)

    def server_gone(self) -> bool:
        """Whether the tmux server has ended."""
        if self.server_handle >= 0:
            probe = select.poll()
            probe.register(self.server_handle, select.POLLIN)
            return bool(probe.poll(0))
        return os.getppid() != self.server

    def hung_up(self) -> bool:
        """Whether our terminal is gone."""
        return signal.SIGHUP in self.asked or self.server_gone()

    def deliberate(self) -> bool:
        """Whether the daemon announced this end."""
        return os.path.exists(self.spec["teardown"])

    def hangup_cause(self) -> str:
        """Say why the terminal is gone; a dirty end is written down before anything else happens."""
        if self.deliberate():
            return "teardown"
        deadline = time.monotonic() + SERVER_SETTLE
        while not self.server_gone() and time.monotonic() < deadline:
            probe = select.poll()
            if self.server_handle >= 0:
                probe.register(self.server_handle, select.POLLIN)
            probe.poll(50)
        cause = "server-exit" if self.server_gone() else "terminal-closed"
        now = time.time()
        name = f"{utc(now).replace(':', '')}-{self.spec['session']}.txt"
        path = os.path.join(self.spec["forensics_dir"], name)
        self.log(cause, at=now, forensics=path)
        heading = f"{cause} of {self.spec['peer']} (session {self.spec['session']}) at {utc(now)}\n"
        facts = f"server {self.server_identity}\nagent {self.agent_identity}\nshim {identity(os.getpid())}\n"
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
            "server_pid": self.server,
            "agent_pid": self.agent,
            **facts,
        }
        pairs = "".join(f" {name}={logfmt(value)}" for name, value in facts.items())
        line = f"ts={utc(at or time.time())} ev={event}{pairs}"
        try:
            size, files = self.spec.get("log_size", LOG_SIZE), self.spec.get("log_files", LOG_FILES)
            append(self.spec["exits_log"], (line + "\n").encode(), size, files)
        except OSError:
            pass

    # end

    def end_agent(self, grace: float) -> None:
        """Ask the agent's group, wait, then kill group and tree; the agent is left unreaped."""
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGCONT):
            self.signal_group(number)
        self.wait_for(self.agent_ended, grace)
        self.signal_group(signal.SIGKILL)
        self.wait_for(self.agent_ended, KILL_GRACE)
        self.wait_for(self.children_ended, KILL_GRACE)

    def signal_group(self, number: int) -> None:
        """Signal the agent's group; the unreaped agent keeps the group's number ours."""
        try:
            os.killpg(self.agent, number)
        except OSError:
            pass

    def wait_for(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait until `condition` holds, at most `seconds`."""
        deadline = time.monotonic() + seconds
        self.poll = select.poll()
        self.poll.register(self.wakeup, select.POLLIN)
        while not condition() and (left := deadline - time.monotonic()) > 0:
            self.wait(min(left, 0.1))

    def children_ended(self) -> bool:
        """Kill our children but the agent: as subreaper we get every descendant whose parent died.

        Unreaped children keep their pids, so these cannot be anyone else's.
        """
        self.reap_others()
        rest = [pid for pid in children(os.getpid()) if pid != self.agent]
        for pid in rest:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        return not rest

    def record(self, status: int, cause: str | None, error: str | None = None) -> None:
        """Write the death record; a disk that refuses it stops nothing."""
        killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        oom = oom_evidence(self.samples[0], oom_kills()) if killed == signal.SIGKILL else False
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
            "agent": self.agent_identity,
            "cause": cause,
            "error": error,
            "oom": oom,
            "server_alive": not self.server_gone(),
            "children_left": sorted(descendants(os.getpid())),
        }
        path = f"{self.spec['spool']}/{self.spec['session']}.json"
        text = to_json(record)
        failed = None
        try:
            write_atomic(path, text)
        except OSError as failure:
            failed = failure
        # A daemon that hears of it has a durable store of its own, and would wait for the same disk.
        heard = ring(f"{self.spec['spool']}/{BELL}", text.replace("\n", " ") + "\n")
        if not (heard or failed):
            make_durable(path)
        if failed is not None:
            self.log("death-record-failed", error=failed.strerror, status=status)


def folder_of(path: str | None) -> list[int] | None:
    """Device and number of a folder, which tell whether another stands at its place later."""
    try:
        found = os.stat(path or "")
    except OSError:
        return None
    return [found.st_dev, found.st_ino]


def wait_child(kind: int, pid: int) -> os.waitid_result | None:
    """How the child stopped or ended, leaving it unreaped; None while it runs."""
    try:
        return os.waitid(kind, pid, os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError as error:
        raise SystemExit(f"shim: the agent was reaped by someone else: {error}") from error


def leave(status: int) -> None:
    """End as the agent ended: same code, or same signal without a core file of our own."""
    if os.WIFSIGNALED(status):
        import resource  # noqa: PLC0415 loaded only by the few that end by a signal

        number = os.WTERMSIG(status)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
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
    leave(shim.run())
