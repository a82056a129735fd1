"""Where a Codex app-server that runs listens, by the words that it was started with (0.171.0, measured).

`codex` in a terminal starts one for all terminals of its CODEX_HOME, on a socket there, unless it is told
not to; an editor starts one of its own, on its standard streams.
"""

from collections.abc import Mapping, Sequence

from roost.errors import InvalidSettingError, RefusedError
from roost.runtimes.codex_rollout import codex_home
from roost.runtimes.codex_server.address import read_address

_OPTION = "--listen"
_ITS_OWN = "app-server-control/app-server-control.sock"
"""Below CODEX_HOME: where it listens that is told no place but `unix://`."""
ALONE = (
    "this Codex runs in an app-server that takes nobody but who has started it, as an editor's does; it takes"
    " part as a mailbox: `roost add NAME --runtime human`, then `roost mcp --as NAME` or `roost listen NAME`"
    " in it"
)


def listening(words: Sequence[str], environ: Mapping[str, str]) -> str | None:
    """The address of the server that was started by these words; None: they start none.

    Raises RefusedError where it takes nobody else.
    """
    if "app-server" not in words[1:]:
        return None
    place = _given(words)
    if place == "unix://":
        return f"unix:{codex_home(environ) / _ITS_OWN}"
    text = f"unix:{place.removeprefix('unix://')}" if place.startswith("unix://") else place
    try:
        return read_address(text).text
    except InvalidSettingError:
        raise RefusedError(ALONE) from None


def _given(words: Sequence[str]) -> str:
    """What was said of where it is to listen, the last of it; nothing: nothing was."""
    place = ""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        if word == _OPTION:
            place = following
        elif word.startswith(f"{_OPTION}="):
            place = word.partition("=")[2]
    return place
