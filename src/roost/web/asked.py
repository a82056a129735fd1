"""What agents ask, as the page shows it: followed once for all open pages, with what became of each."""

import asyncio
import secrets
from collections.abc import AsyncGenerator

from roost.cli.sentences import sentence
from roost.client.connection import Record
from roost.client.daemon import Daemon
from roost.client.feed import BEHIND, RETRY, Feed
from roost.errors import RoostError

KINDS = frozenset({"question", "answering", "answered", "not-answered", "question-gone"})
"""Lines of the journal after which what is asked is another."""
_ENDS = frozenset({"link", "stopped", "adopted", "removed", "renamed"})
"""Lines after which it may be: a session has ended or was found again, the daemon went or came."""
OVER = 64
"""Questions that are over and of which it is remembered what they came to."""
_UNKNOWN = "This is asked no more."


class Asked:
    """The open questions, asked for anew when the journal says that they have changed, and not otherwise."""

    def __init__(self, daemon: Daemon, feed: Feed) -> None:
        """`run` follows."""
        self._daemon = daemon
        self._feed = feed
        self._epoch = secrets.token_hex(4)
        self._version = 0
        self._over: dict[str, str] = {}
        self._news = asyncio.Condition()
        self._looking = asyncio.Lock()
        self.open: list[Record] = []

    @property
    def mark(self) -> str:
        """What is another one each time that something has changed."""
        return f"{self._epoch}.{self._version}"

    @property
    def count(self) -> int:
        """How many wait for an answer."""
        return sum(question["state"] == "open" for question in self.open)

    def of(self, peer: str | None) -> list[Record]:
        """Those of one peer, or all; the eldest first."""
        return [question for question in self.open if peer in (None, question["peer"])]

    def over(self, name: str) -> tuple[str, bool]:
        """What a question came to that is open no more, and whether that is its last word.

        The list may lack it before the line of the journal has come that says why: the mark changes then.
        """
        known = self._over.get(name)
        return (known, True) if known is not None else (_UNKNOWN, False)

    async def run(self) -> None:
        """Follow for ever. Whoever looks is subscribed before: what happens meanwhile is looked at again."""
        with self._feed.subscribe() as lines:
            while True:
                try:
                    await self.look()
                except RoostError:
                    await asyncio.sleep(RETRY)
                    continue
                # A queue that is full has lost some.
                while not self._note(await lines.get()) and lines.qsize() < BEHIND:
                    pass
                while not lines.empty():
                    self._note(lines.get_nowait())

    def _note(self, line: Record) -> bool:
        """Remember what a line says of a question; whether it is time to look."""
        kind = str(line["kind"])
        if kind in ("answered", "question-gone"):
            self._over[str(line["data"]["id"])] = f"{line['peer']} {sentence(line)}."
            self._version += 1
            while len(self._over) > OVER:
                del self._over[next(iter(self._over))]
        return kind in KINDS or kind in _ENDS

    async def look(self) -> None:
        """Ask the daemon now; raises what `Daemon.call` does."""
        async with self._looking:
            found: list[Record] = await self._daemon.call("questions")
            if found != self.open:
                self.open, self._version = found, self._version + 1
        async with self._news:
            self._news.notify_all()

    async def marks(self) -> AsyncGenerator[tuple[str, int]]:
        """The mark and how many are open: now, and each time that it has changed. Close it to give up."""
        mark = ""
        while True:
            async with self._news:
                while self.mark == mark:
                    await self._news.wait()
            mark = self.mark
            yield mark, self.count


def label_of(question: Record) -> str:
    """The words of the answer that was given."""
    options: list[Record] = question["options"]
    answer = question["answer"]
    return next((str(option["label"]) for option in options if option["id"] == answer), str(answer))
