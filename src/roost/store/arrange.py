"""The order in which the changes of one batch are stored."""

from collections.abc import Sequence

from roost.core import commands as c

_RANK: dict[type[c.Change], int] = {
    c.SavePeer: 0,
    c.SaveSession: 1,
    c.CloseSession: 1,
    c.SaveMessage: 2,
    c.SaveAttempt: 3,
}


def arranged(changes: Sequence[c.Change]) -> Sequence[c.Change]:
    """The changes with rows before those that refer to them; nothing crosses a purge.

    `decide` keeps only the last save of each row, which may come after something that refers to it.
    """
    if len(changes) < 2:  # noqa: PLR2004 -- nothing to arrange
        return changes
    arranged_changes: list[c.Change] = []
    waiting: list[c.Change] = []
    for change in changes:
        if isinstance(change, c.Purge):
            arranged_changes += sorted(waiting, key=_rank)
            arranged_changes.append(change)
            waiting = []
        else:
            waiting.append(change)
    return arranged_changes + sorted(waiting, key=_rank)


def _rank(change: c.Change) -> int:
    return _RANK[type(change)]
