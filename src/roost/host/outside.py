"""Starting a daemon outside of a session from within it: the tmux server above the shim does it.

That server is the shim's parent, so what it starts is below no shim. It is there wherever a session is, with
systemd or without. What is started forks once more and loses its parent, so it outlives the server, too.
"""

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from roost.host.ancestry import Enclosure
from roost.host.errors import HostError
from roost.host.files import ensure_private_directory, write_atomic
from roost.host.inheritance import Inheritance
from roost.host.tmux.program import client_of

STARTER = Path(__file__).with_name("starter.py")
SECONDS = 25.0
"""How long the daemon may take to be ready: less than the one who asked waits."""
_ASKED = 10.0
_BY_HAND = "run `roost up` in a terminal of your own"


class InsideError(HostError):
    """A daemon that is started inside a session would end with it; `roost up` in a terminal of your own."""

    code = "inside"


def refusal(within: Enclosure, step: str) -> InsideError:
    """The one sentence about a start that cannot be."""
    return InsideError(
        f"this runs inside an agent's session ({within.session[:8]}, below pid {within.shim}), and a daemon"
        f" started here would end with it, and take the other agents along; {step}"
    )


def way_out(within: Enclosure, environ: Mapping[str, str]) -> tuple[str, Path]:
    """The tmux program, and the socket of the server that starts something outside. Raises InsideError."""
    found = shutil.which("tmux", path=environ.get("PATH"))
    tmux = client_of(within.socket, found) if within.socket is not None else None
    if within.socket is None or tmux is None:
        raise refusal(within, _BY_HAND)
    return tmux, within.socket


def start_outside(
    within: Enclosure,
    argv: Sequence[str],
    environ: Mapping[str, str],
    taken: Inheritance,
    folder: Path,
    log: Path,
) -> str:
    """Have `argv` started outside; returns its first line, empty when it ended without one.

    `folder` takes the order and the way back while it lasts. Raises InsideError.
    """
    tmux, socket = way_out(within, environ)
    ensure_private_directory(folder)
    order, back = folder / f"start-{os.getpid()}.json", folder / f"start-{os.getpid()}"
    with contextlib.suppress(FileNotFoundError):
        back.unlink()
    os.mkfifo(back, 0o600)
    reader = os.open(back, os.O_RDONLY | os.O_NONBLOCK)
    try:
        facts = {
            "argv": list(argv),
            "environ": dict(environ),
            "umask": taken.umask,
            "open_files": taken.open_files,
            "log": str(log),
            "ready": str(back),
        }
        write_atomic(order, json.dumps(facts).encode(), durable=False)
        # Two words and more are executed as they are: neither a shell nor a format of tmux reads them.
        command = [tmux, "-S", str(socket), "new-session", "-d", "-s", f"start-{os.getpid()}"]
        command += ["--", sys.executable, "-S", "-E", "-I", "-X", "utf8", str(STARTER), str(order)]
        _ask(within, command)
        return _first_line(reader)
    finally:
        os.close(reader)
        for path in (order, back):
            path.unlink(missing_ok=True)


def _ask(within: Enclosure, command: Sequence[str]) -> None:
    environ = {"PATH": os.environ.get("PATH", os.defpath), "TERM": "dumb"}
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, env=environ, timeout=_ASKED, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise refusal(within, f"{_BY_HAND} (its tmux server was asked to: {error})") from error
    if done.returncode != 0:
        why = " ".join(done.stderr.decode(errors="replace").split()) or f"exit code {done.returncode}"
        raise refusal(within, f"{_BY_HAND} (its tmux server was asked to: {why})")


def _first_line(reader: int) -> str:
    """What comes back within `SECONDS`."""
    deadline, data = time.monotonic() + SECONDS, b""
    while b"\n" not in data:
        readable, _, _ = select.select([reader], [], [], max(deadline - time.monotonic(), 0))
        if not readable:
            break
        chunk = os.read(reader, 4096)
        if not chunk:
            break
        data += chunk
    return data.decode(errors="replace").partition("\n")[0]
