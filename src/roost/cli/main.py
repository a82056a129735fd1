"""The entry point: run one command, and end with one line and the right exit code whatever happens."""

from __future__ import annotations

import os
import sys

from roost.cli.app import App
from roost.cli.catalog import find
from roost.cli.interrupt import hear_ctrl_c
from roost.cli.output import harmless, warn
from roost.cli.parser import parse
from roost.cli.stdout import Closed, UnshownError, deliver, flush, told
from roost.client.connection import RemoteError
from roost.errors import RoostError
from roost.local.streams import open_closed_streams

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended."""
BROKEN_PIPE = 141
"""The exit code when the reader of our output has gone."""


def main(arguments: list[str] | None = None) -> int:
    """Run `roost` with these arguments and return its exit code.

    None: with those of the process, which ends here.
    """
    if arguments is not None:
        return _main(arguments)
    sys.stdout = sys.stdout or Closed()
    open_closed_streams()
    status = run(sys.argv[1:])
    # All is written and closed; the interpreter's leave-taking would be a tenth of a short command's time.
    os._exit(status)


def run(arguments: list[str]) -> int:
    """As a process of its own; returns its exit code."""
    hear_ctrl_c()
    return _main(arguments)


def _main(arguments: list[str]) -> int:
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            # A name that the terminal's encoding cannot show must not turn into a traceback.
            reconfigure(errors="backslashreplace")
    app = App()
    told.reset()
    status = 0
    try:
        status = _guarded(app, arguments)
        if told.lines:
            deliver()
        else:
            flush()
    except (BrokenPipeError, UnshownError) as error:
        return _unshown(error, status)
    return status


def _guarded(app: App, arguments: list[str]) -> int:
    try:
        return _run(app, arguments)
    except (BrokenPipeError, UnshownError):
        raise
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED, app)
    except RoostError as error:
        return _fail(error.message, error.status if isinstance(error, RemoteError) else error.exit_code, app)
    except OSError as error:
        return _fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), 1, app)
    except Exception as error:  # noqa: BLE001 -- the last line of defence: one line, never a traceback unasked
        text = f"internal error: {type(error).__name__}: {error}; run it again with --debug to see where"
        return _fail(text, 1, app)


def _run(app: App, arguments: list[str]) -> int:
    if arguments[:2] == ["completion", "complete"]:
        from roost.cli.completion.answer import answer

        return answer(arguments[2:])
    reading = parse(arguments, find)
    if reading is not None:
        return reading.run(app)
    from roost.cli import group

    return group.run(app, arguments)


def _fail(text: str, status: int, app: App) -> int:
    """Say what happened on one line of stderr (and where, with --debug); returns the exit code."""
    if app.debug:
        import traceback

        traceback.print_exc()
    # Errors are sentences; after "roost:" they go on in lower case, unless a name begins them.
    ordinary = text[:1].isupper() and text[1:2].islower()
    warn(f"roost: {text[:1].lower() if ordinary else text[:1]}{text[1:]}")
    return status


def _unshown(error: BrokenPipeError | UnshownError, status: int) -> int:
    """Standard output takes nothing more: what was done is told on stderr, and counts as done.

    So the exit code stays what it would have been: who tries again after a failure must not do it twice.
    """
    if not isinstance(sys.stdout, Closed):  # what is left to be flushed at exit must not complain
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    gone = isinstance(error, BrokenPipeError)
    why = "its reader has gone" if gone else error.message
    if told.lines is None:
        if gone:
            return BROKEN_PIPE
        warn(f"roost: standard output could not be written: {why}")
        return 1
    warn(f"roost: this was done, but standard output could not be written: {why}")
    for line in told.lines:
        sys.stderr.write(harmless(line) + "\n")
    sys.stderr.flush()
    return status
