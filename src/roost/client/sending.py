"""A message sent once, to one peer or several: what lost its connection is sent again with its key."""

import time
from collections.abc import Callable
from uuid import uuid4

from roost.client.connection import Answer, ConnectionLostError, Record
from roost.client.refusal import asked
from roost.client.results import Sent, SentTo, made
from roost.errors import NoDaemonError, RefusedError

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
_REST = "sent again with the key '{key}', it goes to them only"

Call = Callable[[str, Record], Answer]
"""One request: its method, its parameters, its answer."""


def send(call: Call, message: Record, key: str | None, notes: list[str]) -> Sent:
    """Store a message, and wait as it says.

    Where the connection is lost, the same is asked again as soon as the daemon is back: the key makes it the
    same message. Raises ConnectionLostError with the fact `key` where it does not come back, and what
    `refusal` tells.
    """
    key = key or uuid4().hex
    return made(Sent, {**_once(call, "send", message, key), "key": key, "notes": notes})


def send_to(call: Call, message: Record, key: str | None) -> list[SentTo]:
    """Store a message for each of several, and wait as it says; see `send`.

    Raises RefusedError with the facts `key` and `sent` where somebody did not get what others have.
    """
    key = key or uuid4().hex
    rows = made(list[SentTo], _once(call, "send_many", message, key))
    missing = ", ".join(f"'{row.to}' ({row.error.message})" for row in rows if row.id is None and row.error)
    if missing:
        raise RefusedError(f"not stored for {missing}; {_REST.format(key=key)}", key=key, sent=rows)
    return rows


def _once(call: Call, method: str, message: Record, key: str) -> Answer:
    params: Record = {**message, "key": key}
    try:
        return asked(lambda: call(method, params))
    except ConnectionLostError as lost:
        if lost.facts.get("mute"):
            raise ConnectionLostError(lost.message, key=key, mute=True) from lost
        return _again(call, method, params, key)


def _again(call: Call, method: str, params: Record, key: str) -> Answer:
    until, losses = time.monotonic() + BACK, 1
    while True:
        try:
            return asked(lambda: call(method, params))
        except (ConnectionLostError, NoDaemonError) as gone:
            losses += isinstance(gone, ConnectionLostError)
            if losses >= LOSSES or gone.facts.get("mute") or time.monotonic() >= until:
                raise ConnectionLostError(_LOST.format(key=key), key=key) from gone
            time.sleep(_LOOK)
