"""The environment of this command, compared with the one that the daemon gives to agents."""

import os
from collections.abc import Mapping
from typing import NamedTuple

from roost.cli.app import App
from roost.cli.drift import NEWER, OLDER, REFRESH, REPLACE, ask, is_older
from roost.client.connection import Record, RemoteError
from roost.core.vocabulary.patterns import matches
from roost.errors import RoostError
from roost.present.finding import Code, Finding, good, note, wrong

_OF_A_LOGIN = (
    *("XDG_SESSION_*", "XDG_SEAT*", "XDG_VTNR", "XDG_CURRENT_DESKTOP", "XDG_GREETER_*"),
    *("ROOST_DEMO_LOG", "ROOST_TEST_RUN"),
)
"""Differ between any two logins and mean nothing to an agent; or are for tests."""
_OF_EVERY_LOGIN = {"HOME", "LOGNAME", "PATH", "SHELL", "USER"}
"""The daemon finds them out where they are not set."""


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
    """`told`: what the daemon's method `compare` says."""
    passed: list[str] = told["passed"]
    never: list[str] = told["never"]
    values: dict[str, str] = told["values"]

    def is_passed(name: str) -> bool:
        return matches(name, passed) and (name in passed or not matches(name, never))

    own = {name: value for name, value in environ.items() if is_passed(name)}
    there = {name for name in values if not matches(name, _OF_A_LOGIN)}
    here = {name for name in own if not matches(name, _OF_A_LOGIN)}
    return Comparison(
        sorted(name for name in here & there if _digest(own[name]) != values[name]),
        sorted(here - there),
        sorted(there - here - _OF_EVERY_LOGIN),
        sorted(name for name in environ if not is_passed(name) and not matches(name, never)),
    )


def _digest(value: str) -> str:
    """As the daemon's own: the values themselves need not be shown to compare them."""
    import hashlib

    return hashlib.blake2b(value.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def findings(app: App) -> list[Finding]:
    """What `doctor` finds: another program, variables that differ, programs that only this shell finds."""
    try:
        told = ask(app)
    except RemoteError as error:
        older = error.remote_code == "usage"  # it has no such method
        return [wrong(Code.DAEMON_STALE, "daemon's program", OLDER, fix=REPLACE)] if older else []
    except RoostError:
        return []  # no daemon: that is told elsewhere
    if told is None:
        return []
    other: str | None = told["other"]
    found: list[Finding] = []
    if other and is_older(told):
        found.append(wrong(Code.DAEMON_STALE, "daemon's program", other, advice=NEWER))
    elif other:
        found.append(wrong(Code.DAEMON_STALE, "daemon's program", other, fix=REPLACE))
    differing = compare(told, os.environ).differing
    if differing:
        why = f"agents are given {', '.join(differing)} not as they are here"
        found.append(note(Code.ENVIRONMENT_DIFFERS, "environment", why, fix=REFRESH))
    else:
        found.append(good("environment", "agents are given what this shell has"))
    programs: dict[str, dict[str, str | None]] = told["programs"]
    for name, place in programs.items():
        if place["here"] is None and place["there"] is not None:
            detail = f"the daemon's PATH does not lead to it; this shell's does ({place['there']})"
            found.append(wrong(Code.PROGRAM_HIDDEN, f"{name} for agents", detail, fix=REFRESH))
    return found
