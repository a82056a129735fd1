"""Who listens to the fleet: told of commits, journal lines and effects, and of what could not be stored."""

from collections.abc import Callable

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.peer import PeerState
from roost.store.interfaces import JournalRow


class Listeners:
    """`on_effect` is called after the commit with each effect; `on_committed` with each batch."""

    def __init__(self, decided_at: float) -> None:
        """Begin with nobody."""
        self.decided_at: float | None = decided_at
        """When the decision was made that `on_committed` is told of (Unix seconds): before its commit.

        None: nothing was changed, and nothing done of what was due.
        """
        self.on_effect: Callable[[c.Effect], None] = lambda _effect: None
        self.on_committed: list[Callable[[str, PeerState | None, tuple[c.Command, ...]], None]] = []
        self.on_kept: list[Callable[[str, PeerState | None], None]] = []
        """Called with a peer's state as it is known to be, when the store has refused what made it so."""
        self.on_journal: list[Callable[[tuple[JournalRow, ...]], None]] = []

    def journal(self, rows: tuple[JournalRow, ...]) -> None:
        """Tell of journal lines that are stored."""
        for listener in self.on_journal:
            listener(rows)

    def kept(self, name: str, state: PeerState | None) -> None:
        """Tell of a peer's state that the store has refused."""
        for listener in self.on_kept:
            listener(name, state)

    def committed(
        self,
        name: str,
        state: PeerState | None,
        commands: tuple[c.Command, ...],
        rows: tuple[JournalRow, ...],
    ) -> None:
        """Tell of a commit: its journal, then the state, under its old and its new name, then the effects."""
        if rows:
            self.journal(rows)
        renamed = state is not None and state.peer.name != name
        for committed in self.on_committed:
            committed(name, None if renamed else state, commands)
            if state is not None and renamed:
                committed(state.peer.name, state, ())
        for effect in c.effects(commands):
            self.on_effect(effect)
