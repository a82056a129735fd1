"""What can be asked of conversations: what was said in them, and where words stand.

All is read in threads, piece by piece: a record may be hundreds of megabytes long.
"""

from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, ParamSpec, TypeVar

from roost.core.vocabulary.session import Session
from roost.daemon.health.search_index import SearchIndex
from roost.daemon.session.contexts import Contexts
from roost.daemon.session.conversations import AtItsServerError, opened, session_of, unreadable
from roost.daemon.session.search import Asked, Search
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.machine import Machine
from roost.errors import RefusedError, UsageError
from roost.runtimes.turns.thread import ThreadReader, ThreadRecord
from roost.runtimes.turns.transcript import Transcript, turns
from roost.runtimes.turns.turn import Turn

LOOK = 0.5
"""Seconds between two looks at a record that is followed."""
Item = dict[str, Any]
P = ParamSpec("P")
T = TypeVar("T")


class Transcripts:
    """Reads the conversations of this fleet's peers."""

    def __init__(self, machine: Machine, fleet: Fleet, contexts: Contexts) -> None:
        """Read on this machine."""
        self._machine = machine
        self._fleet = fleet
        self._contexts = contexts
        self._threads = machine.work.conversations
        self.index = SearchIndex(machine)

    async def search(self, asked: Asked) -> tuple[list[Item], list[str]]:
        """What was found, the newest first, and what its asker has to know. Raises StoreError, UsageError."""
        now = self._machine.clock.now()
        asked = asked.checked(now)
        if asked.peer is not None:
            self._fleet.get(asked.peer)
        await self.index.catch_up()
        places = self._machine.places
        search = Search(places.database, places.search_index, self._contexts, self._machine.runtimes, asked)
        return await self._threads.run(search.run), search.notes

    async def read(
        self,
        name: str,
        first: int | None = None,
        last: int | None = None,
        topic: str | None = None,
        *,
        whole: bool = False,
        follow: bool = False,
    ) -> AsyncGenerator[Item, None]:
        """A head, then turns, then the end; with `follow` what comes, for ever.

        Without `first` the latest turns. A turn to which more was added comes again under its number. Raises
        NotFoundError, RefusedError, UsageError, UnreadableError.
        """
        check_range(first, last)
        session = await self._session(name, topic)
        transcript = await self.open(name, session, whole=whole)
        try:
            yield head(name, self._fleet.get(name).peer.settings.runtime, session, transcript)
            pieces = turns(transcript, first, last)
            open_turn: Item | None = None
            while (part := await self.run(name, next_of, pieces)) is not None:
                for turn in part:
                    open_turn = turn.object()
                    yield {"kind": "turn", **open_turn}
            if not follow:
                yield end(transcript)
                return
            async for item in self._follow(name, topic, session, transcript, open_turn, whole=whole):
                yield item
        finally:
            transcript.close()

    async def _follow(
        self,
        name: str,
        topic: str | None,
        session: Session,
        transcript: Transcript,
        told: Item | None,
        *,
        whole: bool,
    ) -> AsyncGenerator[Item, None]:
        """What comes, also in the conversation that the peer goes on with."""
        others: list[Transcript] = []
        try:
            while True:
                for item in await self.run(name, news_of, transcript, told):
                    if item["kind"] == "turn" and (told is None or item["number"] >= told["number"]):
                        told = {key: value for key, value in item.items() if key != "kind"}
                    yield item
                await self._machine.clock.sleep(LOOK)
                now = await self._session(name, topic)
                if now.conversation == session.conversation:
                    continue
                try:
                    transcript = await self.open(name, now, whole=whole)
                except RefusedError:
                    continue  # nothing was said in it yet
                others.append(transcript)
                session, told = now, None
                yield {"kind": "news", "text": f"it goes on in another conversation, {now.conversation}"}
        finally:
            for other in others:
                other.close()

    async def _session(self, name: str, topic: str | None) -> Session:
        state, last = self._fleet.get(name), None
        if state.session is None and state.peer.conversation is None:
            deaths = await self._machine.store.deaths(name, 1)
            last = deaths[-1].conversation if deaths else None
        return session_of(state, topic, last)

    async def run(self, name: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of reading. Raises UnreadableError where a record cannot be read."""
        try:
            return await self._threads.run(work, *args, **kwargs)
        except OSError as error:
            raise unreadable(name, error) from error

    async def open(self, name: str, session: Session, *, whole: bool) -> Transcript:
        """What was said in the conversation of a session. Raises RefusedError, UnreadableError."""
        state = self._fleet.get(name)
        try:
            return await self.run(
                name, opened, self._contexts, self._machine.runtimes, state, session, whole=whole
            )
        except AtItsServerError:
            address = state.peer.settings.server
            told = await self._machine.runtimes.servers.turns(address, session.conversation or "")
            return Transcript(ThreadRecord(address, told), ThreadReader(), whole=whole)


def check_range(first: int | None, last: int | None) -> None:
    """Raise UsageError for what is no range of turns."""
    if (first is not None and first < 1) or (last is not None and last < 1):
        raise UsageError("turns are counted from 1")
    if first is None and last is not None:
        raise UsageError("a range has a first turn")
    if first is not None and last is not None and last < first:
        raise UsageError(f"a range goes from a turn to a later one, not from {first} to {last}")


def next_of(pieces: Iterator[list[Turn]]) -> list[Turn] | None:
    """Blocking: the next piece; None: it was the last."""
    return next(pieces, None)


def head(name: str, runtime: str, session: Session, transcript: Transcript) -> Item:
    """What is read."""
    return {
        "kind": "head",
        "peer": name,
        "runtime": runtime,
        "conversation": session.conversation,
        "topic": session.topic,
        "record": transcript.record.where,
    }


def end(transcript: Transcript) -> Item:
    """How many turns were read, and lines that were passed over."""
    return {"kind": "end", "count": transcript.count, "skipped": transcript.record.skipped}


def news_of(transcript: Transcript, told: Item | None) -> list[Item]:
    """Blocking: what has come since `told`, the latest turn as it was told."""
    items: list[Item] = []
    found: list[Turn] = []
    while (part := transcript.step()) is not None:
        found += part
        if (news := transcript.record.news()) is not None:
            items.append({"kind": "news", "text": news})
    if (news := transcript.record.news()) is not None:
        items.append({"kind": "news", "text": news})
    if transcript.open is not None:
        found.append(transcript.open)
    for turn in found:
        shown = turn.object()
        if shown != told:
            items.append({"kind": "turn", **shown})
    return items
