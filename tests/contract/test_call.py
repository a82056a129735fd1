"""Each way to call a program keeps the same promises: the twin, an ACP agent, and the APIs of two programs.

The agent behind the client of ACP is the demo agent; OpenCode's server and a Codex app-server have stand-ins.
"""

from collections.abc import AsyncIterator

import pytest

from roost.runtimes import acp_call, opencode_api, opencode_call
from roost.runtimes.acp_call import AcpCall
from roost.runtimes.call import CallLostError, CallRefusedError
from roost.runtimes.codex_server import thread as threads
from roost.runtimes.codex_server import turns
from tests.support import callable_programs
from tests.support.callable_programs import PROGRAMS, Memory, Program
from tests.support.home import Home
from tests.support.wait import eventually

pytestmark = pytest.mark.real
PATIENCE = 30.0


@pytest.fixture(params=PROGRAMS)
async def program(
    home: Home, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Program]:
    monkeypatch.setattr(opencode_call, "SETTLE", 0.1)
    monkeypatch.setattr(threads, "SETTLED", 0.1)
    async with PROGRAMS[request.param](home) as made:
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
    for joins in (False, True):
        with pytest.raises(CallRefusedError):
            await program.call.submit("k2", "second", joins=joins)
    with pytest.raises(CallRefusedError):
        await program.call.answer("another", program.yes)
    await program.call.answer(request, program.yes)
    with pytest.raises(CallRefusedError):
        await program.call.answer(request, program.yes)

    async def resolved() -> list[tuple[str, str, str]]:
        found = [each for each in await program.record() if each["type"] == "resolved"]
        return [(each["id"], each["option"], each.get("by", "call")) for each in found]

    await eventually(resolved, timeout=PATIENCE, why="it has its answer")
    assert await resolved() == [(request, program.yes, "call")]


async def test_P7_a_conversation_is_compacted(program: Program) -> None:
    if isinstance(program, Memory):
        with pytest.raises(CallRefusedError, match="cannot compact"):
            await program.call.compact()
        return
    await program.ends("k1")
    await program.call.compact()

    async def compacted() -> list[object]:
        return [each for each in await program.record() if each["type"] == "compacted"]

    await eventually(compacted, timeout=PATIENCE, why="its record tells that")
    await program.ends("k2")
    assert [key for key, _ in await prompts(program) if key] == ["k1", "k2"], "its command has no key"


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "given again at once"])
async def test_P4_after_a_call_without_an_answer_its_word_is_final(
    program: Program, monkeypatch: pytest.MonkeyPatch, *, asked: bool
) -> None:
    monkeypatch.setattr(acp_call, "BOUND", 0.2)
    monkeypatch.setattr(opencode_api, "ANSWER", 0.2)
    with pytest.raises(CallLostError):
        await program.loses("k1")
    monkeypatch.undo()
    if not asked:
        await program.call.submit("k1", "k1", joins=False)
        assert await prompts(program) == [("k1", "k1")]
        return
    had = await program.call.has("k1")
    assert await program.call.has("k1") == had
    if not had:
        assert await prompts(program) == []
        await program.call.submit("k1", "k1", joins=False)
    await program.call.submit("k1", "k1", joins=False)
    assert await prompts(program) == [("k1", "k1")]


async def test_who_follows_is_told_of_what_the_record_gets(program: Program) -> None:
    """Also over a connection that broke and was made again."""
    for key in ("k1", "k2"):
        before = len(program.told)
        await program.ends(key)
        await eventually(
            lambda before=before: len(program.told) > before, timeout=PATIENCE, why="the turn is told of"
        )
        before = len(program.told)
        if await program.breaks():
            await eventually(
                lambda before=before: len(program.told) > before, timeout=PATIENCE, why="it is made again"
            )


@pytest.mark.parametrize("another", [False, True], ids=["at rest", "another turn runs"])
async def test_P4_a_turn_that_ends_while_its_thread_is_joined_does_not_run(
    home: Home, monkeypatch: pytest.MonkeyPatch, *, another: bool
) -> None:
    """The first page shows it as running; before the next one it ends, and another may begin."""
    monkeypatch.setattr(threads, "SETTLED", 0.1)
    monkeypatch.setattr(turns, "PAGE", 1)
    async with callable_programs.thread(home) as program:
        await program.ends("k1")
        await program.stays("k2")
        server = program.server
        server.meanwhile = [lambda thread: server.end(thread, "completed")]
        server.meanwhile += [server.begin] if another else []
        before = len(program.told)
        await program.breaks()
        await eventually(lambda: threads.JOINED in str(program.told[before:]), timeout=PATIENCE, why="joined")
        assert not server.meanwhile
        if another:
            with pytest.raises(CallRefusedError, match="in a turn"):
                await program.call.submit("k3", "third", joins=False)
        await program.call.submit("k3", "third", joins=another)
        assert [key for key, _ in await prompts(program)] == ["k1", "k2", "k3"]
        await program.call.close()


async def test_a_program_that_is_not_there_refuses(home: Home) -> None:
    call = AcpCall(home.work / "nothing")
    with pytest.raises(CallRefusedError, match="No such file"):
        await call.submit("k", "text", joins=False)
    await call.close()
    with pytest.raises(CallRefusedError):
        await call.has("k")
