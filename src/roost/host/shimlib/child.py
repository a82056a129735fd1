"""A child of ours: started in a place of its own, watched to its end, reaped by us alone."""

from __future__ import annotations

import os

from .machine import identity, signal, take_foreground

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

BOOT_FAILED = 127


class Child:
    """One program. It is reaped by its shim alone, so its pid and its group stay its own."""

    def __init__(self, spec: dict[str, Any], argv: list[str]) -> None:
        self.spec = spec
        self.argv = argv
        self.pid = 0
        self.identity: dict[str, int | None] = {}
        # Signals that it is to ignore from its start, as under nohup.
        self.ignored: set[int] = set()

    def start(self) -> dict[str, Any] | None:
        """Start it; the reason (`error` in words, `errno`) when its program did not run."""
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            reader, writer = os.pipe()
            self.pid = os.fork()
        except OSError as error:
            return {"error": f"cannot start a process: {error.strerror}", "errno": error.errno}
        if self.pid == 0:
            self._become(writer)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.close(writer)
        try:
            os.setpgid(self.pid, self.pid)
        except OSError:
            pass
        self.identity = identity(self.pid)
        why = b""
        while chunk := os.read(reader, 4096):
            why += chunk
        os.close(reader)
        if not why:
            return None
        os.waitpid(self.pid, 0)
        self.pid = 0
        number, _, text = why.decode("utf-8", "replace").partition(" ")
        return {"error": text, "errno": int(number)}

    def _become(self, report: int) -> None:
        """In the child: take its place and default signals, then exec."""
        place = self.argv[0]
        try:
            self._take_place()
            for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP} - self.ignored:
                signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            self._take_limits()
            if self.spec.get("cwd"):
                place = self.spec["cwd"]
                os.chdir(place)
                place = self.argv[0]
            os.execvpe(self.argv[0], self.argv, self.spec["env"])  # noqa: S606 no shell wanted
        except (OSError, ValueError) as error:
            number = getattr(error, "errno", None) or 0
            why = f"{number} cannot run {place}: {getattr(error, 'strerror', None) or error}"
            os.write(report, why.encode("utf-8", "replace")[:4000])
        finally:
            os._exit(BOOT_FAILED)

    def _take_place(self) -> None:
        """In the child: become the leader of a process group."""
        raise NotImplementedError

    def _take_limits(self) -> None:
        """In the child: umask and soft limit of open files are not ours but what the agent is to have."""
        if self.spec.get("umask") is not None:
            os.umask(self.spec["umask"])
        wanted = self.spec.get("open_files")
        if wanted is not None:
            import resource  # noqa: PLC0415 in the child alone

            hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
            fits = hard == resource.RLIM_INFINITY or 0 <= wanted <= hard
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if fits else hard, hard))

    def ended(self) -> bool:
        """Whether it has ended; it stays a zombie, so that its pid and group cannot be reused."""
        while True:
            found = wait_child(os.P_PID, self.pid)
            if found is not None and found.si_code == os.CLD_STOPPED:
                # Takes the stop alone: should it have been killed since, its status must stay.
                os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WNOHANG)
                self._resume(found.si_status)
                continue
            return found is not None

    def _resume(self, stop: int) -> None:
        """There is no shell to continue a child that stopped itself or touched the terminal too early."""
        if stop in (signal.SIGTTIN, signal.SIGTTOU):
            take_foreground(self.pid)
        if stop != signal.SIGSTOP:
            os.killpg(self.pid, signal.SIGCONT)

    def signal_group(self, number: int) -> None:
        """Signal its group; unreaped, it keeps the group's number ours."""
        try:
            os.killpg(self.pid, number)
        except OSError:
            pass


def wait_child(kind: int, pid: int) -> os.waitid_result | None:
    """How the child stopped or ended, leaving it unreaped; None while it runs."""
    try:
        return os.waitid(kind, pid, os.WEXITED | os.WSTOPPED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError as error:
        raise SystemExit(f"shim: a child was reaped by someone else: {error}") from error
