"""`attach`, `screen` and `logs`: the terminal of a session."""

import os
import re
import select
import sys
from typing import NoReturn

from roost.cli.app import App
from roost.cli.client import Record
from roost.cli.command import Argument, Number, Option, command
from roost.cli.commands.session import call_with_progress
from roost.cli.output import harmless, is_terminal, say, show_json
from roost.errors import NoDaemonError, RoostError, UsageError

_TAIL_BYTES = 64 * 1024
_CHUNK = 64 * 1024
_POLL = 0.2
_SEQUENCES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P^_X][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
)


@command("attach", Argument("name"), data=False)
def attach_command(app: App, name: str) -> NoReturn:
    """Join a peer's terminal, waking it with its earlier conversation. Ctrl-b d leaves it running."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(f"`attach` needs a terminal; `roost screen {name}` prints what is on the screen")
    result: Record = call_with_progress(app, "attach", {"name": name})
    command = [str(word) for word in result["argv"]]
    # tmux refuses to run inside tmux while this variable is there; this server is another one.
    os.environ.pop("TMUX", None)
    sys.stdout.flush()
    try:
        os.execvp(command[0], command)  # noqa: S606 -- no shell is wanted
    except FileNotFoundError as error:
        raise RoostError(
            f"'{command[0]}' is not installed; `roost doctor` tells how to install it"
        ) from error


@command("screen", Argument("name"))
def screen_command(app: App, name: str) -> None:
    """Print what is on a peer's terminal now."""
    result: Record = app.call("screen", {"name": name})
    if app.json:
        show_json(result)
    else:
        say(harmless(str(result.get("text") or "")).rstrip("\n"))


@command(
    "logs",
    Argument("name"),
    Option("--follow", help="Go on printing what is written, until Ctrl-C."),
    Option("--lines", kind=Number(0), default=100, help="So many of its last lines."),
)
def logs_command(app: App, name: str, follow: bool, lines: int) -> None:  # noqa: FBT001 -- a flag
    """Print the end of what a peer's terminal has shown. --json prints where the file is."""
    if app.json and follow:
        raise UsageError("--json prints where the file is; leave out --follow, or --json")
    result = _log_file(app, name)
    if app.json:
        show_json(result)
        return
    path = str(result["path"])
    try:
        _print_log(path, lines, follow=follow)
    except FileNotFoundError as error:
        raise RoostError(f"'{name}' has not shown anything yet: there is no {path}") from error


def _log_file(app: App, name: str) -> Record:
    """Where the log is; with the daemon down it is the same file. Raises NotFoundError."""
    try:
        return app.call("logs", {"name": name})
    except NoDaemonError:
        app.call_or_read("show", {"name": name})
        return {"path": str(app.places.pane_log(name))}


def _print_log(path: str, lines: int, *, follow: bool) -> None:
    position = _print_tail(path, lines, follow=follow)
    while follow:
        select.select([], [], [], _POLL)
        try:
            size = os.stat(path).st_size  # noqa: PTH116 -- a plain string here
        except FileNotFoundError:
            position = 0
            continue
        if size < position:
            position = 0
        if size > position:
            position = _print_from(path, position)


def _print_tail(path: str, lines: int, *, follow: bool) -> int:
    with open(path, "rb") as stream:  # noqa: PTH123 -- read from an offset
        size = stream.seek(0, os.SEEK_END)
        begin = max(0, size - _TAIL_BYTES)
        stream.seek(begin)
        data = stream.read(size - begin)
    kept = data.splitlines(keepends=True)
    if begin and len(kept) > 1:
        del kept[0]
    shown = b"".join(kept[len(kept) - min(lines, len(kept)) :])
    _write(shown if follow or shown.endswith(b"\n") or not shown else shown + b"\n")
    return size


def _print_from(path: str, position: int) -> int:
    with open(path, "rb") as stream:  # noqa: PTH123 -- read from an offset
        stream.seek(position)
        while chunk := stream.read(_CHUNK):
            _write(chunk)
            position += len(chunk)
    return position


def _write(data: bytes) -> None:
    """As it is to a terminal, which then shows what the peer's showed; to anything else as plain text."""
    if is_terminal(sys.stdout):
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        text = data.decode(errors="replace").replace("\r\n", "\n")
        sys.stdout.write(_SEQUENCES.sub("", text))
        sys.stdout.flush()
