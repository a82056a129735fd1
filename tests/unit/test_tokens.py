"""Whose a token is: told from memory while its session lives, and by the store in any other case (P2)."""

import pytest

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.peer import Peer, PeerState, Settings
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.session import Cause, Death, Session, WakeCause
from roost.daemon.serve.tokens import Tokens
from roost.daemon.session.launcher import token_hash
from roost.daemon.state.fleet import Fleet
from roost.daemon.state.tasks import Tasks
from roost.errors import DeniedError
from roost.host.memory.clock import VirtualClock
from roost.store.interfaces import Batch, Token
from roost.store.memory import MemoryStore

ALICE, BOB = (Peer(name, "5eed", Settings("/w", "demo"), 0.0) for name in ("alice", "bob"))


class CountingStore(MemoryStore):
    """Counts how often it is asked whose a token is."""

    asked = 0

    async def token(self, token_hash: str) -> tuple[str, str] | None:
        self.asked += 1
        return await super().token(token_hash)


class World:
    """A store that holds tokens, and the fleet whose sessions they are of."""

    def __init__(self) -> None:
        """Nobody is there."""
        self.store = CountingStore()
        self.fleet = Fleet(self.store, VirtualClock(), Policy(), Tasks())
        self.tokens = Tokens(self.store, self.fleet)

    async def begins(self, peer: Peer, session: str, token: str) -> None:
        """The peer's session begins, and is given this token."""
        made = Session(
            session, peer.name, 1, "n", WakeCause.FIRST_WAKE, resumed=False, started_at=0.0, since=0.0
        )
        held = Token(token_hash(token), session, peer.name)
        await self.store.commit(Batch(0.0, (c.SavePeer(peer), c.SaveSession(made)), tokens=(held,)))
        self.fleet.load([PeerState(peer, made)])

    async def named(self, token: str) -> tuple[str | None, str | None]:
        """The peer and the session whose token this is."""
        caller = await self.tokens.caller(token)
        return caller.peer, caller.session


@pytest.fixture
def world() -> World:
    return World()


async def test_17_the_store_is_asked_once_for_each_session(world: World) -> None:
    await world.begins(ALICE, "s1", "t1")
    await world.begins(BOB, "s2", "t2")
    for _ in range(5):
        assert await world.named("t1") == ("alice", "s1")
        assert await world.named("t2") == ("bob", "s2")
    assert world.store.asked == 2


async def test_17_a_wrong_token_is_denied_each_time(world: World) -> None:
    await world.begins(ALICE, "s1", "t1")
    for _ in range(2):
        with pytest.raises(DeniedError):
            await world.named("t2")
    assert await world.named("t1") == ("alice", "s1")


async def test_17_a_token_is_denied_as_soon_as_its_session_has_ended(world: World) -> None:
    await world.begins(ALICE, "s1", "t1")
    assert await world.named("t1") == ("alice", "s1")
    death = Death("s1", "alice", 1, 1.0, Cause.UNKNOWN)
    await world.store.commit(Batch(1.0, (c.CloseSession(death),)))
    world.fleet.load([PeerState(ALICE)])
    with pytest.raises(DeniedError):
        await world.named("t1")
