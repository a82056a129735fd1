"""N4, P2: OpenCode's API with faults: a key is one prompt, and what is not known is said to be lost."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, WakeCause
from roost.runtimes import opencode_api, opencode_call, opencode_stream
from roost.runtimes.call import CallLostError, CallRefusedError
from roost.runtimes.context import Context
from roost.runtimes.opencode_api import DOOR
from roost.runtimes.opencode_call import OpencodeCall
from tests.support.fake_opencode import PASSWORD, FakeOpencode, fake_opencode
from tests.support.wait import eventually

CONVERSATION = "ses_1"
PATIENCE = 10.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencode_call, "SETTLE", 0.2)
    monkeypatch.setattr(opencode_call, "STORED", 0.5)
    monkeypatch.setattr(opencode_stream, "GONE", 0.05)
    monkeypatch.setattr(opencode_stream, "JOIN", 0.01)


def call_of(folder: Path, port: int, password: str = PASSWORD) -> OpencodeCall:
    (folder / DOOR).write_text(json.dumps({"port": port, "password": password}))
    session = Session("s", "a", 1, "n", WakeCause.FIRST_WAKE, False, 0.0, 0.0, conversation=CONVERSATION)
    settings = Settings(dir=str(folder), runtime="opencode")
    return OpencodeCall(Context(session, settings, folder, folder, {}, "http://127.0.0.1:1", folder / "s"))


@asynccontextmanager
async def called(folder: Path) -> AsyncIterator[tuple[FakeOpencode, OpencodeCall]]:
    async with fake_opencode() as server:
        server.sessions.add(CONVERSATION)
        yield server, call_of(folder, server.port)


class Ear:
    """What a call passed on."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def __call__(self, lines: Sequence[bytes]) -> None:
        self.lines += [json.loads(each) for each in lines]

    def kinds(self) -> list[str]:
        return [str(each["type"]) for each in self.lines]

    async def until(self, there: Callable[[list[dict[str, Any]]], bool]) -> None:
        await eventually(lambda: there(self.lines), timeout=PATIENCE, why="it is heard", describe=self.kinds)


@asynccontextmanager
async def followed(call: OpencodeCall) -> AsyncIterator[Ear]:
    ear = Ear()
    async with asyncio.TaskGroup() as group:
        following = group.create_task(call.follow(ear))
        try:
            yield ear
        finally:
            following.cancel()


async def test_a_key_is_one_prompt_however_often_it_is_asked(tmp_path: Path) -> None:
    async with called(tmp_path) as (server, call):
        for _ in range(3):
            await call.submit("key", "text", joins=False)
        await call_of(tmp_path, server.port).submit("key", "text", joins=False)
        assert [each["parts"][0]["text"] for each in server.messages.values()] == ["text"]
        assert server.asked.count(f"POST /session/{CONVERSATION}/prompt_async") == 1
        await call.submit("another", "text", joins=True)
        assert len(server.messages) == 2


async def test_a_prompt_counts_as_taken_when_it_is_stored(tmp_path: Path) -> None:
    """OpenCode 1.18.33 may answer before."""
    async with called(tmp_path) as (server, call):
        server.late = 0.1
        await call.submit("key", "text", joins=False)
        assert server.messages
        server.late = 5.0
        with pytest.raises(CallLostError, match="not stored"):
            await call.submit("later", "text", joins=False)


async def test_what_is_certain_is_refused_and_what_is_not_is_lost(tmp_path: Path) -> None:
    async def submit(call: OpencodeCall) -> None:
        await call.submit("key", "text", joins=False)

    cases: list[tuple[int | str, type[Exception]]] = [
        ("drop", CallLostError),
        ("cut", CallLostError),
        (500, CallLostError),
        (400, CallRefusedError),
    ]
    for fault, expected in cases:
        async with called(tmp_path) as (server, call):
            server.faults["prompt_async"] = fault
            with pytest.raises(expected):
                await submit(call)
            assert await call.has("key") is (fault == "cut"), fault
            await submit(call)
            assert len(server.messages) == 1, fault
    async with fake_opencode() as server:
        port = server.port
    with pytest.raises(CallRefusedError, match="cannot be reached"):
        await submit(call_of(tmp_path, port))


async def test_a_program_that_is_gone_after_it_accepted_a_prompt_may_have_it(tmp_path: Path) -> None:
    async with called(tmp_path) as (server, call):
        server.late, server.ends_after = 5.0, "prompt_async"
        with pytest.raises(CallLostError, match="accepted"):
            await call.submit("key", "text", joins=False)


async def test_a_prompt_waits_for_a_turn_that_it_may_not_join_and_for_an_answer(tmp_path: Path) -> None:
    async with called(tmp_path) as (server, call), followed(call) as ear:
        server.status[CONVERSATION] = {"type": "busy"}
        await ear.until(lambda lines: bool(lines) and lines[-1].get("is") == "busy")
        with pytest.raises(CallRefusedError, match="in a turn"):
            await call.submit("key", "text", joins=False)
        await call.submit("urgent", "text", joins=True)
        server.tell(
            "permission.asked", sessionID=CONVERSATION, id="per_1", permission="bash", patterns=["id"]
        )
        await ear.until(lambda lines: lines[-1].get("texts") == ["bash: id"])
        with pytest.raises(CallRefusedError, match="it asks: bash: id"):
            await call.submit("key", "text", joins=True)
        assert len(server.messages) == 1


async def test_an_end_of_an_earlier_turn_does_not_end_the_one_that_runs(tmp_path: Path) -> None:
    """Events that wait in the connection may be older than what was read after it was made."""
    idle = {"type": "idle"}
    async with called(tmp_path) as (server, call), followed(call) as ear:
        server.status[CONVERSATION] = {"type": "busy"}
        await ear.until(lambda lines: bool(lines) and lines[-1].get("is") == "busy")
        server.tell("session.status", sessionID=CONVERSATION, status=idle)
        server.tell("session.error", sessionID=CONVERSATION, error={"name": "a-later-one"})
        await ear.until(lambda lines: lines[-1]["type"] == "error")
        assert ear.kinds()[-2:] == ["status", "error"]
        assert ear.lines[-2]["is"] == "busy"
        server.status.clear()
        server.tell("session.status", sessionID=CONVERSATION, status=idle)
        await ear.until(lambda lines: lines[-1].get("is") == "idle")


async def test_an_answer_that_does_not_come_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opencode_api, "ANSWER", 0.1)
    async with called(tmp_path) as (server, call):
        server.faults["prompt_async"] = "hang"
        with pytest.raises(CallLostError, match="too long"):
            await asyncio.wait_for(call.submit("key", "text", joins=False), PATIENCE)


async def test_a_prompt_that_is_still_on_its_way_is_waited_for(tmp_path: Path) -> None:
    """A daemon was killed in the middle of its request; the program has that in its hands."""
    async with called(tmp_path) as (server, call):
        server.late = 0.1
        server.faults["prompt_async"] = "cut"
        with pytest.raises(CallLostError):
            await call.submit("key", "text", joins=False)
        assert not server.messages
        assert await call_of(tmp_path, server.port).has("key")


async def test_a_conversation_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    async with called(tmp_path) as (server, call):
        server.sessions.clear()
        await call.submit("key", "text", joins=False)
        assert server.sessions == {CONVERSATION}


async def test_another_program_on_its_port_is_named(tmp_path: Path) -> None:
    async with fake_opencode() as server:
        with pytest.raises(CallRefusedError, match="taken by another program"):
            await call_of(tmp_path, server.port, "another").submit("key", "text", joins=False)


async def test_an_answer_to_what_it_does_not_ask_is_refused(tmp_path: Path) -> None:
    async with called(tmp_path) as (server, call):
        await call.answer("per_there", "once")
        with pytest.raises(CallRefusedError, match="not found: per_gone"):
            await call.answer("per_gone", "once")
        await call.answer("que_there", "Red")
        await call.answer("que_there", "reject")
        assert server.asked[-2:] == ["POST /question/que_there/reply", "POST /question/que_there/reject"]


async def test_what_it_holds_comes_first_and_its_events_after(tmp_path: Path) -> None:
    async with called(tmp_path) as (server, call):
        await call.submit("before", "the first", joins=False)
        async with followed(call) as ear:
            await ear.until(lambda lines: any(each["type"] == "status" for each in lines))
            assert ear.kinds() == ["conversation", "user", "asks", "beside", "status"]
            await call.submit("after", "the second", joins=False)
            await ear.until(lambda lines: lines[-1]["type"] == "user")
            assert ear.lines[-1]["text"] == "the second"
            server.tell("session.status", sessionID=CONVERSATION, status={"type": "busy"})
            await ear.until(lambda lines: lines[-1].get("is") == "busy")


async def test_a_connection_that_breaks_is_made_again_and_what_was_missed_is_read(tmp_path: Path) -> None:
    async with called(tmp_path) as (server, call), followed(call) as ear:
        await ear.until(lambda lines: any(each["type"] == "status" for each in lines))
        await server.stop()
        await ear.until(lambda lines: lines[-1]["type"] == "lost")
        assert ear.kinds().count("lost") == 1
        server.store(CONVERSATION, {"messageID": "msg_x", "parts": [{"type": "text", "text": "missed"}]})
        server.status[CONVERSATION] = {"type": "busy"}
        await server.start()
        await ear.until(lambda lines: lines[-1].get("is") == "busy")
        again = ear.kinds()[ear.kinds().index("lost") + 1 :]
        assert again == ["conversation", "user", "asks", "beside", "status"]


@pytest.mark.parametrize("fault", ["drop", 500])
async def test_a_snapshot_that_fails_is_asked_for_again(tmp_path: Path, fault: int | str) -> None:
    async with called(tmp_path) as (server, call):
        server.faults = {"message": fault, "permission": fault}
        async with followed(call) as ear:
            await ear.until(lambda lines: bool(lines) and lines[-1]["type"] == "status")
            told = [kind for kind in ear.kinds() if kind != "lost"]  # that it took long is told, too
            assert told == ["conversation", "asks", "beside", "status"]


async def test_a_server_that_begins_anew_is_read_again_at_once(tmp_path: Path) -> None:
    async with called(tmp_path) as (server, call), followed(call) as ear:
        await ear.until(lambda lines: bool(lines) and lines[-1]["type"] == "status")
        server.tell("server.instance.disposed", directory="/w")
        await ear.until(lambda lines: [each["type"] for each in lines].count("conversation") == 2)
        assert "lost" not in ear.kinds()


async def test_a_fresh_terminal_is_brought_to_the_conversation_until_a_person_is_elsewhere(
    tmp_path: Path,
) -> None:
    select = "POST /tui/select-session"
    async with called(tmp_path) as (server, call), followed(call) as ear:
        await ear.until(lambda lines: bool(lines) and lines[-1]["type"] == "status")
        assert server.asked.count(select) == 1
        server.tell("server.heartbeat")
        await eventually(lambda: server.asked.count(select) == 2, timeout=PATIENCE, why="it is asked again")
        server.tell("session.created", sessionID="ses_other", info={"id": "ses_other"})
        server.tell("server.heartbeat")
        server.tell("session.status", sessionID=CONVERSATION, status={"type": "busy"})
        await ear.until(lambda lines: lines[-1].get("is") == "busy")
        assert server.asked.count(select) == 2


async def test_a_terminal_with_a_conversation_is_left_where_it_is(tmp_path: Path) -> None:
    async with called(tmp_path) as (server, call):
        await call.submit("key", "text", joins=False)
        async with followed(call) as ear:
            await ear.until(lambda lines: bool(lines) and lines[-1]["type"] == "status")
            assert "POST /tui/select-session" not in server.asked


async def test_a_door_that_cannot_be_read_is_no_message_lost(tmp_path: Path) -> None:
    call = call_of(tmp_path, 1)
    (tmp_path / DOOR).write_text("{")
    refused: Awaitable[None] = call.submit("key", "text", joins=False)
    with pytest.raises(CallRefusedError, match=DOOR):
        await refused
