"""What a Codex app-server keeps of a thread: its turns, the latest first, and the messages in them.

Codex 0.171.0: `thread/turns/list` tells of loaded and unloaded threads alike; `summary` leaves out what was
steered into a turn, `full` does not. A user's message carries the `clientUserMessageId` that it was given
with as `clientId`: nobody else's text can, and the same id given twice is two messages. The item stands in
the list some 15 ms after `turn/start` was answered. A thread that had no turn yet has no list; a turn that
the server's end cut off is `interrupted`.
"""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from roost.runtimes.call import CallRefusedError
from roost.runtimes.codex_server.connection import Connection

PAGE = 10
PAGES = 100
"""Turns in a page, and pages at most."""
UNWRITTEN = "not materialized"
"""What the server says of the turns of a thread that had none."""

Turn = dict[str, Any]


async def turns_of(connection: Connection, thread: str) -> AsyncIterator[Turn]:
    """The thread's turns, the latest first. Raises CallLostError, CallRefusedError."""
    cursor: object = None
    for _ in range(PAGES):
        asked: dict[str, Any] = {
            "threadId": thread,
            "limit": PAGE,
            "itemsView": "full",
            "sortDirection": "desc",
        }
        if cursor is not None:
            asked["cursor"] = cursor
        try:
            page = await connection.ask("thread/turns/list", asked)
        except CallRefusedError as error:
            if UNWRITTEN in error.message:
                return
            raise
        for turn in page.get("data") or ():
            yield turn
        cursor = page.get("nextCursor")
        if cursor is None:
            return


def keys_in(turn: Turn) -> list[str]:
    """The keys of the messages in a turn, in order."""
    keys = (item.get("clientId") for item in turn.get("items") or ())
    return [str(key) for key in keys if key is not None]


async def loaded_by(connection: Connection) -> frozenset[str]:
    """The threads that the server has loaded. Raises CallLostError, CallRefusedError."""
    found, cursor = set[str](), None
    while True:
        page = await connection.ask("thread/loaded/list", {"cursor": cursor} if cursor is not None else {})
        found.update(str(thread) for thread in page.get("data") or ())
        cursor = page.get("nextCursor")
        if cursor is None:
            return frozenset(found)


def frames(thread: str, turn: Turn) -> list[bytes]:
    """A turn as the server would have told of it while it ran."""
    told: list[dict[str, Any]] = [_frame("turn/started", thread, turn={"id": turn.get("id")})]
    items = turn.get("items") or ()
    told += [_frame("item/completed", thread, item=item, turnId=turn.get("id")) for item in items]
    if turn.get("status") != "inProgress":
        ended = {name: turn.get(name) for name in ("id", "status", "error")}
        told.append(_frame("turn/completed", thread, turn=ended))
    return [msgspec.json.encode(frame) for frame in told]


def _frame(method: str, thread: str, **params: object) -> dict[str, Any]:
    return {"method": method, "params": {"threadId": thread, **params}}
