"""No deadline is ever forgotten, whatever is asked, refused or not stored meanwhile, however time goes."""

import asyncio
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import Peer, Settings
from roost.core.vocabulary.policy import Policy, Traits
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.daemon.state.ticker import LONGEST, RETRY, Ticker
from roost.errors import RoostError
from roost.host.memory.clock import VirtualClock
from tests.support.full_store import FullStore

Move = tuple[str, float]
MOVE = st.one_of(
    st.tuples(st.just("refused"), st.just(0)),
    st.tuples(st.just("later"), st.sampled_from([1.0, 2.0, 3.0])),
    st.tuples(st.just("clock"), st.sampled_from([1.5, 1.5, -1.5, 30.0, -30.0])),
    st.tuples(st.just("full"), st.sampled_from([1.0, 2.0])),
    st.tuples(st.sampled_from(["send", "acknowledge"]), st.just(1)),
)
EPISODES = st.lists(st.lists(MOVE, min_size=2, max_size=4), min_size=5, max_size=20)
"""Each begins with a message that lasts for a second, and after it nothing happens for a while."""


class Mailbox:
    """A peer with messages that expire."""

    def __init__(self) -> None:
        self.clock, self.tasks, self.store = VirtualClock(), Tasks(), FullStore()
        self.fleet = Fleet(self.store, self.clock, Policy({"human": Traits(mailbox=True)}), self.tasks)
        self.ticker = Ticker(self.fleet, self.clock, self.tasks)
        self.sent = 0

    async def play(self, episodes: list[list[Move]]) -> None:
        self.tasks.start(self.ticker.run(), "ticker")
        await self.fleet.add(Peer("p", "5eed", Settings("/", "human"), self.clock.now()))
        for episode in episodes:
            for move in [("send", 1.0), *episode]:
                with suppress(RoostError):
                    await self.do(*move)
            now = self.clock.now()
            await self.clock.advance(LONGEST + RETRY)
            assert all((message.expires_at or 0.0) > now for message in self.fleet.get("p").messages)
        await self.tasks.close()

    async def do(self, move: str, value: float) -> None:
        waiting, now = self.fleet.get("p").messages, self.clock.now()
        match move:
            case "send":
                self.sent += 1
                message = Message(f"{self.sent:032x}", "asker", "p", now, 0, "d", expires_at=now + value)
                await self.fleet.tell("p", r.Submit(message))
            case "refused" if waiting:
                await self.fleet.tell("p", r.Resend(waiting[-1].id, "operator"))
            case "acknowledge" if waiting:
                await self.fleet.tell("p", r.Acknowledge((waiting[-1].id,)))
            case "later":
                await self.clock.advance(value)
            case "full":
                self.store.full = True
                await self.clock.advance(value)
                self.store.full = False
            case "clock":
                self.clock.jump(value)
            case _:
                pass


@given(episodes=EPISODES)
def test_N2_what_is_overdue_is_done_as_soon_as_it_can_be_stored(episodes: list[list[Move]]) -> None:
    asyncio.run(Mailbox().play(episodes))
