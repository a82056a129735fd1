"""The server that a session has for itself, and the thread that its pane shows, against a stand-in (L7)."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from roost.core.vocabulary.session import stand_in
from roost.runtimes.call import CallRefusedError
from roost.runtimes.codex_server import own as own_module
from roost.runtimes.codex_server import thread as threads
from roost.runtimes.codex_server.connection import Connection, open_connection
from roost.runtimes.codex_server.own import OwnCall
from roost.runtimes.codex_server.thread import ENTERED, JOINED, LOST
from tests.integration.test_codex_server import Heard, World, world
from tests.support.app_server import HOLD

__all__ = ["world"]


@dataclass
class Pane:
    """The pane's program: another client of the same server."""

    world: World
    wire: Connection

    async def begins(self, **params: object) -> str:
        return str((await self.wire.ask("thread/start", {"cwd": "/", **params}))["thread"]["id"])

    async def types(self, thread: str, text: str) -> None:
        given = [{"type": "text", "text": text}]
        await self.wire.ask("turn/start", {"threadId": thread, "input": given})


@pytest.fixture
async def pane(world: World) -> AsyncIterator[Pane]:
    wire = await open_connection(world.servers.at(world.address).address, lambda _frame: None)
    world.tasks.start(wire.read(), "pane")
    await wire.greet()
    yield Pane(world, wire)
    await wire.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "SETTLED", 0.05)
    monkeypatch.setattr(own_module, "AGAIN", 0.01)


def called(world: World, conversation: str | None = None) -> tuple[OwnCall, Heard]:
    session = stand_in("s1", "a", 1, conversation)
    call, heard = world.servers.own(session, world.path), Heard()
    world.tasks.start(call.follow(heard), "follow")
    return call, heard


async def in_thread(heard: Heard, thread: str, method: str = ENTERED) -> None:
    await heard.until(lambda line: line["method"] == method and line["params"]["threadId"] == thread)


def entered(heard: Heard) -> list[str]:
    return [line["params"]["threadId"] for line in heard.lines if line["method"] == ENTERED]


async def taken(world: World, thread: str) -> list[str | None]:
    """The keys of the prompts that a thread was given."""
    turns = world.app.threads[thread].turns
    return [item["clientId"] for turn in turns for item in turn["items"] if item["type"] == "userMessage"]


async def test_L7_the_thread_of_the_pane_is_found_whether_it_was_there_before_or_comes(
    world: World, pane: Pane
) -> None:
    call, heard = called(world)
    with pytest.raises(CallRefusedError, match="no thread"):
        await call.submit("k0", "too early", joins=False)
    title = await pane.begins(ephemeral=True)
    shown = await pane.begins()
    await in_thread(heard, shown, JOINED)
    await call.submit("k1", "hello", joins=False)
    await in_thread(heard, shown, "turn/completed")
    await call.submit("k1", "hello", joins=False)  # told once for each key
    assert (await taken(world, shown), await taken(world, title)) == (["k1"], [])
    later, told = called(world, shown)  # as the next daemon
    await in_thread(told, shown, JOINED)
    assert await later.has("k1")
    assert not await later.has("k2")
    assert ENTERED not in [line["method"] for line in told.lines if line["params"]["threadId"] == title]
    await call.close()
    await later.close()


async def test_L7_the_session_goes_on_where_the_person_in_the_pane_goes_on(world: World, pane: Pane) -> None:
    call, heard = called(world)
    first = await pane.begins()
    await in_thread(heard, first, JOINED)
    await call.submit("k1", "in the first", joins=False)
    await in_thread(heard, first, "turn/completed")
    second = await pane.begins()
    await in_thread(heard, second, JOINED)
    await call.submit("k2", "in the second", joins=False)
    await in_thread(heard, second, "turn/completed")
    # What an earlier thread was given is not given again, by this call nor by that of the next daemon.
    await call.submit("k1", "in the first", joins=False)
    assert (await taken(world, first), await taken(world, second)) == (["k1"], ["k2"])
    again, told = called(world, first)  # the daemon was away while the person went on
    await in_thread(told, second, JOINED)
    assert entered(told) == [first]
    assert await again.has("k2")
    heard.lines.clear()
    await pane.types(first, f"back in the first {HOLD}")
    await in_thread(heard, first, JOINED)
    with pytest.raises(CallRefusedError, match="in a turn"):
        await call.submit("k3", "into neither", joins=False)
    await call.interrupt()
    await in_thread(heard, first, "turn/completed")
    await call.close()
    await again.close()


async def test_L7_a_connection_that_breaks_is_made_again_and_a_thread_that_ends_is_told(
    world: World, pane: Pane
) -> None:
    call, heard = called(world)
    shown = await pane.begins()
    await in_thread(heard, shown, JOINED)
    await call.submit("k1", "one", joins=False)
    await in_thread(heard, shown, "turn/completed")
    await world.leave()
    lost = await heard.method(LOST)
    assert "nobody listens" in lost["params"]["why"]
    with pytest.raises(CallRefusedError, match="not connected"):
        await call.submit("k2", "two", joins=False)
    heard.lines.clear()
    await world.again()
    await in_thread(heard, shown, JOINED)
    await call.submit("k2", "two", joins=False)
    await in_thread(heard, shown, "turn/completed")
    assert await taken(world, shown) == ["k1", "k2"]
    other = await open_connection(world.servers.at(world.address).address, lambda _frame: None)
    world.tasks.start(other.read(), "other")
    await other.greet()
    await other.ask("test/tell", {"method": "thread/archived", "params": {"threadId": shown}})
    lost = await heard.method(LOST)
    assert lost["params"]["why"] == "the thread was archived"
    with pytest.raises(CallRefusedError, match="no thread"):
        await call.submit("k3", "three", joins=False)
    idle = {"threadId": shown, "status": {"type": "idle"}}
    heard.lines.clear()
    await other.ask("test/tell", {"method": "thread/status/changed", "params": idle})  # unarchived, resumed
    await in_thread(heard, shown, JOINED)
    await other.close()
    await asyncio.gather(call.close(), call.close())
