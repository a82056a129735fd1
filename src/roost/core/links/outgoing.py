"""The way to another host: entries in order, numbered, sent again until that host has them.

Numbers begin at 1 in each epoch. An epoch is begun at each start of the daemon, and anew where the other host
knows of a later one, or of less than it once said that it has: it, or this one, runs from an older copy then.
Whatever is not known to have arrived goes again in the new epoch, under the id that it always had.
"""

from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

T = TypeVar("T")
WINDOW = 4096
"""Entries that are under way at most."""


class Outgoing(Generic[T]):
    """Entries that another host does not have yet, as far as is known here."""

    def __init__(self, epoch: int) -> None:
        """Begin with none; `epoch` is later than any before."""
        self.epoch = epoch
        self._entries: deque[T] = deque()
        self._first = 1
        self._sent = 0

    def __len__(self) -> int:
        """How many are not known to have arrived."""
        return len(self._entries)

    @property
    def under_way(self) -> bool:
        """Some were sent, and not heard of since."""
        return self._sent >= self._first

    def add(self, entry: T) -> None:
        """One more, behind all others."""
        self._entries.append(entry)

    def due(self, most: int) -> tuple[int, Sequence[T]]:
        """What is to be sent next, `most` at a time: the number of the first, and the entries."""
        begin = self._sent + 1 - self._first
        count = max(0, min(most, len(self._entries) - begin, WINDOW - begin))
        return self._sent + 1, [self._entries[begin + place] for place in range(count)]

    def sent(self, count: int) -> None:
        """So many of what was due are under way."""
        self._sent += count

    def again(self) -> None:
        """Nothing was heard for too long: all that is under way is due again."""
        self._sent = self._first - 1

    def heard(self, epoch: int, number: int, *, gap: bool) -> list[T]:
        """The other host has all up to a number of an epoch; those that it has now.

        `gap`: it lacks what comes then. A word about an earlier epoch says no more than that.
        """
        if epoch > self.epoch:
            self._renew(epoch + 1)
            return []
        if epoch < self.epoch:
            if gap and self._first > 1:
                self._renew(self.epoch + 1)
            elif gap:
                self.again()
            return []
        if number < self._first - 1:
            if gap:
                self._renew(self.epoch + 1)
            return []
        count = min(number + 1 - self._first, len(self._entries))
        arrived = [self._entries.popleft() for _ in range(count)]
        self._first += count
        self._sent = self._first - 1 if gap else max(self._sent, self._first - 1)
        return arrived

    def _renew(self, epoch: int) -> None:
        self.epoch, self._first, self._sent = epoch, 1, 0
