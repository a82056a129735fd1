"""One method of the socket: what it takes, who may call it, what it answers."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from enum import Enum
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct, field

from roost.core.messages.remote import elsewhere
from roost.core.vocabulary.identity import host_of
from roost.daemon.serve.caller import Caller
from roost.daemon.serve.progress import Progress

BY = "operator"
"""Whom the journal names for what a method has changed, where no other host has asked for it."""


class Params(msgspec.Struct, forbid_unknown_fields=True):
    """What a method takes; anything else is refused."""


P = TypeVar("P", bound=Params)


class Answer(Struct, frozen=True):
    """A result, and lines for the asker's eyes."""

    result: Any
    notes: list[str] = field(default_factory=list[str])


class Stream(Struct, frozen=True):
    """A result that comes in pieces."""

    items: AsyncGenerator[dict[str, Any], None]


class Call(Struct, Generic[P], frozen=True):
    """One call, its parameters checked and its caller known."""

    params: P
    caller: Caller
    progress: Progress
    by: str = BY
    """Whom the journal names for what is changed."""


class Away(Enum):
    """What is done with a call about a peer of another host."""

    REFUSED = "only its host can do it"
    ASKED = "its host is asked to do it"
    HERE = "this host can answer it"


class Method(Struct, Generic[P], frozen=True):
    """What is done with a call.

    `agents`: they may call it, too. `looks`: it changes nothing. `waits`: it may take as long as it takes,
    and other requests of its connection do not wait for it. `names`: parameters that name a peer, who may be
    of another host: `away` says what is done then.
    """

    params: type[P]
    handler: Callable[[Call[P]], Awaitable[Answer | Stream]]
    agents: bool = False
    looks: bool = False
    waits: bool = False
    names: tuple[str, ...] = ()
    away: Away = Away.REFUSED

    def checked(self, given: Mapping[str, Any], caller: Caller, progress: Progress, by: str = BY) -> Call[P]:
        """A call of it with these parameters. Raises ValidationError of msgspec."""
        return Call(msgspec.convert(given, self.params), caller, progress, by)

    def addressed(self, params: P, named: Callable[[str], str]) -> tuple[P, str | None]:
        """The parameters with the names that addresses mean, and the host to be asked: None for this one.

        Raises what `named` does, and RefusedError.
        """
        host = None
        for field_ in self.names:
            address: str | None = getattr(params, field_)
            if address is None:
                continue
            name = named(address)
            if host_of(name) is not None and self.away is not Away.HERE:
                if self.away is Away.REFUSED:
                    raise elsewhere(name)
                name, _, host = name.partition("@")
            if name != address:
                params = msgspec.structs.replace(params, **{field_: name})
        return params, host


Table = Mapping[str, Method[Any]]
"""Methods by name."""
