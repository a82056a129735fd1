"""`attach`, `screen` and `logs`: the terminal of a session."""

import os
import select
import sys

from roost.cli import become
from roost.cli.app import App
from roost.cli.command import Argument, Number, Option, command
from roost.cli.commands.session import call_with_progress
from roost.cli.output import harmless, is_terminal, say, show_json, warn
from roost.cli.terminal_text import TerminalText
from roost.client.connection import Record
from roost.errors import NoDaemonError, RoostError, UsageError
from roost.terminfo import knows

_TAIL_BYTES = 64 * 1024
_CHUNK = 64 * 1024
_POLL = 0.2
_OUTER_SECONDS = 2.0
_PLAIN = "xterm-256color"
"""The terminal that nearly all others are like, and that nearly all machines know."""


@command(
    "attach",
    Argument("name"),
    Option("--read-only", help="Only look: no key reaches it, and its size stays as it is."),
    data=False,
)
def attach_command(app: App, name: str, read_only: bool) -> None:  # noqa: FBT001 -- a flag
    """Join a peer's terminal, waking it with its earlier conversation. Ctrl-b d leaves it running.

    Inside a tmux of your own with the same prefix it is Ctrl-b Ctrl-b d. Of a peer of another host it prints
    the command that joins it there, through SSH.
    """
    if "@" in name:
        say(" ".join(app.call("attach", {"name": name})["argv"]))
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(f"`attach` needs a terminal; {_look(name)}")
    if os.environ.get("TERM") == "dumb":
        raise UsageError(f"`attach` cannot draw on this terminal (its TERM is dumb); {_look(name)}")
    result: Record = call_with_progress(app, "attach", {"name": name, "read_only": read_only})
    if result.get("host") is not None:
        say(" ".join(result["argv"]))
        return
    command = [str(word) for word in result["argv"]]
    if "/" in command[0] and not os.access(command[0], os.X_OK):  # we may see other files than the daemon
        command[0] = "tmux"
    warn(f"this is the terminal of '{name}': {_way_out()}")
    _be_known()
    # tmux refuses to run inside tmux while this variable is there; this server is another one.
    os.environ.pop("TMUX", None)
    sys.stdout.flush()
    try:
        become.execute(command, os.environ)
    except FileNotFoundError as error:
        raise RoostError(
            f"'{command[0]}' is not installed; `roost doctor` tells how to install it"
        ) from error


def _look(name: str) -> str:
    """What goes without a terminal."""
    return f"`roost screen {name}` prints what is on the screen"


def _be_known() -> None:
    """Have tmux draw as for an xterm where this machine knows nothing of the terminal, as after `ssh`."""
    name = os.environ.get("TERM", "")
    if not knows(name, os.environ) and knows(_PLAIN, os.environ):
        warn(f"terminal '{name}' is not known here; drawing for '{_PLAIN}'")
        os.environ["TERM"] = _PLAIN


def _way_out() -> str:
    """How to leave: a tmux around us that has the same prefix takes it first."""
    if os.environ.get("TMUX"):
        import subprocess

        ask = ["tmux", "display-message", "-p", "#{prefix} #{prefix2}"]
        try:
            said = subprocess.run(ask, capture_output=True, timeout=_OUTER_SECONDS, check=False).stdout
        except (OSError, subprocess.SubprocessError):
            said = b""
        if b"C-b" in said.split():
            return "Ctrl-b Ctrl-b d leaves it running (Ctrl-b d would leave your own tmux)"
    return "Ctrl-b d leaves it running"


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
    Option("--raw", help="Every byte as it was written: queries and modes reach your terminal."),
)
def logs_command(app: App, name: str, follow: bool, lines: int, raw: bool) -> None:  # noqa: FBT001 -- flags
    """Print the end of what a peer's terminal has shown, as text and colours.

    --json prints where the file is.
    """
    if app.json and follow:
        raise UsageError("--json prints where the file is; leave out --follow, or --json")
    result = _log_file(app, name)
    if app.json:
        show_json(result)
        return
    path = str(result["path"])
    printer = _Printer(raw=raw)
    try:
        _print_log(path, lines, printer, follow=follow)
    except FileNotFoundError as error:
        raise RoostError(f"'{name}' has not shown anything yet: there is no {path}") from error
    finally:
        printer.close()


class _Printer:
    """Writes what a terminal program wrote to our own output."""

    def __init__(self, *, raw: bool) -> None:
        """Colours reach a terminal only, and not where nobody wants them."""
        colours = is_terminal(sys.stdout) and not os.environ.get("NO_COLOR")
        self._text = None if raw else TerminalText(colours=colours)

    def write(self, data: bytes) -> None:
        """Write a piece, at once."""
        if self._text is not None:
            sys.stdout.write(self._text.feed(data))
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
        sys.stdout.flush()

    def close(self) -> None:
        """Leave no colour behind."""
        if self._text is not None and self._text.coloured:
            sys.stdout.write("\x1b[0m")
            sys.stdout.flush()


def _log_file(app: App, name: str) -> Record:
    """Where the log is; with the daemon down it is the same file. Raises NotFoundError."""
    try:
        return app.call("logs", {"name": name})
    except NoDaemonError:
        app.call_or_read("show", {"name": name})
        return {"path": str(app.places.pane_log(name))}


def _print_log(path: str, lines: int, printer: _Printer, *, follow: bool) -> None:
    position, file = _print_tail(path, lines, printer, follow=follow)
    while follow:
        select.select([], [], [], _POLL)
        try:
            found = os.stat(path)  # noqa: PTH116 -- a plain string here
        except FileNotFoundError:
            continue
        if found.st_ino != file or found.st_size < position:
            position, file = 0, found.st_ino
        if found.st_size > position:
            position = _print_from(path, position, printer)


def _print_tail(path: str, lines: int, printer: _Printer, *, follow: bool) -> tuple[int, int]:
    """Print the last lines; returns how far the file was read, and its number."""
    with open(path, "rb") as stream:  # noqa: PTH123 -- read from an offset
        size = stream.seek(0, os.SEEK_END)
        begin = max(0, size - _TAIL_BYTES)
        stream.seek(begin)
        data = stream.read(size - begin)
        file = os.fstat(stream.fileno()).st_ino
    kept = data.splitlines(keepends=True)
    if begin and len(kept) > 1:
        del kept[0]
    shown = b"".join(kept[len(kept) - min(lines, len(kept)) :])
    printer.write(shown if follow or shown.endswith(b"\n") or not shown else shown + b"\n")
    return size, file


def _print_from(path: str, position: int, printer: _Printer) -> int:
    with open(path, "rb") as stream:  # noqa: PTH123 -- read from an offset
        stream.seek(position)
        while chunk := stream.read(_CHUNK):
            printer.write(chunk)
            position += len(chunk)
    return position
