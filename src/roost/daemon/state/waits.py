"""Lets a caller wait for what becomes of a message or a session: woken by commits, never by polling."""

import asyncio
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from typing import TypeVar

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import PeerState

T = TypeVar("T")


class Waits:
    """Queues of news: changes of one message, replies to it, changes of one peer."""

    def __init__(self) -> None:
        """Begin with nobody waiting."""
        self._messages: defaultdict[str, set[asyncio.Queue[Message]]] = defaultdict(set)
        self._replies: defaultdict[str, set[asyncio.Queue[Message]]] = defaultdict(set)
        self._peers: defaultdict[str, set[asyncio.Queue[PeerState | None]]] = defaultdict(set)

    def committed(self, name: str, state: PeerState | None, commands: tuple[c.Command, ...]) -> None:
        """Pass on what was just committed."""
        for command in commands:
            if type(command) is c.SaveMessage:
                message = command.message
                for queue in self._messages.get(message.id, ()):
                    queue.put_nowait(message)
                if message.reply_to is not None and message.notice is None and message.attempts == 0:
                    for queue in self._replies.get(message.reply_to, ()):
                        queue.put_nowait(message)
        self.known(name, state)

    def known(self, name: str, state: PeerState | None) -> None:
        """Pass on what a peer is known to be."""
        for waiting in self._peers.get(name, ()):
            waiting.put_nowait(state)

    @contextmanager
    def message(self, message_id: str) -> Generator[asyncio.Queue[Message]]:
        """Every committed change of a message from now on."""
        with _subscribed(self._messages, message_id) as queue:
            yield queue

    @contextmanager
    def replies(self, message_id: str) -> Generator[asyncio.Queue[Message]]:
        """Every reply to a message from now on."""
        with _subscribed(self._replies, message_id) as queue:
            yield queue

    @contextmanager
    def peer(self, name: str) -> Generator[asyncio.Queue[PeerState | None]]:
        """Every committed change of a peer from now on; None: it was removed."""
        with _subscribed(self._peers, name) as queue:
            yield queue


@contextmanager
def _subscribed(table: dict[str, set[asyncio.Queue[T]]], key: str) -> Generator[asyncio.Queue[T]]:
    queue: asyncio.Queue[T] = asyncio.Queue()
    table[key].add(queue)
    try:
        yield queue
    finally:
        table[key].discard(queue)
        if not table[key]:
            del table[key]
