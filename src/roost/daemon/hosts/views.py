"""Peers of other hosts as shown here: as their hosts told them last, and since when they are silent.

Of a host that is silent nothing is known but that: its rows are `unknown`, and never dead (H5).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from roost.core.messages.remote import ON_ITS_WAY
from roost.core.vocabulary.identity import REMOTE, host_of
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.view import iso
from roost.daemon.hosts.commands import as_here
from roost.daemon.hosts.rows import Row

if TYPE_CHECKING:  # it loads what only members of a fleet need
    from roost.daemon.hosts.members import Members


class Views:
    """Makes rows of `list` of what other hosts have told. `members`: None where this host is in no fleet."""

    def __init__(self, members: Members | None, trouble: Callable[[str], str] = lambda _host: "") -> None:
        """Show what these members have told; `trouble`: why what waits for a host does not arrive, or ""."""
        self.members = members
        self.trouble = trouble

    @property
    def name(self) -> str | None:
        """The name of this host in its fleet; None: it is in none."""
        return self.members.name if self.members is not None else None

    def hosts(self) -> list[dict[str, Any]]:
        """All other hosts: whether they are reached, and since when they are silent (None: never heard)."""
        return [self._host(host) for host in self._hosts()]

    def news(self) -> list[str]:
        """Which hosts are silent, in words."""
        found = (self.silent(host) for host in self._hosts())
        return [f"{why}; its peers are shown as it told them last" for why in found if why is not None]

    def rows(self) -> list[dict[str, Any]]:
        """The peers of all other hosts."""
        return [row for host in self._hosts() for row in self.rows_of(host)]

    def rows_of(self, host: str) -> list[dict[str, Any]]:
        """The peers of one other host; none where it is no member."""
        if self.members is None or host not in self.members.hosts():
            return []
        silent = self.silent(host)
        return [_row(host, row, silent, self._since(host)) for row in self.members.peers(host)]

    def row(self, name: str) -> dict[str, Any]:
        """One peer of another host; where that host has not told of it, what can be said."""
        host = host_of(name) or ""
        found = next((row for row in self.rows_of(host) if row["name"] == name), None)
        if found is not None:
            return found
        silent = self.silent(host)
        why = f"{silent}; what it has is not known" if silent else f"'{host}' tells of no such peer"
        return _row(host, Row(name.partition("@")[0], "unknown", why, 0.0, REMOTE), None, None)

    def message(self, row: dict[str, Any]) -> dict[str, Any]:
        """The row of a message; where it waits for another host, with why it does not arrive there."""
        host = host_of(row["to"])
        if host is None or row["state"] != MessageState.QUEUED or row["why"] != ON_ITS_WAY.format(host):
            return row
        trouble = self.trouble(host)
        return {**row, "why": f"{row['why']}: {trouble}"} if trouble else row

    def silent(self, host: str) -> str | None:
        """In words, that a host is not reached and since when; None: it is."""
        if self.members is None or host not in self.members.hosts():
            return f"'{host}' is no host of this fleet"
        since = self.members.silent_since(host)
        if since is None:
            return None
        if not since:
            return f"'{host}' has not been heard of since this daemon started"
        return f"'{host}' is unreachable since {iso(since)}"

    def _hosts(self) -> list[str]:
        return self.members.hosts() if self.members is not None else []

    def _since(self, host: str) -> float | None:
        return self.members.silent_since(host) if self.members is not None else None

    def _host(self, host: str) -> dict[str, Any]:
        since = self._since(host)
        return {
            "host": host,
            "reached": since is None,
            "silent_since": iso(since) if since else None,
            "why": self.silent(host),
        }


def _row(host: str, row: Row, silent: str | None, since: float | None) -> dict[str, Any]:
    """A row of `list`; `silent`: why what it was told is of the past, and since when (Unix seconds)."""
    state, why = row.state, as_here(row.why, host, (row.name,))
    if silent is not None:
        state, why = "unknown", f"{silent}; it told last: {row.state}, {why}"
    return {
        "name": f"{row.name}@{host}",
        "host": host,
        "runtime": row.runtime,
        "dir": None,
        "kind": row.kind,
        "wake": None,
        "description": row.description,
        "state": state,
        "why": why,
        "since": iso((since or None) if silent is not None else (row.since or None)),
        "queued": row.queued,
        "stopped": row.state == "stopped",
        "fresh_next": False,
        "turn": None,
        "session": None,
        "former_names": [],
        "created_at": None,
    }
