"""A message to several peers: what each of them got, and what became of it."""

from __future__ import annotations

import os

from roost.cli.output import counted, harmless, one_line, say, show_json, warn
from roost.cli.send_wait import INTERRUPTED, SendWait, lost, mark_read, name_attachments
from roost.client.connection import ConnectionLostError, Record
from roost.client.once import once

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.cli.app import App

_RAN_OUT = 3
"""The exit code of a wait that ran out."""


class _Waits:
    """What is known of each recipient's message while their sender waits."""

    def __init__(self) -> None:
        """Nothing is stored yet."""
        self.of: dict[str, SendWait] = {}

    def on_event(self, event: Record) -> None:
        """News of one recipient's message."""
        to = str(event["to"])
        if to not in self.of:
            self.of[to] = SendWait(to, prints_id=False)
        self.of[to].on_event(event)

    def clear(self) -> None:
        """Nothing is shown as going on any more."""
        for wait in self.of.values():
            wait.progress.clear()


def send_many(app: App, params: Record) -> int:
    """Send it, print a line for each recipient; returns the exit code."""
    waits = _Waits()
    key = params["key"] or os.urandom(16).hex()
    again = f"the same command with --key {key} sends only what is missing"
    patience = None if params["wait"] != "stored" else 30.0
    try:
        rows: list[Record] = once(
            lambda method, asked: app.call(method, asked, on_event=waits.on_event, patience=patience),
            "send_many",
            params,
            key,
        )
    except KeyboardInterrupt:
        waits.clear()
        stored = ", ".join(f"{to} {wait.id}" for to, wait in waits.of.items())
        warn(f"roost: no longer waiting; stored for {stored or 'nobody that is known'}; {again}")
        return INTERRUPTED
    except ConnectionLostError as error:
        waits.clear()
        raise ConnectionLostError(f"{lost(error)}; {again}") from error
    waits.clear()
    _show(app, rows, params["wait"])
    for row in rows:
        mark_read(app, row["reply"])
    missing = [row for row in rows if row["id"] is None]
    for row in rows:
        if row["error"] is not None:
            what = "did not get it: " if row["id"] is None else ""
            warn(f"roost: '{row['to']}': {what}{row['error']['message']}")
    if missing:
        has = counted(len(rows) - len(missing), "peer has", "peers have")
        warn(f"roost: {has} the message, {len(missing)} not; {again}")
    return _status(rows, missing)


def _show(app: App, rows: list[Record], wait: str) -> None:
    if app.json:
        show_json(rows)
        return
    for row in rows:
        if row["id"] is None:
            continue
        done = "" if wait == "stored" or row["error"] is not None else f"  {wait}"
        say(f"{row['id']}  {one_line(row['to'])}{done}")
        if row["reply"] is not None:
            for line in harmless(str(row["reply"]["body"])).splitlines():
                say(f"  {line}")
            name_attachments(row["reply"])


def _status(rows: list[Record], missing: list[Record]) -> int:
    """1 where somebody did not get it, else 3 where a wait ran out, else how the worst of them ended."""
    codes = {int(row["error"]["exit_code"]) for row in rows if row["error"] is not None}
    if missing:
        return 1
    return _RAN_OUT if _RAN_OUT in codes else max(codes, default=0)
