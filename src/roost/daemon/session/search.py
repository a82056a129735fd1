"""Searching messages, events and what was said in conversations. Everything here blocks.

Works on what is on disk, so whether a daemon runs or not.
"""

import heapq
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from roost.core.messages.envelope import unwrapped
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import Peer
from roost.core.vocabulary.session import stand_in
from roost.core.vocabulary.view import iso
from roost.daemon.session.contexts import Contexts
from roost.daemon.session.conversations import open_transcript
from roost.errors import RoostError, UsageError
from roost.present.found import EVENTS, MESSAGES, PLACES, TRANSCRIPTS, found_event, found_message, found_turn
from roost.runtimes.registry import Runtimes
from roost.runtimes.turns.turn import Turn
from roost.store.records import Wanted
from roost.store.search.finder import Finder
from roost.store.search.matcher import Matcher

LATEST = 20
MOST = 1000
"""Results where nobody says how many, and at most."""
SECONDS = 20.0
"""Seconds for one search; what was found until then is told, and that it was not all."""


class Asked(Struct, frozen=True):
    """What is looked for, where, and with which limits. `wanted`: of messages alone, but for its `since`."""

    text: str
    places: Sequence[str] = ()
    peer: str | None = None
    wanted: Wanted = field(default_factory=Wanted)
    limit: int = LATEST

    def checked(self, now: float) -> "Asked":
        """With the places that are meant, and `since` as Unix seconds. Raises UsageError."""
        for place in self.places:
            if place not in PLACES:
                raise UsageError(f"'{place}' cannot be searched; known are {', '.join(PLACES)}")
        of_messages = replace(self.wanted, since=None) != Wanted()
        if of_messages and set(self.places) - {MESSAGES}:
            raise UsageError("sender, recipient, topic and state are of messages: search in messages alone")
        usual = (MESSAGES,) if of_messages else (MESSAGES, EVENTS)
        since = None if self.wanted.since is None else now - self.wanted.since
        wanted = replace(self.wanted, since=since)
        return replace(self, places=self.places or usual, limit=min(self.limit, MOST), wanted=wanted)


def state_of(text: str | None) -> MessageState | None:
    """The state of a message of that name. Raises UsageError."""
    try:
        return MessageState(text) if text is not None else None
    except ValueError as error:
        known = ", ".join(str(each) for each in MessageState)
        raise UsageError(f"'{text}' is no state of a message; known are {known}") from error


class Search(Struct):
    """One search. `notes`: what its asker has to know of it."""

    database: Path
    index: Path
    contexts: Contexts
    runtimes: Runtimes
    asked: Asked
    notes: list[str] = field(default_factory=list[str])

    def run(self) -> list[dict[str, Any]]:
        """What was found, the newest first. Raises StoreError, UsageError."""
        asked, until = self.asked, time.monotonic() + SECONDS
        matcher = Matcher(asked.text)
        found: list[dict[str, Any]] = []
        finder = Finder(self.database, self.index)
        try:
            if MESSAGES in asked.places:
                held = finder.messages(matcher, asked.wanted, asked.peer, asked.limit, _left(until))
                found += [found_message(*each) for each in held.rows]
                self._note(MESSAGES, whole=held.until is None)
            if EVENTS in asked.places:
                rows = finder.events(matcher, asked.wanted.since, asked.peer, asked.limit, _left(until))
                found += [found_event(*each) for each in rows.rows]
                self._note(EVENTS, whole=rows.until is None)
            if TRANSCRIPTS in asked.places:
                found += self._transcripts(finder, matcher, until)
            self.notes += finder.unreadable
        finally:
            finder.close()
        found.sort(key=lambda each: str(each["at"] or ""), reverse=True)
        return found[: asked.limit]

    def _note(self, place: str, *, whole: bool) -> None:
        if not whole:
            self.notes.append(
                f"the {place} were not searched to the end within {SECONDS:g} s; --peer or --since shorten it"
            )

    def _transcripts(self, finder: Finder, matcher: Matcher, until: float) -> list[dict[str, Any]]:
        best: list[tuple[str, int, dict[str, Any]]] = []
        since = iso(self.asked.wanted.since)
        unread = 0
        for number, (peer, conversation) in enumerate(
            finder.conversations(self.asked.peer, self.asked.wanted.since)
        ):
            if time.monotonic() > until:
                self._note(TRANSCRIPTS, whole=False)
                break
            try:
                for part in self._turns(peer, conversation, until):
                    held = matcher.find((turn.number, _words(turn), None) for turn in part)
                    for turn in part:
                        at = turn.at or ""
                        if turn.number in held and (since is None or at >= since):
                            hit = found_turn(peer.name, conversation, turn.object(), held[turn.number])
                            heapq.heappush(best, (at, number * 10**9 + turn.number, hit))
                            if len(best) > self.asked.limit:
                                heapq.heappop(best)
            except (RoostError, OSError):
                unread += 1
        if unread:
            self.notes.append(
                f"{unread} conversations could not be read: their records are gone, or none are kept"
            )
        return [hit for _, _, hit in best]

    def _turns(self, peer: Peer, conversation: str, until: float) -> Iterator[list[Turn]]:
        context = self.contexts.of(stand_in("", peer.name, peer.generation, conversation), peer.settings)
        transcript = open_transcript(self.runtimes, context, peer.name, whole=True)
        try:
            while (part := transcript.step()) is not None and time.monotonic() < until:
                yield part
            if transcript.open is not None:
                yield [transcript.open]
        finally:
            transcript.close()


def _left(until: float) -> float:
    return max(until - time.monotonic(), 0.1)


def _words(turn: Turn) -> str:
    words = [unwrapped(turn.text)]
    for tool in turn.tools:
        words += [tool.name, tool.input.text, tool.output.text if tool.output is not None else ""]
    return " ".join(words)
