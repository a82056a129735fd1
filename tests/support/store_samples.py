"""Samples of all that a store holds, and a box to open it anew."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.message import Message, MessageState, Notice
from roost.core.vocabulary.peer import (
    Conversation,
    Hindrance,
    LastDeath,
    Peer,
    PendingWake,
    Quarantine,
    ResumePolicy,
    Settings,
    WakeMode,
    WakePolicy,
)
from roost.core.vocabulary.session import (
    Cause,
    ControlKind,
    ControlRequest,
    Death,
    Ending,
    Processes,
    Refusal,
    Session,
    SessionState,
    WakeCause,
)
from roost.store.interfaces import (
    Batch,
    Store,
)
from roost.store.memory import MemoryStore

BODY = "Grüße, שלום 🙂\n$(x) `y`; \\".encode() + b"\x00\xff"


@dataclass
class Box:
    """A store, and the way to open it anew."""

    store: Store
    again: Callable[[Store], Awaitable[Store]]

    async def reopen(self) -> Store:
        self.store = await self.again(self.store)
        return self.store


async def again_in_memory(store: Store) -> Store:
    assert isinstance(store, MemoryStore)
    return store.reopened()


def peer(name: str = "worker") -> Peer:
    return Peer(name, "5eed", Settings("/w", "demo"), 100.0)


def session(name: str = "worker", generation: int = 1) -> Session:
    return Session(f"{name}-{generation}", name, generation, "n0", WakeCause.FIRST_WAKE, False, 101.0, 101.0)


def death(of: Session, at: float = 110.0) -> Death:
    return Death(of.id, of.peer, of.generation, at, Cause.CRASHED, signal=9, evidence="pidfd")


def message(number: int, to: str = "worker", **changes: object) -> Message:
    made = Message(f"{number:032x}", "asker", to, 102.0 + number, len(BODY), "d1")
    return replace(made, **changes)  # type: ignore[arg-type]


def mail(*messages: Message) -> Batch:
    return Batch(
        103.0,
        tuple(c.SaveMessage(each) for each in messages),
        tuple(c.Journal("queued", each.to, None, each.id) for each in messages),
        {each.id: BODY for each in messages},
    )


FULL_PEER = Peer(
    "full",
    "5eed",
    Settings(
        "/w d/ü",
        "claude",
        WakePolicy.EPHEMERAL,
        ResumePolicy.NEVER,
        "does\nthings",
        "p\x00q \udcff",
        1.5,
        2.25,
        3.125,
        7,
        6,
        8,
        9.5,
        (("K", "v=1"), ("L", "")),
        ("-a", "b c"),
        3,
        10.5,
    ),
    0.1 + 0.2,
    stopped=True,
    fresh_next=True,
    resume_failed=True,
    removing=True,
    renaming="other",
    former=("was", "before"),
    pending=PendingWake(WakeMode.RESUME, "operator"),
    quarantine=Quarantine(1e10 + 0.123456, "why"),
    backoff_until=5.5,
    failures=2,
    hindered=Hindrance("no program", 1.5, 2.5, 3, told=True),
    refusals=1,
    generation=3,
    conversation="c-1",
    last_death=LastDeath(Cause.OOM, 4.5, True, "s-0", "signal 9", Refusal("m-0", "400")),
    topics=("a", "b"),
    deaths=(1.5, 2.5),
    since=6.25,
    conversations=(
        Conversation(None, "c-2", LastDeath(Cause.CRASHED, 7.5, False, "s-1")),
        Conversation("ü", "c-3", LastDeath(Cause.IDLE_SLEEP, 8.5, True, "s-2"), True),
    ),
)
FULL_SESSION = Session(
    "s-full",
    "full",
    3,
    "nonce",
    WakeCause.REDRIVE,
    True,
    1.5,
    2.5,
    SessionState.STOPPING,
    "because",
    "c-1",
    Processes(ProcessId("b", 1, 2), ProcessId("b", 3, 4), ProcessId("b", 5, 6), "/run/t/x"),
    True,
    3.5,
    "m-1",
    4.5,
    Ending(Cause.RESTART, "operator", 5.5),
    False,
    True,
    "t 1",
    "asker",
    6.5,
    "a reason",
    ControlRequest(ControlKind.COMPACT, "operator", 7.5, True, 8.5, "failed", "note"),
    -3600.5,
    "runs make",
    ("m-1", "m 2"),
    Refusal("m-1", "400 no"),
    used=True,
)
FULL_MESSAGE = Message(
    "ab" * 16,
    "asker",
    "full",
    1.25,
    len(BODY),
    "digest",
    "topic \x00\n",
    "cd" * 16,
    MessageState.ACCEPTED,
    "why",
    2.5,
    3.5,
    4.5,
    5.5,
    "s-full",
    6,
    True,
    True,
    Notice("ef" * 16, "died", "oom"),
    ("/a", "/b c"),
)
FULL_DEATH = Death("s-full", "full", 3, 9.5, Cause.OOM, 1, 9, "kernel", "ev", True, "c-1", ("l1", "l2 ü"))
