"""Rows of the process table, and which of them belong to one session."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from roost.host.interfaces import Marker

SESSION_VARIABLE = "ROOST_SESSION"
NONCE_VARIABLE = "ROOST_NONCE"
HOME_VARIABLE = "ROOST_HOME"
"""The launcher plants these three and every scan looks for them (B2)."""
PEER_VARIABLE = "ROOST_PEER"
"""Whose session it was when it was launched; only shown."""
_PLANTED = {name.encode(): name for name in (SESSION_VARIABLE, NONCE_VARIABLE, HOME_VARIABLE, PEER_VARIABLE)}


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """One process as the kernel lists it; `zombie`: it has ended and only its status is left.

    `stopped`: by a signal or a debugger, until somebody lets it go on.
    """

    pid: int
    ppid: int
    start: int
    uid: int
    zombie: bool
    stopped: bool = False


def marker_of(environ: bytes) -> Marker | None:
    """The marker in a NUL-separated environment block, None unless session and nonce are there."""
    found: dict[str, str] = {}
    for entry in environ.split(b"\0"):
        name, _, value = entry.partition(b"=")
        planted = _PLANTED.get(name)
        if planted is not None and planted not in found:
            found[planted] = value.decode("utf-8", "surrogateescape")
    session, nonce = found.get(SESSION_VARIABLE), found.get(NONCE_VARIABLE)
    if not session or not nonce:
        return None
    return Marker(session, nonce, found.get(HOME_VARIABLE), found.get(PEER_VARIABLE))


def members(
    rows: Iterable[ProcessRow],
    root: tuple[int, int] | None,
    is_marked: Callable[[int], bool],
    *,
    uid: int,
) -> list[ProcessRow]:
    """Living rows that are `root` (pid, start), descend from it, or are marked and belong to `uid`."""
    table = {row.pid: row for row in rows}
    children: dict[int, list[ProcessRow]] = {}
    for row in table.values():
        children.setdefault(row.ppid, []).append(row)
    chosen: dict[int, ProcessRow] = {}
    pending = [table[root[0]]] if root and root[0] in table and table[root[0]].start == root[1] else []
    while pending:
        row = pending.pop()
        if row.pid in chosen:
            continue
        chosen[row.pid] = row
        # The table is not read at one instant: a "child" older than its parent is a reused pid.
        pending.extend(child for child in children.get(row.pid, ()) if child.start >= row.start)
    for row in table.values():
        if row.pid not in chosen and row.uid == uid and not row.zombie and is_marked(row.pid):
            chosen[row.pid] = row
    return sorted((row for row in chosen.values() if not row.zombie), key=lambda row: row.pid)
