"""Starting the daemon as a process of its own, and seeing it end."""

import os
import select
import subprocess
import sys
import time
from _socket import AF_UNIX, SOCK_STREAM, socket  # as the client does: `socket` itself loads enums
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from roost.cli.app import App
from roost.cli.output import one_line
from roost.client.connection import Record
from roost.errors import RoostError, in_words

START_SECONDS = 30.0
"""How long `up` waits for the daemon's word."""
STOP_SECONDS = 30.0
"""How long `down` waits for the daemon's end after it agreed to it."""
_POLL = 0.01
_LAST_BYTES = 4096


class StartError(RoostError):
    """The daemon did not start; see logs/daemon.log."""

    code = "start"


class LockedError(StartError):
    """Somebody had the daemon's lock at that moment: another daemon, or a pass of `roost gc`."""


def _command(app: App) -> list[str]:
    """The daemon's command line."""
    return _python(app, "roost.daemon")


def _python(app: App, module: str) -> list[str]:
    """What runs a module for this home; its folder is absolute because the daemon does not run in this one.

    Names of files and what agents show are UTF-8 to it, whatever the locale of the shell that starts it.
    """
    home = app.chosen_home
    return [sys.executable, "-P", "-X", "utf8", "-m", module, *(["--home", home] if home else [])]


def check_start(app: App, environ: Mapping[str, str] | None = None, *, foreground: bool = False) -> None:
    """Raise StartError where no daemon could start now: before one that runs is ended for it.

    `environ`: that of a service manager, whose daemon is never inside a session; else it is ours.
    """
    if environ is not None:
        environ = {**environ, "ROOST_STAY": "1"}
    words = [*_python(app, "roost.daemon.check"), *(["--foreground"] if foreground else [])]
    try:
        if not foreground:
            os.close(_open_log(app.places.daemon_log))
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            env=environ,
            timeout=START_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        why = f"whether another one could start is not known after {START_SECONDS:g} s"
    except StartError as error:
        why = error.message
    else:
        if done.returncode == 0:
            return
        why = one_line(done.stderr.strip().rpartition("\n")[2]) or f"its check ended with {done.returncode}"
    raise StartError(f"{why}; nothing was changed")


def _open_log(log: Path) -> int:
    """The daemon's log, to write to. Raises StartError."""
    try:
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(in_words(error, log)) from error


def run_in_foreground(app: App) -> NoReturn:
    """Become the daemon, which says so when it answers. A container's first process runs it as a child."""
    command = [*_command(app), "--foreground"]
    sys.stdout.flush()
    if os.getpid() == 1:
        from roost.cli import first_process

        first_process.run(command)
    os.execv(command[0], command)  # noqa: S606 -- no shell is wanted


def start(app: App) -> Record:
    """Start the daemon and return when it is ready, with its pid and version, as it says them itself.

    StartError with its own reason when it is not.

    What is started decides by itself what it takes from us; from within an agent's session another process
    becomes the daemon.
    """
    log = app.places.daemon_log
    opened = _open_log(log)
    ready, told = os.pipe()
    try:
        with open(opened, "ab") as output:  # noqa: PTH123 -- a descriptor
            before = output.tell()
            process = subprocess.Popen(
                [*_command(app), "--ready-fd", str(told)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                pass_fds=(told,),
                start_new_session=True,
            )
        os.close(told)
        told = -1
        word = _read_word(ready)
    finally:
        os.close(ready)
        if told >= 0:
            os.close(told)
    if word is not None and word.startswith("ready "):
        # The daemon outlives this process: nobody here waits for it.
        process.returncode = 0
        _, pid, version = word.split(" ", 2)
        return {"pid": int(pid), "version": version}
    if word is None:
        process.returncode = 0
        raise StartError(f"the daemon (pid {process.pid}) is not ready after {START_SECONDS:g} s; see {log}")
    process.wait()
    if word.startswith("locked: "):
        raise LockedError(word.removeprefix("locked: "))
    if word.startswith("error: "):
        raise StartError(word.removeprefix("error: "))
    raise StartError(_reason(log, before, process.returncode))


def _read_word(ready: int) -> str | None:
    """The line that the daemon wrote, an empty one when it ended without a word, None when time ran out."""
    deadline = time.monotonic() + START_SECONDS
    data = b""
    while b"\n" not in data:
        readable, _, _ = select.select([ready], [], [], max(deadline - time.monotonic(), 0))
        if not readable:
            return None
        chunk = os.read(ready, 4096)
        if not chunk:
            break
        data += chunk
    return one_line(data.decode(errors="replace"))


def _reason(log: os.PathLike[str], before: int, code: int) -> str:
    """What the daemon wrote last before it ended without a word."""
    with open(log, "rb") as stream:  # noqa: PTH123 -- read from an offset
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(before, size - _LAST_BYTES))
        lines = [line.strip() for line in stream.read().decode(errors="replace").splitlines() if line.strip()]
    last = lines[-1] if lines else f"it ended with {code}"
    return f"the daemon did not start: {last}; see {os.fspath(log)}"


def wait_until_up(app: App) -> bool:
    """Return when somebody listens on the socket or nobody holds the lock, after 30 s all the same.

    False: nobody held it.
    """
    deadline, held = time.monotonic() + START_SECONDS, False
    while not _answers(app.socket) and is_held(app.places.lock) and time.monotonic() < deadline:
        held = True
        time.sleep(_POLL)
    return held


def wait_until_down(app: App) -> None:
    """Return when nobody answers on the socket and nobody holds the daemon's lock."""
    deadline = time.monotonic() + STOP_SECONDS
    lock = app.places.lock
    while is_held(lock) or _answers(app.socket):
        if time.monotonic() >= deadline:
            raise RoostError(
                f"the daemon (pid {_pid(app)}) has not ended after {STOP_SECONDS:g} s and holds its lock;"
                f" `kill -9 {_pid(app)}` ends it, and the agents live on"
            )
        time.sleep(_POLL)


def _pid(app: App) -> str:
    return str(written_pid(app) or "?")


def written_pid(app: App) -> int | None:
    """Who holds the daemon's lock, as it has written down; None where nobody has, or it cannot be read."""
    try:
        return int(app.places.pid.read_text("utf-8", "replace"))
    except (OSError, ValueError):
        return None


def _answers(path: str) -> bool:
    probe = socket(AF_UNIX, SOCK_STREAM)
    try:
        probe.settimeout(1.0)
        probe.connect(path)
    except OSError:
        return False
    finally:
        probe.close()
    return True


def is_held(lock: os.PathLike[str]) -> bool:
    """Whether a daemon, or a pass of `roost gc`, has the lock."""
    import fcntl

    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
