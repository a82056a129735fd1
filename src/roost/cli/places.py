"""Where the daemon's socket is, without the cost of the whole `roost.local.paths`.

`roost.local.paths` needs pathlib and msgspec, several milliseconds that every command would pay. A test
holds the two together.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_SOCKET_BYTES = 100
_LONGEST_SOCKET = "t/" + "0" * 16


def socket_path(environ: Mapping[str, str], home: str | None) -> str:
    """The same path as `find_places(environ, home).socket`."""
    return os.path.join(_run(environ, home), "roost.sock")  # noqa: PTH118 -- see the module


def _run(environ: Mapping[str, str], home: str | None) -> str:
    chosen = chosen_home(environ, home)
    if chosen is not None:
        run = os.path.join(chosen, "run")  # noqa: PTH118 -- see the module
    else:
        user = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 -- see the module
        state = environ.get("XDG_STATE_HOME") or f"{user}/.local/state"
        run = os.path.normpath(f"{state}/roost/run")
    if len(os.fsencode(f"{run}/{_LONGEST_SOCKET}")) <= _SOCKET_BYTES:
        return run
    import hashlib

    name = hashlib.blake2b(os.fsencode(run), digest_size=8).hexdigest()
    return f"/tmp/roost-{os.getuid()}-{name}"  # noqa: S108 -- the client checks its owner


def chosen_home(environ: Mapping[str, str], home: str | None) -> str | None:
    """The absolute folder that `--home` or ROOST_HOME names; None when neither is given."""
    chosen = home or environ.get("ROOST_HOME")
    return os.path.realpath(os.path.expanduser(chosen)) if chosen else None  # noqa: PTH111 -- see the module
