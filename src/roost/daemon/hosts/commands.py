"""The commands that another host tells of, as they have to be written on this one."""

import re
from collections.abc import Collection
from typing import Any

_COMMAND = re.compile(r"`roost [^`]*`")


def as_here(text: str, host: str, names: Collection[str]) -> str:
    """What another host says, with the addresses of its peers in the commands that it names.

    It writes them as they are called there, and this host may have another peer of that name. `names`: those
    of its peers that it may speak of.
    """
    return _COMMAND.sub(lambda found: _addressed(found[0][1:-1], host, names), text) if "`" in text else text


def _addressed(command: str, host: str, names: Collection[str]) -> str:
    """One command: what follows its verb, or an option, is no peer's name where it is not an argument."""
    words = command.split(" ")
    for index in range(2, len(words)):
        if words[index] in names and not words[index - 1].startswith("-"):
            words[index] = f"{words[index]}@{host}"
    return f"`{' '.join(words)}`"


def of_host(host: str, result: Any, names: Collection[str]) -> Any:  # noqa: ANN401 -- JSON
    """What another host answers, with the names that its peers and questions have here."""
    if isinstance(result, list):
        return [of_host(host, each, names) for each in result]  # pyright: ignore[reportUnknownVariableType] -- JSON
    if not isinstance(result, dict):
        return result
    named: dict[str, Any] = dict(result)  # pyright: ignore[reportUnknownArgumentType] -- JSON
    if isinstance(named.get("why"), str):
        named["why"] = as_here(named["why"], host, names)
    if "name" in named:
        named |= {"name": f"{named['name']}@{host}", "host": host}
    elif "peer" in named:
        named |= {"peer": f"{named['peer']}@{host}", "id": f"{named['id']}@{host}", "host": host}
    return named
