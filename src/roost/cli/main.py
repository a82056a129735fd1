"""The entry point: run one command, and end with one line and the right exit code whatever happens."""

import os
import sys
from importlib import import_module

from roost.cli.app import App
from roost.cli.client import RemoteError
from roost.cli.output import warn
from roost.errors import RoostError

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended."""
BROKEN_PIPE = 141
"""The exit code when the reader of our output has gone."""
QUICK = {"list": "registry", "status": "health"}
"""Commands that status bars and scripts run all the time -> their module below `roost.cli`.

Written with no option but `--json` they skip the parser: loading click takes longer than all the rest.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run `roost` with these arguments (default: the process's) and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            # A name that the terminal's encoding cannot show must not turn into a traceback.
            reconfigure(errors="backslashreplace")
    app = App()
    try:
        status = _guarded(app, sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return _quiet()
    return status


def _guarded(app: App, arguments: list[str]) -> int:
    try:
        return _run(app, arguments)
    except BrokenPipeError:
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
    words = [word for word in arguments if word != "--json"]
    if len(words) == 1 and words[0] in QUICK:
        app.json = len(arguments) > 1
        import_module(f"roost.cli.{QUICK[words[0]]}").show(app)
        return 0
    from roost.cli.group import run

    return run(app, arguments)


def _fail(text: str, status: int, app: App) -> int:
    """Say what happened on one line of stderr (and where, with --debug); returns the exit code."""
    if app.debug:
        import traceback

        traceback.print_exc()
    # Errors are sentences; after "roost:" they go on in lower case, unless a name begins them.
    ordinary = text[:1].isupper() and text[1:2].islower()
    warn(f"roost: {text[:1].lower() if ordinary else text[:1]}{text[1:]}")
    return status


def _quiet() -> int:
    """The reader has gone: nothing more can be said to it, and the flush at exit must not complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return BROKEN_PIPE
