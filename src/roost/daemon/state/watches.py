"""All watches: what they are about, and what each transition means for them.

What was decided is seen by what is decided after it: at once in the same round; other rounds wait until it is
stored, or taken back because it cannot be. All go by the clock as it is: one that was set moves their times
before anything is decided of them.
"""

import asyncio
from collections import deque
from collections.abc import Generator, Iterable
from contextlib import contextmanager

from roost.core import watching
from roost.core.vocabulary import commands as c
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.watch import Watch, Watched, Write
from roost.daemon.state.clock_reading import ClockReading

UNJUDGED = 1000
"""Writes of files that wait to be judged, the latest: while the store takes nothing, older ones go."""

_CHANGING = frozenset({c.AddWatch, c.SaveWatch, c.EndWatch, c.Rename, c.Purge})
"""The commands that change what is watched: most are none of them."""


class Watches:
    """The watches that are stored, by their ids."""

    def __init__(self, here: ClockReading) -> None:
        """Begin empty. `changed` is set when one was added, moved or has ended, `written` with new `writes`.

        `moved`: those whose times were moved, and are not stored so yet.
        """
        self.changed = asyncio.Event()
        self.written = asyncio.Event()
        self.writes: deque[Write] = deque(maxlen=UNJUDGED)
        self.moved: set[str] = set()
        self._reading = here
        self._all: dict[str, Watch] = {}
        self._stored = asyncio.Event()
        self._stored.set()

    def load(self, watches: Iterable[Watch], here: ClockReading) -> None:
        """Take over the stored ones, whose times go by the clock as it is here."""
        self._all = {watch.id: watch for watch in watches}
        self._reading = here

    def all(self) -> list[Watch]:
        """The oldest first."""
        return sorted(self._all.values(), key=lambda watch: watch.id)

    def of_files(self) -> list[Watch]:
        """Those of files."""
        return [watch for watch in self.all() if watch.kind is Watched.FILE]

    def wrote(self, write: Write) -> None:
        """A peer has written a file, by whatever path; nothing is kept of it where nobody watches files."""
        if any(watch.kind is Watched.FILE for watch in self._all.values()):
            self.writes.append(write)
            self.written.set()

    def committed(self, commands: Iterable[c.Command]) -> None:
        """What was stored holds from now on."""
        for command in commands:
            if type(command) in _CHANGING:
                _apply(self._all, command)
                if isinstance(command, c.AddWatch | c.EndWatch):
                    self.changed.set()
                elif isinstance(command, c.SaveWatch):
                    self.moved.discard(command.watch.id)

    async def settled(self) -> None:
        """Wait until no change of them is being stored."""
        while not self._stored.is_set():
            await self._stored.wait()

    def sight(self, here: ClockReading) -> "Sight":
        """The watches as a round sees them that begins here, once they are settled."""
        self.follow(here)
        return Sight(self._all)

    def follow(self, here: ClockReading) -> None:
        """Move the times of all where the clock was set; it has to be done once they are settled."""
        moved = self._reading.moved_to(here)
        if moved is None:
            return
        self._reading = here
        self._all = {key: watch.moved(moved.set_by) for key, watch in self._all.items()}
        self.moved.update(self._all)
        self.changed.set()

    def unsaved(self) -> list[c.SaveWatch]:
        """What is to be stored of those that were moved."""
        self.moved &= self._all.keys()
        return [c.SaveWatch(self._all[key]) for key in sorted(self.moved)]

    @contextmanager
    def being_stored(self, decided: Iterable[Iterable[c.Command]]) -> Generator[None]:
        """What a round has decided is being stored: if it changes them, they are not settled until then."""
        if not any(type(command) in _CHANGING for commands in decided for command in commands):
            yield
            return
        self._stored.clear()
        try:
            yield
        finally:
            self._stored.set()


class Sight:
    """Watches as what a round has decided so far makes them; copied only when that changes one."""

    def __init__(self, known: dict[str, Watch]) -> None:
        """Begin with what is stored."""
        self._known = known
        self._own = False

    def news(
        self, before: PeerState, after: PeerState | None, commands: tuple[c.Command, ...], now: float
    ) -> tuple[c.Command, ...]:
        """The commands of a transition, with those that tell of it."""
        name = before.peer.name
        about = [each for each in self._known.values() if each.kind is Watched.TOPIC or each.of_peer == name]
        made = (*commands, *watching.news(about, before, after, commands, now)) if about else commands
        for command in made:
            if type(command) in _CHANGING:
                if not self._own:
                    self._known, self._own = dict(self._known), True
                _apply(self._known, command)
        return made


def _apply(watches: dict[str, Watch], command: c.Command) -> None:
    match command:
        case c.AddWatch(watch):
            watches[watch.id] = watch
        case c.SaveWatch(watch):
            if watch.id in watches:
                watches[watch.id] = watch
        case c.EndWatch(watch_id):
            watches.pop(watch_id, None)
        case c.Rename(old, new):
            watches.update({key: watch.renamed(old, new) for key, watch in watches.items()})
        case c.Purge(peer):
            for key in [key for key, watch in watches.items() if watch.watcher == peer]:
                del watches[key]
        case _:
            pass
