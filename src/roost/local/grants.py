"""`[grants]` of `config.toml`: what each other host of the fleet may have done here.

Every member may send messages to peers of this host, and sees which there are. Whatever else is done here at
the word of another host has to be granted.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NoReturn, cast

from roost.core.vocabulary.identity import NAME


class Right(StrEnum):
    """What can be granted. `move`: peers come here from there, with their settings and what they start."""

    MOVE = "move"


Grants = Mapping[str, frozenset[Right]]
"""Rights by the names of hosts; `*` stands for every host."""


def granted(grants: Grants, host: str, right: Right) -> bool:
    """Whether a host has a right here."""
    return right in grants.get(host, frozenset()) or right in grants.get("*", frozenset())


def read_grants(table: Mapping[str, Any], fail: Callable[[str, str], NoReturn]) -> Grants:
    """The table, checked. `fail` is told the word that is wrong, and why."""
    return {host: _rights(host, rights, fail) for host, rights in table.items()}


def _rights(host: str, rights: object, fail: Callable[[str, str], NoReturn]) -> frozenset[Right]:
    if host != "*" and not NAME.fullmatch(host):
        fail(host, f"'{host}' in [grants] is no name of a host; '*' stands for every host")
    if not isinstance(rights, list) or not all(
        isinstance(each, str) for each in cast("list[object]", rights)
    ):
        fail(host, f"what is granted to '{host}' must be a list")
    known = ", ".join(Right)
    for each in cast("list[str]", rights):
        if each not in tuple(Right):
            fail(each, f"'{each}' cannot be granted; known are {known}")
    return frozenset(Right(each) for each in cast("list[str]", rights))
