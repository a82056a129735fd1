"""The sub-agents of a session, as its hooks tell: they can be seen, and nothing is said to them."""

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct, field

MOST = 64
"""How many are known at a time: one whose end no hook has told is shown until others push it out."""


class SubAgent(Struct, frozen=True):
    """One of them: its id and its kind in its program's words, since when it runs (Unix seconds)."""

    id: str
    kind: str
    since: float


class SubAgents(Struct):
    """Those of one session, the oldest first."""

    _known: dict[str, SubAgent] = field(default_factory=dict[str, SubAgent])

    def note(self, hook: str, payload: Mapping[str, Any], now: float) -> None:
        """Take what a hook tells of one; most tell nothing."""
        ident: object = payload.get("agent_id")
        if not isinstance(ident, str) or not ident:
            return
        if hook == "SubagentStop":
            self._known.pop(ident, None)
        elif ident not in self._known:
            self._known[ident] = SubAgent(ident, str(payload.get("agent_type") or "sub-agent"), now)
            if len(self._known) > MOST:
                self._known.pop(next(iter(self._known)))

    def __iter__(self) -> Iterator[SubAgent]:
        """Those that run."""
        return iter(list(self._known.values()))
