"""`python -m roost.daemon.enrol [--home DIR] ACTION`: this host into a fleet, or out of it.

The action's parameters are a JSON object on standard input, where no other user sees them. Prints one JSON
object: `{"result": ...}`, or `{"error": ...}` as the daemon's socket does.
"""

import argparse
import asyncio
import json
import os
import sys
from typing import Any

import msgspec

from roost.errors import RoostError, UsageError, in_words
from roost.local.membership import check_installed, load_membership
from roost.local.paths import Places, find_places


class Init(msgspec.Struct, forbid_unknown_fields=True):
    """See `enrol.init`."""

    name: str | None = None
    listen: str | None = None
    advertise: str | None = None


class Join(msgspec.Struct, forbid_unknown_fields=True):
    """See `enrol.enter`."""

    token: str
    name: str | None = None
    hub: str | None = None
    new_keys: bool = False


class Leave(msgspec.Struct, forbid_unknown_fields=True):
    """See `enrol.depart`."""

    force: bool = False


def main() -> int:
    """Do it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m roost.daemon.enrol", description="Enter a fleet.")
    parser.add_argument("--home", help="use this folder instead of ROOST_HOME or the XDG folders")
    parser.add_argument("action", choices=tuple(_ACTIONS))
    given = parser.parse_args()
    os.umask(0o077)
    places = find_places(os.environ, given.home)
    try:
        result = _ACTIONS[given.action](places, sys.stdin.buffer.read())
    except RoostError as error:
        return _failed(error.code, error.message, error.exit_code)
    except OSError as error:
        return _failed("error", in_words(error, places.home), 1)
    sys.stdout.write(json.dumps({"result": msgspec.to_builtins(result)}) + "\n")
    return 0


def _failed(code: str, message: str, exit_code: int) -> int:
    error = {"code": code, "message": message, "exit_code": exit_code}
    sys.stdout.write(json.dumps({"error": error}) + "\n")
    return 0


def _init(places: Places, given: bytes) -> object:
    check_installed()
    from roost.daemon.registrar.enrol import init  # noqa: PLC0415 -- needs packages that may not be there

    asked = _read(given, Init)
    return init(places, asked.name, asked.listen, asked.advertise)


def _join(places: Places, given: bytes) -> object:
    check_installed()
    from roost.daemon.registrar.enrol import enter  # noqa: PLC0415 -- as above

    asked = _read(given, Join)
    return asyncio.run(enter(places, asked.token, asked.name, asked.hub, new_keys=asked.new_keys))


def _leave(places: Places, given: bytes) -> object:
    check_installed()
    from roost.daemon.registrar.enrol import depart  # noqa: PLC0415 -- as above

    return asyncio.run(depart(places, force=_read(given, Leave).force))


def _show(places: Places, _given: bytes) -> object:
    """What is known of the fleet without the daemon."""
    member = load_membership(places.membership)
    if member is None:
        return None
    return {"host": member.host, "servers": member.servers, "is_hub": places.is_hub}


def _read(text: bytes, kind: type[Any]) -> Any:  # noqa: ANN401 -- of that kind
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError as error:
        raise UsageError(f"the request is not understood: {error}") from error


_ACTIONS = {"init": _init, "join": _join, "leave": _leave, "show": _show}

if __name__ == "__main__":
    sys.exit(main())
