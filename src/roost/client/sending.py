"""A message sent once: what lost its connection is sent again with its key."""

import time
from collections.abc import Callable
from uuid import uuid4

from roost.client.connection import ConnectionLostError, Record
from roost.client.refusal import asked
from roost.client.results import Sent, made
from roost.errors import NoDaemonError

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

Call = Callable[[str, Record], Record]
"""One request: its method, its parameters, its answer."""


def send(call: Call, message: Record, key: str | None, notes: list[str]) -> Sent:
    """Store a message, and wait as it says.

    Where the connection is lost, the same is asked again as soon as the daemon is back: the key makes it the
    same message. Raises ConnectionLostError with the fact `key` where it does not come back, and what
    `refusal` tells.
    """
    key = key or uuid4().hex
    params: Record = {**message, "key": key}
    try:
        answer = asked(lambda: call("send", params))
    except ConnectionLostError as lost:
        if lost.facts.get("mute"):
            raise ConnectionLostError(lost.message, key=key, mute=True) from lost
        answer = _again(call, params, key)
    return made(Sent, {**answer, "key": key, "notes": notes})


def _again(call: Call, params: Record, key: str) -> Record:
    until, losses = time.monotonic() + BACK, 1
    while True:
        try:
            return asked(lambda: call("send", params))
        except (ConnectionLostError, NoDaemonError) as gone:
            losses += isinstance(gone, ConnectionLostError)
            if losses >= LOSSES or gone.facts.get("mute") or time.monotonic() >= until:
                raise ConnectionLostError(_LOST.format(key=key), key=key) from gone
            time.sleep(_LOOK)
