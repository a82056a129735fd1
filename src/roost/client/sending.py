"""A message sent once, to one peer or several: what lost its connection is sent again with its key."""

from __future__ import annotations

from uuid import uuid4

from roost.client.connection import Record
from roost.client.once import once
from roost.client.refusal import asked
from roost.client.results import Sent, SentTo, made
from roost.errors import RefusedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.client.once import Call

_REST = "sent again with the key '{key}', it goes to them only"


def send(call: Call, message: Record, key: str | None, notes: list[str]) -> Sent:
    """Store a message, and wait as it says.

    Where the connection is lost, the same is asked again as soon as the daemon is back: the key makes it the
    same message. Raises ConnectionLostError with the fact `key` where it does not come back, and what
    `refusal` tells.
    """
    key = key or uuid4().hex
    return made(Sent, {**asked(lambda: once(call, "send", message, key)), "key": key, "notes": notes})


def send_to(call: Call, message: Record, key: str | None) -> list[SentTo]:
    """Store a message for each of several, and wait as it says; see `send`.

    Raises RefusedError with the facts `key` and `sent` where somebody did not get what others have.
    """
    key = key or uuid4().hex
    rows = made(list[SentTo], asked(lambda: once(call, "send_many", message, key)))
    missing = ", ".join(f"'{row.to}' ({row.error.message})" for row in rows if row.id is None and row.error)
    if missing:
        raise RefusedError(f"not stored for {missing}; {_REST.format(key=key)}", key=key, sent=rows)
    return rows
