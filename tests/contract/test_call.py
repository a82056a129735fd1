"""Each way to call a program keeps the same promises: the twin in memory, and the client of an ACP agent."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from roost.runtimes import acp_call
from roost.runtimes.acp_call import AcpCall
from roost.runtimes.call import Call, CallLostError, CallRefusedError
from roost.runtimes.memory_call import Fault, MemoryCall
from tests.support.acp_session import AcpClient
from tests.support.home import Home
from tests.support.wait import eventually

pytestmark = pytest.mark.real
PATIENCE = 30.0


class Memory:
    """The twin."""

    def __init__(self) -> None:
        self.twin = MemoryCall()
        self.call: Call = self.twin

    async def record(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.twin.lines]

    async def stays(self, key: str) -> None:
        """A turn that goes on."""
        await self.call.submit(key, "stay", joins=False)

    async def ends(self, key: str) -> None:
        """A turn that ends by itself."""
        await self.call.submit(key, key, joins=False)
        self.twin.end()

    async def asks(self, key: str) -> str:
        """A turn that asks for a permission; returns the request."""
        await self.call.submit(key, "ask", joins=False)
        self.twin.ask("q1", "may I?")
        return "q1"

    async def loses(self, key: str) -> None:
        """A prompt whose answer does not come."""
        self.twin.fault = Fault.UNHEARD
        await self.call.submit(key, key, joins=False)


class Acp:
    """The client with the demo agent."""

    def __init__(self, client: AcpClient) -> None:
        self.client = client
        self.call: Call = AcpCall(client.socket)

    async def record(self) -> list[dict[str, Any]]:
        return self.client.record()

    async def ready(self) -> None:
        await eventually(lambda: self.client.status().get("state") == "idle", timeout=PATIENCE, why="at rest")

    async def stays(self, key: str) -> None:
        await self.call.submit(key, "@@delay 600@@", joins=False)

    async def ends(self, key: str) -> None:
        await self.call.submit(key, key, joins=False)
        await self.ready()

    async def asks(self, key: str) -> str:
        await self.call.submit(key, "@@ask@@", joins=False)
        await eventually(lambda: self.client.record("permission"), timeout=PATIENCE, why="it asks")
        return self.client.record("permission")[-1]["id"]

    async def loses(self, key: str) -> None:
        self.client.process.send_signal(signal.SIGSTOP)
        try:
            await self.call.submit(key, key, joins=False)
        finally:
            self.client.process.send_signal(signal.SIGCONT)


Program = Memory | Acp


@pytest.fixture(params=["memory", "acp"])
def client(home: Home, request: pytest.FixtureRequest) -> Iterator[AcpClient | None]:
    if request.param == "memory":
        yield None
        return
    client = AcpClient(home.work, dict(os.environ))
    client.wait_ready()
    yield client
    client.end()


@pytest.fixture
async def program(client: AcpClient | None) -> AsyncIterator[Program]:
    made = Memory() if client is None else Acp(client)
    yield made
    await made.call.close()


async def prompts(program: Program) -> list[tuple[str, str]]:
    return [(line["key"], line["text"]) for line in await program.record() if line["type"] == "prompt"]


async def test_P4_a_prompt_is_given_once_for_its_key_and_the_record_shows_it_first(program: Program) -> None:
    text = "ä" * 60_000
    for _ in range(3):
        await program.call.submit("k1", text, joins=False)
        assert await prompts(program) == [("k1", text)]
    assert await program.call.has("k1")
    assert not await program.call.has("k2")


async def test_a_prompt_in_a_turn_is_refused_and_was_not_given(program: Program) -> None:
    await program.stays("k1")
    with pytest.raises(CallRefusedError, match="in a turn"):
        await program.call.submit("k2", "second", joins=False)
    assert not await program.call.has("k2")
    await program.call.submit("k1", "again", joins=False)
    assert [key for key, _ in await prompts(program)] == ["k1"]


async def test_an_interrupt_ends_the_turn_and_at_rest_it_does_nothing(program: Program) -> None:
    await program.call.interrupt()
    await program.stays("k1")
    await program.call.interrupt()
    await ended(program, 1, "cancelled")
    await program.call.interrupt()
    await program.ends("k2")
    await ended(program, 2, "end_turn")


async def ended(program: Program, count: int, stop: str) -> None:
    """Wait for so many ends of turns, the last one of that kind."""

    async def stops() -> list[str]:
        return [line["stop"] for line in await program.record() if line["type"] == "turn_end"]

    async def enough() -> bool:
        return len(await stops()) >= count

    await eventually(enough, timeout=PATIENCE, why=f"{count} ends of turns")
    assert (await stops())[-1] == stop


async def test_what_it_asks_is_answered_by_its_id_and_until_then_no_prompt_goes_in(program: Program) -> None:
    request = await program.asks("k1")
    with pytest.raises(CallRefusedError):
        await program.call.submit("k2", "second", joins=False)
    with pytest.raises(CallRefusedError):
        await program.call.answer("another", "yes")
    await program.call.answer(request, "yes")
    with pytest.raises(CallRefusedError):
        await program.call.answer(request, "yes")
    resolved = [line for line in await program.record() if line["type"] == "resolved"]
    assert [(line["id"], line["option"], line["by"]) for line in resolved] == [(request, "yes", "call")]


async def test_P4_after_a_call_without_an_answer_its_word_is_final(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acp_call, "BOUND", 0.2)
    with pytest.raises(CallLostError):
        await program.loses("k1")
    monkeypatch.undo()
    had = await program.call.has("k1")
    assert await program.call.has("k1") == had
    if not had:
        assert await prompts(program) == []
        await program.call.submit("k1", "k1", joins=False)
    await program.call.submit("k1", "k1", joins=False)
    assert await prompts(program) == [("k1", "k1")]


async def test_who_follows_is_told_of_what_the_record_gets(program: Program) -> None:
    told: list[int] = []
    if isinstance(program, Memory):
        await program.call.follow(lambda _lines: told.append(1))
        await program.ends("k1")
        assert told
        return
    following = asyncio.ensure_future(program.call.follow(lambda _lines: told.append(1)))
    await eventually(lambda: told, timeout=PATIENCE, why="the connection is made")
    for key in ("k1", "k2"):
        before = len(told)
        await program.ends(key)
        await eventually(lambda before=before: len(told) >= before + 4, timeout=PATIENCE, why="four lines")
        before = len(told)
        program.client.caller()  # which takes its place
        await eventually(lambda before=before: len(told) > before, timeout=PATIENCE, why="it is made again")
    following.cancel()


async def test_a_program_that_is_not_there_refuses(home: Home) -> None:
    call = AcpCall(home.work / "nothing")
    with pytest.raises(CallRefusedError, match="No such file"):
        await call.submit("k", "text", joins=False)
    await call.close()
    with pytest.raises(CallRefusedError):
        await call.has("k")
