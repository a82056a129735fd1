"""The turns of one conversation, read step by step. Everything here blocks."""

from collections import deque
from collections.abc import Iterator
from typing import Protocol

from roost.errors import NotFoundError
from roost.runtimes.turns.record import Entry, Record
from roost.runtimes.turns.turn import Turn, Turns
from roost.runtimes.turns.usage import Usage

LATEST = 20
"""Turns that are shown when nobody says which."""
_MISSHAPEN = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
"""What comes of an entry that is of another shape than any that is known."""


class Reader(Protocol):
    """Makes turns of the entries of one program's record. What it does not know, it passes over."""

    def read(self, entry: Entry, turns: Turns) -> None:
        """Take the next entry."""
        ...


class Transcript:
    """What was said in one conversation."""

    def __init__(self, record: Record, reader: Reader, *, whole: bool) -> None:
        """Read this record by this reader. `whole`: keep all that tools were given and gave."""
        self.record = record
        self._reader = reader
        self._turns = Turns(whole=whole)

    @property
    def count(self) -> int:
        """Turns that were read so far."""
        return self._turns.count

    @property
    def usage(self) -> Usage | None:
        """The tokens of what was read so far; None: the record tells of none."""
        return self._turns.usage.total

    @property
    def open(self) -> Turn | None:
        """The latest turn, to which more may come."""
        return self._turns.open

    def step(self) -> list[Turn] | None:
        """The turns that the next piece of the record has closed; None: there is no more for now.

        Raises OSError, UnreadableError.
        """
        entries = self.record.read()
        if entries is None:
            return None
        for entry in entries:
            try:
                self._reader.read(entry, self._turns)
            except _MISSHAPEN:
                self.record.skipped += 1
        return self._turns.take()

    def close(self) -> None:
        """Let go of the record."""
        self.record.close()


def turns(transcript: Transcript, first: int | None, last: int | None) -> Iterator[list[Turn]]:
    """The turns from `first` to `last`, in pieces (an empty one now and then); without `first` the latest.

    Raises NotFoundError where there is no turn of that number; OSError, UnreadableError.
    """
    kept = deque[Turn](maxlen=LATEST) if first is None else None
    seen = 0
    while (found := transcript.step()) is not None:
        found = [turn for turn in found if turn.number > seen]  # a tool that answers late: it is told already
        seen = found[-1].number if found else seen
        if kept is not None:
            kept.extend(found)
            yield []
        else:
            yield [turn for turn in found if _wanted(turn, first, last)]
            if last is not None and transcript.open is not None and transcript.open.number > last:
                return
    rest = [transcript.open] if transcript.open is not None else []
    if kept is not None:
        kept.extend(rest)
        yield list(kept)
        return
    yield [turn for turn in rest if _wanted(turn, first, last)]
    if first is not None and first > transcript.count:
        raise NotFoundError(_beyond(first, transcript.count))


def _wanted(turn: Turn, first: int | None, last: int | None) -> bool:
    return turn.number >= (first or 1) and (last is None or turn.number <= last)


def _beyond(first: int, count: int) -> str:
    if not count:
        return "nothing was said in the conversation yet"
    return f"the conversation has {count} turn{'s' if count > 1 else ''} so far, there is no turn {first}"
