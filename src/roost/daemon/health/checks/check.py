"""One check of `doctor`, and the command that several of them advise."""

from collections.abc import Iterable
from typing import Protocol

from roost.core.vocabulary.session import Session
from roost.present.finding import Finding

REPLACE = "roost up --replace"
"""Starts the daemon anew; its agents live on."""


def again(session: Session) -> str:
    """The command that gives a peer another session, which goes on in the conversation of this one."""
    return f"roost restart {session.peer}{' --resume' if session.conversation else ''}"


class Check(Protocol):
    """Looks at one subject."""

    async def findings(self) -> Iterable[Finding]:
        """What is found now."""
        ...
