"""`[fleet]` of `config.toml`: what other hosts may do here, and what they are told."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

from msgspec import Struct, field

from roost.core.vocabulary.identity import NAME

ALL = "*"
"""All peers; as the name of a host: those that have no table of their own."""


class Grant(Struct, frozen=True):
    """What a host may do with which peers of this one; None: as the table of all others says.

    `move`: which may come here from there, with their settings and what those start.
    """

    deliver: tuple[str, ...] | None = None
    operate: tuple[str, ...] | None = None
    move: tuple[str, ...] | None = None


class Grants(Struct, frozen=True):
    """The table, checked. `shown`: the peers that other hosts are told of; `hosts`: what each may do.

    Where it says nothing, all hosts may deliver to all peers and see all of them, none may operate any, and
    none may have one move here.
    """

    shown: tuple[str, ...] = (ALL,)
    hosts: Mapping[str, Grant] = field(default_factory=dict[str, Grant])

    def shows(self, peer: str) -> bool:
        """Whether other hosts are told of a peer."""
        return _holds(self.shown, peer)

    def delivers(self, host: str, peer: str) -> bool:
        """Whether messages of a host are taken for a peer."""
        found = [grant.deliver for grant in self._of(host) if grant.deliver is not None]
        return _holds(found[0] if found else (ALL,), peer)

    def operates(self, host: str, peer: str) -> bool:
        """Whether operators of a host may wake, stop and answer a peer."""
        found = [grant.operate for grant in self._of(host) if grant.operate is not None]
        return _holds(found[0] if found else (), peer)

    def moves(self, host: str, peer: str) -> bool:
        """Whether a peer of that host may come here."""
        found = [grant.move for grant in self._of(host) if grant.move is not None]
        return _holds(found[0] if found else (), peer)

    def _of(self, host: str) -> list[Grant]:
        """Its own table, then that of all others."""
        return [self.hosts[name] for name in (host, ALL) if name in self.hosts]


def read_grants(table: Mapping[str, Any], fail: Callable[[str, str], NoReturn]) -> Grants:
    """The table. `fail` is told the word that is wrong, and why."""
    _known(table, {"grants", "shown"}, "fleet", fail)
    hosts: object = table.get("grants", {})
    if not isinstance(hosts, dict):
        fail("grants", "'grants' of [fleet] must be a table for each host: [fleet.grants.HOST]")
    given = cast("dict[str, object]", hosts)
    return Grants(
        _peers(table, "shown", "fleet", fail) or (() if "shown" in table else (ALL,)),
        {host: _grant(host, grant, fail) for host, grant in given.items()},
    )


def _grant(host: str, table: object, fail: Callable[[str, str], NoReturn]) -> Grant:
    if host != ALL and not NAME.fullmatch(host):
        fail(host, f"'{host}' in [fleet.grants] is no name of a host; \"*\" are all others")
    if not isinstance(table, dict):
        fail(host, f"[fleet.grants.{host}] must be a table")
    grant, where = cast("dict[str, Any]", table), f"fleet.grants.{host}"
    _known(grant, {"deliver", "move", "operate"}, where, fail)
    return Grant(*(_peers(grant, key, where, fail) for key in ("deliver", "operate", "move")))


def _peers(
    table: Mapping[str, Any], key: str, where: str, fail: Callable[[str, str], NoReturn]
) -> tuple[str, ...] | None:
    if key not in table:
        return None
    value: object = table[key]
    names = cast("list[object]", value) if isinstance(value, list) else [None]
    for name in names:
        if not isinstance(name, str) or (name != ALL and not NAME.fullmatch(name)):
            fail(key, f"'{key}' in [{where}] must be a list of names of peers; \"*\" are all")
    return tuple(cast("list[str]", names))


def _known(
    table: Mapping[str, Any], known: set[str], where: str, fail: Callable[[str, str], NoReturn]
) -> None:
    for key in table:
        if key not in known:
            fail(key, f"unknown key '{key}' in [{where}]; known are {', '.join(sorted(known))}")


def _holds(names: tuple[str, ...], peer: str) -> bool:
    return ALL in names or peer in names
