"""The store on disk: one writing thread, one reading thread, no waiting in the event loop."""

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Death
from roost.errors import StoreError
from roost.store.errors import StoreClosedError, StoreDamagedError
from roost.store.interfaces import ANY, Batch, Counts, JournalRow, Loaded, StoredMessage
from roost.store.reader import Reader
from roost.store.recent_bodies import RecentBodies
from roost.store.records import Copied, Wanted
from roost.store.retention import forget, give_back
from roost.store.writer import Writer

P = ParamSpec("P")
T = TypeVar("T")


class SqliteStore:
    """The Store of a running daemon; `open` makes one. Belongs to the event loop that opened it."""

    def __init__(self, writer: Writer, reader: Reader, thread: ThreadPoolExecutor) -> None:
        """Take over what `open` opened."""
        self._writer = writer
        self._reader = reader
        self._thread = thread
        self._recent = RecentBodies()
        self._closed = False

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open the store at `path`, make or migrate it where needed. Raises StoreError."""
        writer = Writer(path)
        await writer.open()
        thread = ThreadPoolExecutor(1, thread_name_prefix="roost-store-reader")
        try:
            reader = await asyncio.get_running_loop().run_in_executor(thread, Reader, path)
        except BaseException:
            thread.shutdown(wait=False)
            await writer.close()
            raise
        return cls(writer, reader, thread)

    async def commit(self, batch: Batch) -> tuple[JournalRow, ...]:
        """Store a batch; durable when it returns."""
        rows = await self._writer.submit(batch)
        self._recent.stored(batch)
        return rows

    async def back_up(self, target: Path) -> Copied:
        """Copy the whole store into a new file, even when its own files were removed. Raises RefusedError.

        Through the connection that is open, so reads wait meanwhile.
        """
        return await self._read(Reader.back_up, target)

    async def forget(self, messages: float, events: float) -> int:
        """Let go of a step of what ended before these times (Unix seconds); how many rows went."""
        past = await self._read(Reader.past, messages, events)
        if not past:
            return 0
        self._recent.clear()
        return await self._writer.run(lambda connection: forget(connection, past, messages, events))

    async def give_back(self) -> bool:
        """Give a step of the file's free room back to the disk; whether there is more."""
        return await self._writer.run(give_back)

    async def attachments(self) -> frozenset[str]:
        """The paths of all files that go with a message."""
        return await self._read(Reader.attachments)

    def log_held(self) -> float:
        """For how many seconds somebody who reads an old state has kept the log from being emptied."""
        return self._writer.log_held()

    def unfit(self) -> StoreError | None:
        """Why nothing is stored any more: the files are not at their place, or damaged. None: it is."""
        return self._writer.unfit()

    def failing(self) -> StoreError | None:
        """Why the latest commit stored nothing, as on a full disk; None: it did."""
        return self._writer.failing()

    def follow(self, told: Callable[[int, float], None]) -> None:
        """Have `told` called in the writing thread, after each commit and before it is acknowledged."""
        self._writer.follow(told)

    def unreadable(self) -> list[str]:
        """The rows that reading has left out because they cannot be read, as sentences."""
        return list(self._reader.unreadable)

    async def close(self) -> None:
        """Store what was handed over, then let go of the files."""
        if self._closed:
            return
        self._closed = True
        await asyncio.get_running_loop().run_in_executor(self._thread, self._reader.close)
        self._thread.shutdown(wait=False)
        await self._writer.close()

    async def _read(
        self, method: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        if self._closed:
            raise StoreClosedError("the store is closed")
        run = asyncio.get_running_loop().run_in_executor
        try:
            return await run(self._thread, lambda: method(self._reader, *args, **kwargs))
        except StoreDamagedError as error:
            self._writer.met(error)
            raise

    async def load(self) -> Loaded:
        """Everything unfinished."""
        return await self._read(Reader.load)

    async def peers(self) -> list[PeerState]:
        """All peers by name."""
        return await self._read(Reader.peers)

    async def resolve(self, prefix: str) -> str | None:
        """The whole message id of a prefix."""
        return await self._read(Reader.resolve, prefix)

    async def message(self, message_id: str) -> StoredMessage | None:
        """One message with its story."""
        return await self._read(Reader.message, message_id)

    async def sent_during(self, message_id: str) -> list[Message]:
        """The messages that were sent in the turns of this one."""
        return await self._read(Reader.sent_during, message_id)

    async def parties(self, topic: str) -> dict[str, float]:
        """Who sent or was sent messages of this topic, and when the latest."""
        return await self._read(Reader.parties, topic)

    async def messages(self, wanted: Wanted = ANY, limit: int = 200) -> list[Message]:
        """The newest messages, newest last."""
        return await self._read(Reader.messages, wanted, limit)

    async def heads(self, message_ids: Collection[str]) -> dict[str, str]:
        """How the bodies of these messages begin."""
        return await self._read(Reader.heads, message_ids)

    async def body(self, message_id: str) -> bytes | None:
        """The body of a message."""
        recent = self._recent.take(message_id) if not self._closed else None
        return recent if recent is not None else await self._read(Reader.body, message_id)

    async def inbox(
        self, peer: str, since: float | None = None, *, read: bool = False
    ) -> list[tuple[Message, bytes]]:
        """The unread messages of a mailbox, or all of them."""
        return await self._read(Reader.inbox, peer, since, read=read)

    async def events(self, after: int = 0, peer: str | None = None, limit: int = 1000) -> list[JournalRow]:
        """Journal events with a number above `after`."""
        return await self._read(Reader.events, after, peer, limit)

    async def events_before(self, seq: int, peer: str | None = None, limit: int = 1000) -> list[JournalRow]:
        """The newest journal events with a number below `seq`."""
        return await self._read(Reader.events_before, seq, peer, limit)

    async def last_seq(self) -> int:
        """The number of the newest journal event."""
        return await self._read(Reader.last_seq)

    async def deaths(self, peer: str | None = None, limit: int = 100) -> list[Death]:
        """The newest deaths, newest last."""
        return await self._read(Reader.deaths, peer, limit)

    async def token(self, token_hash: str) -> tuple[str, str] | None:
        """The live session and the peer that a token belongs to."""
        return await self._read(Reader.token, token_hash)

    async def closed(self, sessions: Collection[str]) -> frozenset[str]:
        """Which of these sessions this store has closed."""
        return await self._read(Reader.closed, sessions) if sessions else frozenset()

    async def removed(self, names: Collection[str]) -> frozenset[str]:
        """Which of these names are of peers that this store has removed."""
        return await self._read(Reader.removed, names) if names else frozenset()

    async def meta(self, key: str) -> str | None:
        """One value of the store's own settings."""
        return await self._read(Reader.meta, key)

    async def schema(self) -> int:
        """The version of the tables."""
        return await self._read(Reader.schema)

    async def counts(self) -> Counts:
        """How much there is."""
        return await self._read(Reader.counts)
