"""Joining: how a program that somebody else has started is known, and how it is given hooks while it runs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from msgspec import Struct

from roost.runtimes.context import Context


class HookSettings(Struct, frozen=True):
    """Hooks of one session, as they are merged into a JSON file of settings that its program reads anew.

    `hooks`: the entries by the names of the hooks; they stand in the file under `hooks`.
    """

    path: Path
    hooks: Mapping[str, list[Mapping[str, Any]]]


class Served(Struct, frozen=True):
    """A server that runs the conversations of many terminals: each is a thread of it, and joins as that.

    `runtime`: of such threads; `address`: as in the setting `server`.
    """

    runtime: str
    address: str


class Joining(Protocol):
    """What is known of one program that runs already."""

    @property
    def variable(self) -> str:
        """The variable by which its shell tool names the conversation that it is in."""
        ...

    @property
    def reads(self) -> bool:
        """Whether it takes no hooks while it runs, so that it reads its mail itself."""
        ...

    @property
    def takes_up(self) -> float:
        """Seconds after which it runs hooks that are new in its settings."""
        ...

    def served(self, words: Sequence[str], environ: Mapping[str, str]) -> Served | None:
        """The server that a program is which was started by these words; None: it is none.

        Raises RefusedError where nobody else can reach it.
        """
        ...

    def folder(self, context: Context, pid: int) -> str | None:
        """Blocking: the folder that the program with this pid works in, where it tells."""
        ...

    def hooks(self, context: Context, token: str) -> HookSettings | None:
        """The hooks of this session; None: there are none, as of one that reads its mail itself."""
        ...

    def lasting(self, environ: Mapping[str, str], folder: Path) -> HookSettings | None:
        """The hooks that a person may add for all of its sessions; None: who joins needs no such.

        They ask for the session of a conversation alone that has a file of its name in `folder`.
        """
        ...
