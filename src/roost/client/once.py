"""A request that is done once: with its key it is sent again where the daemon went away before answering."""

from __future__ import annotations

import time

from roost.client.connection import ConnectionLostError
from roost.errors import NoDaemonError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from roost.client.connection import Answer, Record

    Call: TypeAlias = Callable[[str, Record], Answer]
    """One request: its method, its parameters, its answer."""

BACK = 15.0
"""Seconds for which a daemon that went away during a send is waited for."""
LOSSES = 3
"""Connections that may be lost: a daemon that dies still takes one, and then resets it."""
_LOOK = 0.1
"""Seconds between two tries to reach it."""
_LOST = (
    "the daemon went away before it said whether it has the message; send it again with the key '{key}', and"
    " it is stored once"
)


def once(call: Call, method: str, message: Record, key: str) -> Answer:
    """Ask, and where the connection is lost ask the same again as soon as the daemon is back.

    Raises ConnectionLostError with the fact `key` where it does not come back, and what `call` raises.
    """
    params: Record = {**message, "key": key}
    try:
        return call(method, params)
    except ConnectionLostError as lost:
        if lost.facts.get("mute"):
            raise ConnectionLostError(lost.message, key=key, mute=True) from lost
        return _again(call, method, params, key)


def _again(call: Call, method: str, params: Record, key: str) -> Answer:
    until, losses = time.monotonic() + BACK, 1
    while True:
        try:
            return call(method, params)
        except (ConnectionLostError, NoDaemonError) as gone:
            losses += isinstance(gone, ConnectionLostError)
            if losses >= LOSSES or gone.facts.get("mute") or time.monotonic() >= until:
                raise ConnectionLostError(_LOST.format(key=key), key=key) from gone
            time.sleep(_LOOK)
