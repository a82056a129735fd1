"""Mail that is just being shown to somebody: nobody else is shown it meanwhile."""

from collections.abc import Iterable


class Claims:
    """The messages that are claimed, by their ids. A restart of the daemon ends all claims."""

    def __init__(self) -> None:
        """Nothing is claimed."""
        self._held: set[str] = set()

    def claim(self) -> "Claim":
        """A claim on nothing yet."""
        return Claim(self._held)


class Claim:
    """What one reader is shown, until it has read it, is gone, or has taken too long."""

    def __init__(self, held: set[str]) -> None:
        """One of those who share `held`."""
        self._held = held
        self._mine: set[str] = set()
        self._open = True

    @property
    def ids(self) -> list[str]:
        """The messages that are claimed."""
        return sorted(self._mine)

    def __contains__(self, message_id: str) -> bool:
        """Whether it is claimed by this reader."""
        return message_id in self._mine

    def take(self, ids: Iterable[str], limit: int | None = None) -> list[str]:
        """Those of them that nobody has, in order, at most so many; they are this reader's from now on."""
        taken = [each for each in ids if each not in self._held][:limit] if self._open else []
        self._mine.update(taken)
        self._held.update(taken)
        return taken

    def release(self) -> bool:
        """Take nothing more, and let go of all; whether there was anything."""
        self._open = False
        had = bool(self._mine)
        self._held -= self._mine
        self._mine.clear()
        return had
