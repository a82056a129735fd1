"""The way from another host: which of the entries that come are the next ones.

Frames may come twice, late, or not at all: an entry is taken when all before it were, and once.
"""

from msgspec import Struct


class Cursor(Struct, frozen=True):
    """All entries of an epoch up to a number were taken, and none behind it."""

    epoch: int = 0
    number: int = 0

    def skipped(self, epoch: int, first: int) -> int | None:
        """How many of the entries from `first` on were taken before; None: some before it were not.

        Those of an earlier epoch were, or came again in a later one.
        """
        if epoch < self.epoch:
            return _ALL
        taken = self.number if epoch == self.epoch else 0
        return None if first > taken + 1 else taken + 1 - first

    def after(self, epoch: int, number: int) -> "Cursor":
        """The cursor once all up to that number were taken."""
        return Cursor(epoch, number) if (epoch, number) > (self.epoch, self.number) else self


_ALL = 2**63
