"""What agent programs need of their environment, whichever they are."""

import os
import shutil
from collections.abc import Mapping
from shlex import quote

from roost.errors import RuntimeMissingError

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_LOOPBACK = "127.0.0.1,localhost"


def past_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables that keep calls to our own loopback address away from the proxies of this environment."""
    if not any(environ.get(name) or environ.get(name.lower()) for name in _PROXIES):
        return {}
    given = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    value = f"{given},{_LOOPBACK}" if given else _LOOPBACK
    return {"NO_PROXY": value, "no_proxy": value}


def find_program(name: str, path: str | None, install: str) -> str:
    """Blocking: the absolute path of a program; raises RuntimeMissingError that names the install command."""
    found = shutil.which(name, path=path)
    if found is None:
        refuse_closed(name, path)
        raise RuntimeMissingError(f"the program '{name}' was not found on PATH; install it: {install}")
    return os.path.abspath(found)  # noqa: PTH100 -- the name on PATH, not what it links to


def refuse_closed(name: str, path: str | None) -> None:
    """Blocking: raise RuntimeMissingError where a program is there, and is not executable."""
    there = shutil.which(name, os.F_OK, path)
    if there is not None:
        cure = f"`chmod +x {quote(there)}` makes it so"
        raise RuntimeMissingError(f"the program '{there}' is not executable; {cure}")
