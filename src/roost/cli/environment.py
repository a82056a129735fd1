"""The environment of this command, compared with the one that the daemon gives to agents."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from roost.cli.app import App
from roost.cli.client import Record
from roost.cli.output import warn
from roost.errors import RoostError

REFRESH = "roost env refresh"
_OF_A_LOGIN = (
    *("XDG_SESSION_*", "XDG_SEAT*", "XDG_VTNR", "XDG_CURRENT_DESKTOP", "XDG_GREETER_*"),
    *("ROOST_DEMO_LOG", "ROOST_TEST_RUN"),
)
"""Differ between any two logins and mean nothing to an agent; or are for tests."""
_OF_EVERY_LOGIN = {"HOME", "LOGNAME", "PATH", "SHELL", "USER"}
"""The daemon finds them out where they are not set."""
_TELLING = ("PATH", "SSH_AUTH_SOCK")
"""What commands tell of without being asked; `doctor` and `env` name all."""


class Comparison(NamedTuple):
    """Names: with another value here, only here, only there; set here and not passed at all."""

    changed: list[str]
    new: list[str]
    gone: list[str]
    kept_back: list[str]

    @property
    def differing(self) -> list[str]:
        """All names that are not the same on both sides."""
        return sorted([*self.changed, *self.new, *self.gone])


def compare(told: Record, environ: Mapping[str, str]) -> Comparison:
    """`told`: what the daemon's method `environment` says."""
    passed: list[str] = told["passed"]
    never: list[str] = told["never"]
    values: dict[str, str] = told["values"]

    def is_passed(name: str) -> bool:
        return _any(name, passed) and (name in passed or not _any(name, never))

    own = {name: value for name, value in environ.items() if is_passed(name)}
    there = {name for name in values if not _any(name, _OF_A_LOGIN)}
    here = {name for name in own if not _any(name, _OF_A_LOGIN)}
    return Comparison(
        sorted(name for name in here & there if _digest(own[name]) != values[name]),
        sorted(here - there),
        sorted(there - here - _OF_EVERY_LOGIN),
        sorted(name for name in environ if not is_passed(name) and not _any(name, never)),
    )


def _any(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _digest(value: str) -> str:
    """As the daemon's own: the values themselves need not be shown to compare them."""
    return hashlib.blake2b(value.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def ask(app: App) -> Record | None:
    """What the daemon says of its environment; None: an agent asks, or a daemon that cannot tell."""
    if app.token is not None or "ROOST_SESSION" in os.environ:
        return None  # a session's environment is not the operator's
    try:
        told: Record = app.call("environment", {"path": os.environ.get("PATH")})
    except RoostError:
        return None
    return told


def tell(app: App) -> None:
    """Say on stderr that agents get another PATH or SSH_AUTH_SOCK than this shell has."""
    told = ask(app)
    if told is None:
        return
    names = [name for name in compare(told, os.environ).differing if name in _TELLING]
    if names:
        warn(f"agents are given {' and '.join(names)} as at the daemon's start, not as here: `{REFRESH}`")


def findings(app: App) -> list[Record]:
    """What `doctor` finds: variables that differ, programs that only this shell finds."""
    from roost.cli.doctor import good, note, wrong

    told = ask(app)
    if told is None:
        return []
    differing = compare(told, os.environ).differing
    if differing:
        found = [
            note("environment", f"agents are given {', '.join(differing)} not as they are here", REFRESH)
        ]
    else:
        found = [good("environment", "agents are given what this shell has")]
    programs: dict[str, dict[str, str | None]] = told["programs"]
    for name, place in programs.items():
        if place["here"] is None and place["there"] is not None:
            detail = f"the daemon's PATH does not lead to it; this shell's does ({place['there']})"
            found.append(wrong(f"{name} for agents", detail, REFRESH))
    return found
