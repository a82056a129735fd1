"""What the store takes and gives.

All times are Unix seconds, all sizes bytes.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

from msgspec import Struct, field

from roost.core.vocabulary.commands import (
    Between,
    Change,
    Clear,
    Decide,
    Effect,
    End,
    Examine,
    Forward,
    GiveAnswer,
    HandOver,
    Journal,
    Launch,
    Notify,
    Offer,
    Own,
    Perform,
    Report,
)
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Death
from roost.errors import StoreError
from roost.store.records import (
    ANY,
    Attempt,
    Copied,
    Counts,
    Intent,
    JournalRow,
    Loaded,
    StoredMessage,
    Wanted,
)

__all__ = [
    "ANY",
    "Attempt",
    "Batch",
    "Counts",
    "Intent",
    "JournalRow",
    "Loaded",
    "Store",
    "StoredMessage",
    "Token",
    "Wanted",
    "clear_of",
    "intent_for",
]


def intent_for(effect: Effect, at: float) -> Intent:
    """The intent that stands for an effect until it ends."""
    match effect:
        case Launch(session):
            return Intent(effect.key, "launch", session.peer, at, session.id)
        case Offer(session, peer, message, redrive):
            return Intent(effect.key, "offer", peer, at, session, message.id, {"redrive": redrive})
        case Examine(session, peer, message, conversation):
            data = {"conversation": conversation}
            return Intent(effect.key, "examine", peer, at, session, message.id, data)
        case End(session, cause, by, guarded):
            data = {"cause": str(cause), "by": by, "guarded": guarded}
            return Intent(effect.key, "end", session.peer, at, session.id, None, data)
        case Notify(notice_id, to, notice, chain, since):
            place = None if chain is None else [chain.count, chain.root]
            told = {
                "id": notice_id,
                "outcome": notice.outcome,
                "why": notice.why,
                "watch": notice.watch,
                "chain": place,
                "since": since,
            }
            return Intent(effect.key, "notice", to, at, None, notice.about, told)
        case Perform(session, control):
            data = {"kind": str(control.kind), "at": control.at}
            return Intent(effect.key, "control", session.peer, at, session.id, None, data)
        case GiveAnswer(session, question):
            data = {"question": question.id, "at": question.at}
            return Intent(effect.key, "answer", session.peer, at, session.id, None, data)
        case Forward() | Report() | HandOver() | Own() | Decide():
            return _between_hosts(effect, at)
        case Clear(session, peer, nonce, root):
            known = None if root is None else [root.boot, root.pid, root.start]
            return Intent(effect.key, "clear", peer, at, session, None, {"nonce": nonce, "root": known})


def _between_hosts(effect: Between, at: float) -> Intent:
    match effect:
        case Forward(peer, message):
            return Intent(effect.key, "forward", peer, at, None, message.id)
        case HandOver(peer):
            return Intent(effect.key, "hand-over", peer, at)
        case Own(peer):
            return Intent(effect.key, "own", peer, at)
        case Decide(peer, host, move, decision):
            data = {"host": host, "move": move, "decision": decision}
            return Intent(effect.key, "decide", peer, at, None, None, data)
        case Report(to, message_id, state, why, accepted_at):
            told = {"state": str(state), "why": why, "accepted_at": accepted_at}
            return Intent(effect.key, "report", to, at, None, message_id, told)


def clear_of(intent: Intent) -> Clear:
    """The effect of a stored "clear" intent."""
    known = intent.data["root"]
    root = None if known is None else ProcessId(*known)
    return Clear(intent.session or "", intent.peer, str(intent.data["nonce"]), root)


class Token(Struct, frozen=True):
    """The hash of a session's token; the token itself is never stored. It goes when its session closes."""

    hash: str
    session: str
    peer: str


class Batch(Struct, frozen=True):
    """What one decision stores, whole or not at all.

    `at` is the time of its journal lines, attempts and tokens. `bodies` holds the body of every message that
    is new with this batch, by message id; a body whose message was refused is passed over. `settled` names
    intents that have ended; they go before the new `intents` are stored, so that a key can be settled and
    stored anew at once.
    """

    at: float
    changes: tuple[Change, ...] = ()
    journal: tuple[Journal, ...] = ()
    bodies: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    intents: tuple[Intent, ...] = ()
    settled: tuple[str, ...] = ()
    tokens: tuple[Token, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict[str, str])


class Store(Protocol):
    """The daemon's store. Every method raises StoreError when the store cannot do it."""

    async def commit(self, batch: Batch) -> tuple[JournalRow, ...]:
        """Store a batch and return its journal lines with their numbers.

        Durable when it returns; on an error nothing of the batch is stored. Batches are stored in the order
        in which they were handed over. A caller that is cancelled while it waits cannot know the outcome.
        """
        ...

    async def load(self) -> Loaded:
        """Everything unfinished."""
        ...

    async def peers(self) -> list[PeerState]:
        """All peers by name, with live session and unfinished messages in the order of their arrival."""
        ...

    async def resolve(self, prefix: str) -> str | None:
        """The whole message id of a prefix of at least 8 digits; AmbiguousIdError when there are several."""
        ...

    async def message(self, message_id: str) -> StoredMessage | None:
        """One message with its story, by id or prefix as `resolve` takes it."""
        ...

    async def sent_during(self, message_id: str) -> list[Message]:
        """The messages that were sent in the turns of this one, by its whole id, oldest first."""
        ...

    async def parties(self, topic: str) -> dict[str, float]:
        """Who sent or was sent messages of this topic, notices aside, and when the latest (Unix seconds).

        In the order of their first.
        """
        ...

    async def messages(self, wanted: Wanted = ANY, limit: int = 200) -> list[Message]:
        """The newest messages that are wanted; newest last."""
        ...

    async def heads(self, message_ids: Collection[str]) -> dict[str, str]:
        """How the bodies of these messages begin, in one line of at most 120 characters each."""
        ...

    async def body(self, message_id: str) -> bytes | None:
        """The body of a message, by its whole id; None when there is no such message."""
        ...

    async def inbox(
        self, peer: str, since: float | None = None, *, read: bool = False
    ) -> list[tuple[Message, bytes]]:
        """The unread messages of a mailbox with their bodies, oldest first; `read`: all that came `since`."""
        ...

    async def events(self, after: int = 0, peer: str | None = None, limit: int = 1000) -> list[JournalRow]:
        """Journal events with a number above `after`, in order."""
        ...

    async def events_before(self, seq: int, peer: str | None = None, limit: int = 1000) -> list[JournalRow]:
        """The newest journal events with a number below `seq`, in order."""
        ...

    async def last_seq(self) -> int:
        """The number of the newest journal event; 0 when there is none."""
        ...

    async def deaths(self, peer: str | None = None, limit: int = 100) -> list[Death]:
        """The newest deaths, newest last."""
        ...

    async def token(self, token_hash: str) -> tuple[str, str] | None:
        """The live session and the peer that a token belongs to."""
        ...

    async def closed(self, sessions: Collection[str]) -> frozenset[str]:
        """Which of these sessions this store has closed; those that it never knew are not among them."""
        ...

    async def removed(self, names: Collection[str]) -> frozenset[str]:
        """Which of these names are of peers that this store has removed."""
        ...

    async def meta(self, key: str) -> str | None:
        """One value of the store's own settings."""
        ...

    async def schema(self) -> int:
        """The version of the tables."""
        ...

    async def counts(self) -> Counts:
        """How much there is."""
        ...

    async def forget(self, messages: float, events: float) -> int:
        """Let go of a step of what ended before these times (Unix seconds); how many rows went.

        Messages with their bodies and stories, events, deaths. Nothing unfinished goes, nor what it answers,
        nor the journal's lines that tell of removed peers, nor a peer's latest death. Raises StoreError.
        """
        ...

    async def give_back(self) -> bool:
        """Give a step of the file's free room back to the disk; whether there is more. Raises StoreError."""
        ...

    async def attachments(self) -> frozenset[str]:
        """The paths of all files that go with a message."""
        ...

    async def back_up(self, target: Path) -> Copied:
        """Copy the whole store into a new file. Raises RefusedError, OSError."""
        ...

    def log_held(self) -> float:
        """For how many seconds somebody who reads an old state has kept the log from being emptied."""
        ...

    def unfit(self) -> StoreError | None:
        """Why nothing is stored any more: the files are not at their place, or damaged. None: it is."""
        ...

    def failing(self) -> StoreError | None:
        """Why the latest commit stored nothing, as on a full disk; None: it did."""
        ...

    def unreadable(self) -> list[str]:
        """The rows that reading has left out because they cannot be read, as sentences."""
        ...

    def follow(self, told: Callable[[int, float], None]) -> None:
        """Have `told` called with the number and the time of the newest journal event that a commit stored.

        Before the commit is acknowledged, in a thread that may block.
        """
        ...

    async def close(self) -> None:
        """Store what was handed over, then let go of the files; a second call does nothing."""
        ...
