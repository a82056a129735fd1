"""Whom a message to several is for: peers and groups, each peer once, and never its sender."""

from collections.abc import Awaitable, Callable, Mapping, Sequence

from roost.core.vocabulary.limits import RECIPIENTS
from roost.errors import NotFoundError, RefusedError, UsageError

GROUP = "@"
"""What begins the name of a group, so that no peer is taken for one."""


class Recipients:
    """Makes names of peers out of what was asked for."""

    def __init__(self, find: Callable[[str], Awaitable[str]], groups: Mapping[str, tuple[str, ...]]) -> None:
        """`find` gives a peer, or raises NotFoundError; `groups`: the addresses in each, by name."""
        self._find = find
        self.groups = groups

    async def of(self, asked: Sequence[str], sender: str, *, many: bool) -> tuple[str, ...]:
        """The peers in the order in which they were named; `many`: above the bound is meant.

        Raises UsageError, NotFoundError for an unknown peer or group, RefusedError.
        """
        if not asked or not all(asked):
            raise UsageError("a recipient is missing; write several as a,b or @group,c")
        names = dict.fromkeys([name for word in asked for name in await self._named(word)])
        names.pop(sender, None)
        if not names:
            raise RefusedError(f"nobody is left to send to: {', '.join(asked)} is '{sender}', the sender")
        if len(names) > RECIPIENTS and not many:
            raise RefusedError(
                f"{len(names)} peers would get the message, more than {RECIPIENTS}, and none got it;"
                " add --yes where that is meant"
            )
        return tuple(names)

    async def _named(self, word: str) -> Sequence[str]:
        """The peers of a group, or the peer itself; all exist."""
        if not word.startswith(GROUP):
            return (await self._find(word),)
        name = word.removeprefix(GROUP)
        members = self.groups.get(name)
        if members is None:
            known = ", ".join(f"{GROUP}{each}" for each in sorted(self.groups))
            raise NotFoundError(
                f"there is no group '{name}'; "
                + (f"there are {known}" if known else "name it in [groups] of config.toml")
                + "; `roost up --replace` reads the file again"
            )
        try:
            return [await self._find(member) for member in members]
        except NotFoundError as error:
            raise NotFoundError(f"in the group '{name}': {error.message}") from error
