"""The first thing that a daemon does: settle whose process it is and what it takes along.

Every start passes through here, whoever starts it and however: `up`, `--foreground`, a service, a script.
"""

import json
import os
import sys

from msgspec.structs import replace

from roost.host.ancestry import Enclosure, enclosure, is_shim
from roost.host.inheritance import Inheritance, is_planted, take, unplanted
from roost.host.outside import InsideError, refusal, start_outside, way_out
from roost.host.process_table import SESSION_VARIABLE
from roost.local.paths import Places

STAY = "ROOST_STAY"
"""For daemons that are to end with a session: those of tests that an agent runs."""
READY = "ready"
"""What a daemon that answers tells its starter, with its pid and its version."""
LEFT = 1
"""The exit code of a process that has another one started in its place, and had no good word of it."""


def settle(places: Places, home: str | None, ready: int | None) -> Inheritance:
    """What this daemon takes. Returns only in a process that may be one.

    From within a session the daemon is started outside of it, and this process ends once that one is ready.
    `home`: the folder that was named, None for the XDG folders. `ready`: where the starter waits for a word.
    With STAY in its environment it stays, and ends with the session. Raises InsideError, SensorError.
    """
    within, taken = _starter(places)
    if taken is None:
        return replace(take(os.environ), config=str(places.config))
    argv = [sys.executable, *_again(), *(["--home", home] if home else [])]
    argv += ["--config", taken.config or str(places.config)]
    environ = {**taken.environ, **({"ROOST_HOME": home} if home else {})}
    if within is not None:
        _leave(places, within, ready, argv, environ, taken)
    if STAY in os.environ:
        environ[STAY] = os.environ[STAY]
    if ready is not None:
        os.set_inheritable(ready, True)  # noqa: FBT003 -- it goes along
        argv += ["--ready-fd", str(ready)]
    os.umask(taken.umask)
    return os.execve(argv[0], argv, environ)  # noqa: S606 -- no shell is wanted


def foresee(places: Places, *, foreground: bool) -> Inheritance:
    """What a daemon that is started here would take; for a process that does not become one.

    Raises InsideError, SensorError where it could not be started.
    """
    within, taken = _starter(places)
    if within is not None and foreground:
        raise _stays(within)
    if taken is None:
        return replace(take(os.environ), config=str(places.config))
    if within is not None:
        way_out(within, taken.environ)
    return taken


def _starter(places: Places) -> tuple[Enclosure | None, Inheritance | None]:
    """The session that this process is in, and what a daemon takes that is started by one of a session."""
    within = None if os.environ.get(STAY) else enclosure()
    if within is None and not is_planted(os.environ):
        return None, None
    if within is None and (unseen := _unseen(places)) is not None:
        raise unseen
    return within, unplanted(places.inheritance, os.environ)


def _stays(within: Enclosure) -> InsideError:
    return refusal(within, "`roost up` without --foreground starts one outside")


def _unseen(places: Places) -> InsideError | None:
    """In a session whose shim is not seen from here, as in a sandbox with processes of its own: what to say.

    None: we bear the marks of a session, and are not in it any more.
    """
    session = os.environ.get(SESSION_VARIABLE, "")
    try:
        facts = json.loads((places.session(session) / "started.json").read_text(encoding="utf-8"))
        shim = facts["shim"]["pid"] if session else None
    except (OSError, ValueError, LookupError, TypeError):
        return None  # that session has ended, or is of another roost
    if not isinstance(shim, int) or is_shim(shim, session):
        return None
    return InsideError(
        f"this runs in a sandbox inside an agent's session ({session[:8]}), and a daemon started here would"
        " end with it; run `roost up` in a terminal of your own"
    )


def _again() -> list[str]:
    """The words after the interpreter that make a daemon of it, as they were given to us."""
    words = sys.orig_argv[1:]
    if "--ready-fd" in words:
        place = words.index("--ready-fd")
        words = words[:place] + words[place + 2 :]
    return words


def _leave(
    places: Places,
    within: Enclosure,
    ready: int | None,
    argv: list[str],
    environ: dict[str, str],
    taken: Inheritance,
) -> None:
    """End, once the daemon outside is ready or has failed."""
    if ready is None:
        raise _stays(within)
    word = start_outside(within, argv, environ, taken, places.run, places.daemon_log)
    if word:
        os.write(ready, word.encode() + b"\n")
    os._exit(0 if word.startswith(f"{READY} ") else LEFT)
