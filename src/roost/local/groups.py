"""`[groups]` of `config.toml`: several peers, also of other hosts, under one name, for `roost send @NAME`."""

from collections.abc import Callable, Mapping
from typing import Any, NoReturn, cast

from roost.core.vocabulary.identity import NAME, RESERVED, SYSTEM


def read_groups(table: Mapping[str, Any], fail: Callable[[str, str], NoReturn]) -> dict[str, tuple[str, ...]]:
    """The names of the peers of each group, each once. `fail` is told the word that is wrong, and why."""
    return {name: _members(name, members, fail) for name, members in table.items()}


def _members(name: str, members: object, fail: Callable[[str, str], NoReturn]) -> tuple[str, ...]:
    if not NAME.fullmatch(name) or name in RESERVED:
        fail(
            name,
            f"'{name}' cannot be the name of a group; it is named like a peer, and not like one built in",
        )
    if not isinstance(members, list) or not all(
        isinstance(each, str) for each in cast("list[object]", members)
    ):
        fail(name, f"the group '{name}' must be a list of names of peers")
    peers = cast("list[str]", members)
    if not peers:
        fail(name, f"the group '{name}' is empty; name its peers or leave it out")
    for each in peers:
        peer, at, host = each.partition("@")
        if not NAME.fullmatch(peer) or each == SYSTEM or (at and not NAME.fullmatch(host)):
            fail(
                each or name, f"'{each}' in the group '{name}' is no name of a peer; a group holds peers only"
            )
    return tuple(dict.fromkeys(peers))
