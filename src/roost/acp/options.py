"""The command line of the client."""

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, cast

from roost.foreign import entire

USAGE = (
    "usage: python -m roost.acp --folder DIR --socket PATH [--load CONVERSATION [--must-load]]"
    " [--instructions TEXT] [--meta JSON] -- PROGRAM [ARGUMENT...]"
)
_VALUES = ("--folder", "--socket", "--load", "--instructions", "--meta")


class UsageError(Exception):
    """The arguments make no sense; the message says why."""


class Options(NamedTuple):
    """Where the record and the socket are, what the session is to be, and how its agent is started."""

    folder: str
    socket: str
    argv: Sequence[str]
    load: str | None = None
    must_load: bool = False
    instructions: str = ""
    meta: Mapping[str, object] = MappingProxyType({})


def parse(arguments: Sequence[str]) -> Options:
    """Read the command line; raises UsageError."""
    rest, given, must_load = list(arguments), dict[str, str](), False
    while rest and rest[0] != "--":
        name = rest.pop(0)
        if name == "--must-load":
            must_load = True
        elif name in _VALUES and rest:
            given[name] = rest.pop(0)
        else:
            raise UsageError(f"unknown argument, or one without its value: {name}")
    argv = rest[1:]
    if not argv or "--folder" not in given or "--socket" not in given:
        raise UsageError("a folder, a socket and a program are needed")
    return Options(
        os.path.abspath(given["--folder"]),
        given["--socket"],
        argv,
        given.get("--load"),
        must_load,
        given.get("--instructions", ""),
        _object(given.get("--meta", "{}")),
    )


def _object(text: str) -> Mapping[str, object]:
    try:
        value: object = entire(text)
    except ValueError as error:
        raise UsageError(f"--meta cannot be read as JSON: {error}") from error
    if not isinstance(value, dict):
        raise UsageError("--meta is to be an object")
    return cast("dict[str, object]", value)
