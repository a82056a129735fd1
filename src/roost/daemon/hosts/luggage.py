"""All that goes along with a peer to another host: what it is, and the records of its conversations.

A record is copied where it is known by which file a program goes on with a conversation; else the peer begins
a new one there.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec

from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.session import stand_in
from roost.daemon.session.contexts import Contexts
from roost.daemon.state.threads import Threads
from roost.errors import RoostError
from roost.runtimes.context import Context
from roost.runtimes.record_place import place_of
from roost.runtimes.registry import Runtimes
from roost.store.codec import Shape

PART = 256 * 1024
"""Bytes of one part."""
MOST = 64 * 1024 * 1024
"""Bytes of records that go along at most; further ones stay."""
_PEER = Shape(Peer)


class BrokenLuggageError(RoostError):
    """What has come with a peer cannot be used."""

    code = "broken-luggage"


class Record(msgspec.Struct, frozen=True):
    """The file of a conversation."""

    conversation: str
    name: str
    data: bytes


class Luggage(msgspec.Struct, frozen=True):
    """`peer`: as the store writes it. `left`: conversations whose records stay."""

    peer: str
    records: list[Record]
    left: list[str]

    def as_peer(self) -> Peer:
        """The peer as it was. Raises BrokenLuggageError."""
        try:
            return _PEER.value(self.peer)
        except ValueError as error:
            raise BrokenLuggageError(f"its host has another version of roost: {error}") from error


class Packer:
    """Packs and unpacks, by what the programs of this host need."""

    def __init__(self, runtimes: Runtimes, contexts: Contexts, threads: Threads) -> None:
        """`contexts` tell where a program's files are."""
        self._threads = threads
        self._runtimes = runtimes
        self._contexts = contexts

    async def pack(self, state: PeerState) -> Luggage:
        """All that goes along. Raises OSError."""
        return await self._threads.run(self._pack, state)

    async def unpack(self, luggage: Luggage, peer: Peer) -> frozenset[str]:
        """Put the records where the peer's program looks for them; which conversations are there.

        Raises OSError, BrokenLuggageError where another record stands in the way.
        """
        return await self._threads.run(self._unpack, luggage, peer)

    def _pack(self, state: PeerState) -> Luggage:
        peer = state.peer
        records: list[Record] = []
        left: list[str] = []
        size = 0
        for conversation in _conversations(peer):
            context = self._context(peer, peer.settings, conversation)
            path = self._runtimes.get(peer.settings.runtime).transcript(context)
            if path is None:
                continue
            size += path.stat().st_size
            if size > MOST or place_of(peer.settings.runtime, context, path.name) is None:
                left.append(conversation)
            else:
                records.append(Record(conversation, path.name, path.read_bytes()))
        return Luggage(_PEER.text(peer), records, left)

    def _unpack(self, luggage: Luggage, peer: Peer) -> frozenset[str]:
        there: set[str] = set()
        for record in luggage.records:
            context = self._context(peer, peer.settings, record.conversation)
            path = place_of(peer.settings.runtime, context, Path(record.name).name)
            if path is not None:
                _place(path, record.data)
                there.add(record.conversation)
        return frozenset(there)

    def _context(self, peer: Peer, settings: Settings, conversation: str) -> Context:
        return self._contexts.of(stand_in("", peer.name, peer.generation, conversation), settings)


def _conversations(peer: Peer) -> Iterator[str]:
    if peer.conversation is not None:
        yield peer.conversation
    yield from (each.id for each in peer.conversations if each.id != peer.conversation)


def _place(path: Path, data: bytes) -> None:
    """Write a record; one that it goes on from may be there, left by an earlier life of the peer here."""
    if path.exists():
        before = path.read_bytes()
        if before == data:
            return
        if not data.startswith(before):
            raise BrokenLuggageError(f"there is another record of its conversation already: {path}")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_name(f".{path.name}.arriving")
    fresh.touch(mode=0o600)
    fresh.write_bytes(data)
    fresh.replace(path)
