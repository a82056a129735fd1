"""Rows of the process table, and which of them belong to one session."""

from collections.abc import Callable, Iterable

from msgspec import Struct

from roost.host.interfaces.processes import Marker

SESSION_VARIABLE = "ROOST_SESSION"
NONCE_VARIABLE = "ROOST_NONCE"
HOME_VARIABLE = "ROOST_HOME"
"""The launcher plants these three and every scan looks for them (B2)."""
PEER_VARIABLE = "ROOST_PEER"
"""Whose session it was when it was launched; only shown."""
_PLANTED = {name.encode(): name for name in (SESSION_VARIABLE, NONCE_VARIABLE, HOME_VARIABLE, PEER_VARIABLE)}


class ProcessRow(Struct, frozen=True):
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


WALKS = 50
"""How often a line of ancestors is read before it is given up: each time one of them ended meanwhile."""


def ancestors(pid: int, row_of: Callable[[int], ProcessRow | None]) -> list[ProcessRow] | None:
    """The process and all above it, nearest first; empty when there is none, None when it changes.

    The rows are not read at one instant. An ancestor that has ended meanwhile gave its children to the
    nearest subreaper above: the whole line is read again then. One that may not be seen ends it.
    """
    for _ in range(WALKS):
        line = _line(pid, row_of)
        if line is not None:
            return line
    return None


def _line(pid: int, row_of: Callable[[int], ProcessRow | None]) -> list[ProcessRow] | None:
    line: list[ProcessRow] = []
    row = row_of(pid)
    while row is not None:
        line.append(row)
        parent = row_of(row.ppid) if row.ppid > 0 else None
        if row.ppid > 0 and (parent is None or parent.start > row.start):  # a younger one has a reused pid
            now = row_of(row.pid)
            if now is None or now.start != row.start or now.ppid != row.ppid:
                return [] if len(line) == 1 and now is None else None
            break
        row = parent
    return line
