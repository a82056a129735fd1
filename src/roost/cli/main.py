"""The entry point: run one command, and end with one line and the right exit code whatever happens."""

import os
import sys

import click

from roost.cli.app import App
from roost.cli.client import RemoteError
from roost.cli.group import roost
from roost.cli.output import warn
from roost.errors import RoostError

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended."""
BROKEN_PIPE = 141
"""The exit code when the reader of our output has gone."""


def main(arguments: list[str] | None = None) -> int:
    """Run `roost` with these arguments (default: the process's) and return its exit code (contract: 0 to 5)."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            # A name that the terminal's encoding cannot show must not turn into a traceback.
            reconfigure(errors="backslashreplace")
    app = App()
    try:
        status = _run(app, sys.argv[1:] if arguments is None else arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        return _quiet()
    return status


def _run(app: App, arguments: list[str]) -> int:
    try:
        with roost.make_context("roost", arguments, obj=app) as ctx:
            result: object = roost.invoke(ctx)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as end:
        return end.exit_code
    except BrokenPipeError:
        raise
    except KeyboardInterrupt:
        return fail("interrupted", INTERRUPTED, app)
    except click.UsageError as error:
        return fail(_usage(error), 2, app)
    except click.ClickException as error:
        return fail(error.format_message(), 1, app)
    except RoostError as error:
        return fail(error.message, error.status if isinstance(error, RemoteError) else error.exit_code, app)
    except OSError as error:
        return fail(f"{error.filename}: {error.strerror}" if error.filename else str(error), 1, app)
    except Exception as error:  # noqa: BLE001 -- the last line of defence: one line, never a traceback unasked
        text = f"internal error: {type(error).__name__}: {error}; run it again with --debug to see where"
        return fail(text, 1, app)


def fail(text: str, status: int, app: App) -> int:
    """Say what happened on one line of stderr (and where, with --debug); returns the exit code."""
    if app.debug:
        import traceback

        traceback.print_exc()
    warn(f"roost: {text}")
    return status


def _usage(error: click.UsageError) -> str:
    text = error.format_message().rstrip(".")
    text = text[:1].lower() + text[1:]
    command = error.ctx.command_path if error.ctx else "roost"
    return f"{text}; see `{command} --help`"


def _quiet() -> int:
    """The reader has gone: nothing more can be said to it, and the flush at exit must not complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    return BROKEN_PIPE
