"""The order in which the changes of one batch are stored."""

from collections.abc import Sequence

from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.store.interfaces import Batch

_RANK: dict[type[c.Change], int] = {
    c.SavePeer: 0,
    c.SaveSession: 1,
    c.CloseSession: 1,
    c.SaveMessage: 2,
    c.SaveAttempt: 3,
    c.AddWatch: 4,
    c.SaveWatch: 5,
    c.EndWatch: 6,
}


def arranged(changes: Sequence[c.Change]) -> Sequence[c.Change]:
    """The changes with rows before those that refer to them; nothing crosses a purge or a rename.

    `decide` keeps only the last save of each row, which may come after something that refers to it.
    """
    if len(changes) < 2:  # noqa: PLR2004 -- nothing to arrange
        return changes
    arranged_changes: list[c.Change] = []
    waiting: list[c.Change] = []
    for change in changes:
        if type(change) is c.Purge or type(change) is c.Rename:
            arranged_changes += sorted(waiting, key=_rank)
            arranged_changes.append(change)
            waiting = []
        else:
            waiting.append(change)
    return arranged_changes + sorted(waiting, key=_rank)


def renamed(batch: Batch) -> Batch:
    """The batch with its journal lines and intents, which come after its changes, under the new name."""
    names = {change.old: change.new for change in batch.changes if type(change) is c.Rename}
    if not names:
        return batch
    journal = tuple(replace(line, peer=names.get(line.peer, line.peer)) for line in batch.journal)
    intents = tuple(replace(intent, peer=names.get(intent.peer, intent.peer)) for intent in batch.intents)
    return replace(batch, journal=journal, intents=intents)


def _rank(change: c.Change) -> int:
    return _RANK[type(change)]
