"""What a session's record shows of its conversation, as the core is told it."""

from types import SimpleNamespace
from typing import Any

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.session import SessionState
from roost.daemon.session.facts import Facts
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
