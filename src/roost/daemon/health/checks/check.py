"""One check of `doctor`, and the command that several of them advise."""

from collections.abc import Iterable
from typing import Protocol

from roost.present.finding import Finding

REPLACE = "roost up --replace"
"""Starts the daemon anew; its agents live on."""


class Check(Protocol):
    """Looks at one subject."""

    async def findings(self) -> Iterable[Finding]:
        """What is found now."""
        ...
