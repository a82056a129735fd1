"""The bodies that were stored just now: a message that is offered at once needs no look at the disk."""

from roost.core.vocabulary import commands as c
from roost.store.interfaces import Batch

MOST = 64
SMALL = 16384
"""How many are kept, and how many bytes each may have."""


class RecentBodies:
    """Kept until they are asked for once, or others come; small ones only."""

    def __init__(self) -> None:
        """Begin with none."""
        self._bodies: dict[str, bytes] = {}

    def stored(self, batch: Batch) -> None:
        """This batch is on the disk now. What is purged with it is kept no more, nor anything else."""
        for change in batch.changes:
            if type(change) is c.SaveMessage and batch.bodies:
                body = batch.bodies.get(change.message.id)
                if body is not None and len(body) <= SMALL:
                    self._bodies[change.message.id] = body
            elif type(change) is c.Purge:
                self.clear()
        while len(self._bodies) > MOST:
            del self._bodies[next(iter(self._bodies))]

    def take(self, message_id: str) -> bytes | None:
        """The body of a message, None where it is not kept."""
        return self._bodies.pop(message_id, None)

    def clear(self) -> None:
        """Some of what is on the disk goes."""
        self._bodies.clear()
