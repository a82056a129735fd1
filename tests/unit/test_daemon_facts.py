"""What a session's record shows of its conversation, as the core is told it."""

from types import SimpleNamespace
from typing import Any

from roost.core.messages import envelope
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.session import SessionState, stand_in
from roost.daemon.session.facts import Facts
from roost.daemon.session.known_session import KnownSession
from roost.host.memory.clock import VirtualClock
from roost.runtimes.facts import ConversationSeen


async def test_P3_that_a_conversation_began_anew_is_told_also_when_it_is_known_already() -> None:
    session = SimpleNamespace(id="s", state=SessionState.IDLE, why="at rest", conversation="first")
    told, noted = list[f.Observed](), list[str]()

    async def tell(event: f.Observed) -> None:
        told.append(event)
        session.conversation = event.conversation

    known: Any = SimpleNamespace(session=lambda: session, tell=tell)
    live: Any = SimpleNamespace(runs=noted.append)
    facts = Facts(live, known, VirtualClock())
    for seen in (ConversationSeen("first"), ConversationSeen("second"), ConversationSeen("second", 7.0)):
        await facts.note(seen)
    assert [(each.conversation, each.anew) for each in told] == [("second", None), ("second", 7.0)]
    assert noted == ["second"]


def test_P3_a_message_that_was_answered_first_is_still_sought_in_the_records() -> None:
    """It tells which conversation is run (C8); what a record has shown, or another session has, does not."""
    first, second, other = (
        Message(ident, "o", "p", 0.0, 1, "d", state=state, session=session, attempts=1)
        for ident, state, session in (
            ("m1", MessageState.ACCEPTED, "s"),
            ("m2", MessageState.OFFERED, "s"),
            ("m3", MessageState.ACCEPTED, "before"),
        )
    )
    live: Any = SimpleNamespace(session=SimpleNamespace(id="s"), peer="p", prompted=set[str]())

    def mark(*messages: Message) -> str | None:
        state = PeerState(
            Peer("p", "5eed", Settings("/w", "demo"), 0.0), stand_in("s", "p", 1, None), messages
        )
        fleet: Any = SimpleNamespace(find=lambda _peer: state)
        return KnownSession(live, fleet).mark()

    def of(message: Message) -> str:
        return f"boundary {envelope.boundary('5eed', message.id, 1)}]"

    assert mark(first, second) == of(second), "what is being handed over comes first"
    assert mark(first) == of(first)
    live.prompted.add("m1")
    assert mark(first) is None
    assert mark(other) is None
