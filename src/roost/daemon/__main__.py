"""`python -m roost.daemon`: the daemon in the foreground.

Little is loaded before it is settled that this process is to be the daemon.
"""

import faulthandler
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from msgspec import Struct

from roost import __version__
from roost.daemon.lock import AlreadyRunningError
from roost.daemon.startup import READY, settle
from roost.errors import RoostError, UsageError, in_words
from roost.host.notify import take_notifier
from roost.local.paths import find_places
from roost.local.streams import open_closed_streams

USAGE = "python -m roost.daemon [--home DIR] [--config FILE] [--ready-fd N] [--foreground]"


class _Asked(Struct, frozen=True):
    """The words of its command line.

    `home`: this folder instead of ROOST_HOME or the XDG folders. `config`: this file instead of the folder's
    own. `ready`: the descriptor that is told `ready PID VERSION`, `locked: ...` or `error: ...`.
    `foreground`: to say on standard output that it answers.
    """

    home: str | None = None
    config: str | None = None
    ready: int | None = None
    foreground: bool = False


def main() -> int:
    """Run the daemon; returns its exit code."""
    open_closed_streams()
    try:
        asked = _asked(sys.argv[1:])
    except UsageError as error:
        sys.stderr.write(f"roost: {error.message}\n")
        return error.exit_code
    say = _speaker(asked.ready)
    notifier = take_notifier(os.environ)
    # A service manager ends a hung daemon with SIGABRT: its log then tells where its loop hung. CPython 3.11
    # reads the stacks of other threads while they run, can crash over them, and comes to the loop's last.
    faulthandler.enable(all_threads=False)
    places = find_places(os.environ, asked.home)
    if asked.config:
        places = places._replace(config=Path(asked.config).absolute())
    try:
        home = asked.home or os.environ.get("ROOST_HOME")
        inherited = settle(places, home, asked.ready)
        from roost.daemon.serving import serve  # noqa: PLC0415 -- takes a second, and only the daemon needs it

        serve(places, inherited, notifier, lambda: _tell(say, foreground=asked.foreground))
    except RoostError as error:
        say(f"{'locked' if isinstance(error, AlreadyRunningError) else 'error'}: {error.message}")
        sys.stderr.write(f"roost: {error.message}\n")
        return error.exit_code
    except OSError as error:
        line = in_words(error, places.home)
        say(f"error: {line}")
        sys.stderr.write(f"roost: {line}\n")
        return 1
    return 0


def _asked(words: Sequence[str]) -> _Asked:
    """Read the words, without argparse: it takes a twentieth of a start. Raises UsageError."""
    told: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        name, _, value = word.partition("=")
        if word == "--foreground":
            told[word] = word
        elif name in ("--home", "--config", "--ready-fd") and (value := value or next(rest, "")):
            told[name] = value
        else:
            raise UsageError(f"'{word}' is not understood here; it is {USAGE}")
    ready = told.get("--ready-fd")
    if ready is not None and not ready.isdecimal():
        raise UsageError(f"--ready-fd takes the number of a descriptor, not '{ready}'")
    return _Asked(
        home=told.get("--home"),
        config=told.get("--config"),
        ready=int(ready) if ready is not None else None,
        foreground="--foreground" in told,
    )


def _tell(say: Callable[[str], None], *, foreground: bool) -> None:
    """We answer."""
    say(f"{READY} {os.getpid()} {__version__}")
    if foreground:
        sys.stdout.write("the daemon runs in this terminal; Ctrl-C stops it, and the agents live on\n")
        sys.stdout.flush()


def _speaker(descriptor: int | None) -> Callable[[str], None]:
    """Writes one line to the starter, once."""
    waiting = [descriptor] if descriptor is not None else []

    def say(line: str) -> None:
        if waiting:
            target = waiting.pop()
            os.write(target, " ".join(line.split()).encode() + b"\n")
            os.close(target)

    return say


def leave(code: int) -> NoReturn:
    """End the process, whatever its threads wait for. Only then the lock is free."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
