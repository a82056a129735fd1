"""What one rule has still to send, when, and when it is given up. Pure: no clock, no I/O.

Nothing is stored but how far the journal has been dealt with: what is to be sent is found there again.
"""

from collections import Counter, deque
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from roost.daemon.notify.notification import Notification, notification_id

KEPT = 100
"""Notifications in memory; of more, only their kinds are counted, for the summary."""
TRIES = 24
"""Failed tries after which a notification is given up: about an hour and a half."""
FIRST, LONGEST = 1.0, 300.0
"""Seconds before the second try; they double up to the longest pause."""
LATER = 3600.0
"""Seconds that a receiver can ask for, at most."""
AGE = 86400.0
"""Seconds after which a notification is of no use any more."""
_NAMED = 6
"""Peers that a summary knows by name."""


class Wait(Struct, frozen=True):
    """Nothing to do for so many seconds; None: until there is something."""

    seconds: float | None


class Outdated(Struct, frozen=True):
    """What is not worth being sent any more."""

    notification: Notification


class Outbox:
    """The notifications of one rule in order: at most `most` in `per` seconds, the rest as one summary."""

    def __init__(self, store: str, rule: str, most: int, per: float, cursor: int) -> None:
        """Everything up to the journal's number `cursor` is dealt with."""
        self._store, self._rule = store, rule
        self._most, self._per = most, per
        self.cursor = cursor
        self.scanned = cursor
        """Up to where the journal was read."""
        self._closing = 0
        """Where the summary ends that was begun; 0: none was."""
        self._summary: Notification | None = None
        self._notes: deque[Notification] = deque()
        self._more: Counter[str] = Counter()
        self._peers: dict[str, None] = {}
        self._last = 0.0
        """When the last one that was added happened."""
        self._urgent: deque[Notification] = deque(maxlen=KEPT)
        self._sent: deque[float] = deque(maxlen=most)
        self.tries = 0
        """How often the next one has failed."""

    @property
    def waiting(self) -> int:
        """How many happenings are not told yet."""
        summed = sum(self._summary.counts.values()) if self._summary is not None else 0
        return len(self._urgent) + summed + len(self._notes) + self._more.total()

    def add(self, notification: Notification) -> None:
        """One more from the journal, in its order."""
        self._end_summary(notification.seq - 1)
        self.scanned = notification.seq
        self._last = notification.at
        if len(self._notes) < KEPT and not self._more:
            self._notes.append(notification)
            return
        self._more[notification.kind] += 1
        self._name(notification.peer)

    def add_urgent(self, notification: Notification) -> None:
        """One that the journal could not take: it goes ahead, and is forgotten at the daemon's end."""
        self._urgent.append(notification)

    def passed(self, seq: int) -> None:
        """Nothing up to this number is for this rule, but what was added."""
        self.scanned = max(self.scanned, seq)
        self._end_summary(seq)
        if not self._notes and not self._more and not self._closing:
            self.cursor = self.scanned

    def next(self, now: float, earliest: float | None = None) -> Notification | Outdated | Wait:
        """What is to be done now (Unix seconds); `earliest`: the time by which is judged what is too old."""
        if not self.waiting:
            return Wait(None)
        free = self._free(now)
        if free <= 0:
            return Wait(max(self._sent[0] + self._per - now, 0.001))
        if self._urgent:
            return self._urgent[0]
        if self._summary is None and self._closing:
            return Wait(None)  # the last daemon had begun it: the journal is not read up to its end yet
        if self._summary is None and (not self._notes or (free == 1 and self.waiting > 1)):
            self._closing = self.scanned
            self._sum_up()
        if self._summary is not None:
            return self._summary
        head = self._notes[0]
        return Outdated(head) if (now if earliest is None else earliest) - head.at > AGE else head

    def _free(self, now: float) -> int:
        """How many may go out now. A time that is yet to come is of a clock that was set back."""
        while self._sent and not now - self._per < self._sent[0] <= now:
            self._sent.popleft()
        return self._most - len(self._sent)

    def _end_summary(self, seq: int) -> None:
        """The journal is read up to here: what the last daemon had begun to sum up may be complete."""
        if self._summary is None and 0 < self._closing <= seq:
            self._sum_up()

    def _sum_up(self) -> None:
        """All that was read becomes one notification, which stays the same, for the next daemon as well."""
        notes = list(self._notes)
        for note in reversed(notes):
            self._peers = {note.peer: None, **self._peers} if note.peer else self._peers
        counts = Counter(note.kind for note in notes) + self._more
        if counts:
            self._summary = Notification(
                notification_id(self._store, self._rule, "summary", self.cursor, self._closing),
                None,
                self._last,
                self._closing,
                counts=dict(counts),
                peers=tuple(self._peers)[:_NAMED],
            )
        else:
            self.cursor, self._closing = self._closing, 0
        self._notes.clear()
        self._more.clear()
        self._peers.clear()

    def _name(self, peer: str) -> None:
        if peer and len(self._peers) < _NAMED:
            self._peers[peer] = None

    def settled(self, notification: Notification, sent: float | None) -> None:
        """It was sent at that time (Unix seconds), or is not to be (None)."""
        self.tries = 0
        if sent is not None:
            self._sent.append(sent)
        if self._urgent and self._urgent[0] is notification:
            self._urgent.popleft()
            return
        self.cursor = notification.seq
        if self._summary is notification:
            self._summary, self._closing = None, 0
        else:
            self._notes.popleft()

    def failed(self, later: float = 0.0, *, final: bool = False) -> float | None:
        """A try has failed: the seconds until the next, or None when it is to be given up.

        `later`: what the receiver asked for (seconds). `final`: it wants this never again.
        """
        self.tries += 1
        if final or self.tries >= TRIES:
            return None
        return max(min(FIRST * 2.0 ** (self.tries - 1), LONGEST), min(later, LATER))

    def stored(self) -> dict[str, Any]:
        """What the next daemon has to know."""
        return {"cursor": self.cursor, "closing": self._closing, "sent": list(self._sent)}

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Go on from there: a summary that was begun keeps its extent, and so its id."""
        self._closing = int(stored.get("closing", 0))
        self._sent.extend(float(each) for each in stored.get("sent", ()))
