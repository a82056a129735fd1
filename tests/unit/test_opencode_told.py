"""What OpenCode 1.18.33 tells, by events and by pages: whose it is, what is heard of it, how much is kept."""

import asyncio
import json
import secrets
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, WakeCause
from roost.runtimes import opencode_http, opencode_lines, opencode_sensor, opencode_store, opencode_stream
from roost.runtimes.call import CallLostError, CallRefusedError
from roost.runtimes.context import Context
from roost.runtimes.opencode import OpencodeRuntime
from roost.runtimes.opencode_api import DOOR
from roost.runtimes.opencode_call import OpencodeCall, message_id
from roost.runtimes.opencode_events import Events, is_noise
from roost.runtimes.opencode_http import Door
from roost.runtimes.opencode_sensor import OpencodeSensor
from tests.support.fake_opencode import PASSWORD, FakeOpencode, fake_opencode
from tests.support.wait import eventually, wait_until

OURS, OTHER = "ses_1", "ses_other"
PATIENCE = 10.0
Entry = dict[str, Any]


def context(folder: Path, began: float = 0.0) -> Context:
    session = Session("s", "a", 1, "n", WakeCause.FIRST_WAKE, False, began, 0.0, conversation=OURS)
    settings = Settings(str(folder), "opencode")
    return Context(session, settings, folder, folder, {}, "http://127.0.0.1:1", folder / "s")


@asynccontextmanager
async def called(folder: Path, began: float = 0.0) -> AsyncIterator[tuple[FakeOpencode, OpencodeCall]]:
    async with fake_opencode() as server:
        server.sessions.add(OURS)
        (folder / DOOR).write_text(json.dumps({"port": server.port, "password": PASSWORD}))
        yield server, OpencodeCall(context(folder, began))


@asynccontextmanager
async def heard(call: OpencodeCall) -> AsyncIterator[list[Entry]]:
    """Its lines, once all that its API holds was read."""
    lines: list[Entry] = []
    following = asyncio.ensure_future(call.follow(lambda more: lines.extend(map(json.loads, more))))
    try:
        await until(lines, "status", 1)
        yield lines
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def until(lines: list[Entry], kind: str, count: int) -> None:
    await eventually(
        lambda: [line["type"] for line in lines].count(kind) >= count,
        timeout=PATIENCE,
        why=f"{count} x {kind}",
        describe=lambda: lines,
    )


def event(kind: str, session: str = OURS, **properties: object) -> Entry:
    return {"type": kind, "properties": {"sessionID": session, **properties}}


def user(name: str, at: float = 1.0) -> Entry:
    return {"id": name, "role": "user", "sessionID": OURS, "time": {"created": at * 1000}}


def kinds(teller: Events, *told: Entry) -> list[str]:
    return [json.loads(line)["type"] for each in told for line in teller.lines(each)]


def test_what_another_conversation_tells_is_none_of_ours() -> None:
    teller = Events(OURS)
    step = {"id": "m2", "role": "assistant", "time": {"created": 1000}}
    assert kinds(teller, event("message.updated", OTHER, info=step)) == []
    assert kinds(teller, event("session.error", OTHER, error={"name": "X"})) == []
    assert kinds(teller, event("message.updated", info=step)) == ["assistant"]


def test_the_end_of_another_turn_leaves_what_ours_asks() -> None:
    teller = Events(OURS)
    teller.lines(event("permission.asked", id="per_1", permission="bash", patterns=["id"]))
    teller.lines(event("session.status", OTHER, status={"type": "busy"}))
    teller.lines(event("session.status", OTHER, status={"type": "idle"}))
    assert teller.hinders(joins=True) == "it asks: bash: id"
    teller.lines(event("session.status", status={"type": "idle"}))
    assert teller.hinders(joins=True) is None


def test_a_subagents_conversation_is_not_one_that_a_person_began() -> None:
    teller = Events(OURS)
    teller.lines(event("session.created", "ses_sub", info={"id": "ses_sub", "parentID": OURS}))
    assert not teller.elsewhere
    teller.lines(event("session.created", OTHER, info={"id": OTHER}))
    assert teller.elsewhere


def test_a_prompt_is_its_text_and_nothing_else_of_it() -> None:
    """What the program adds is synthetic; a file that is named is a part of its own."""
    teller = Events(OURS)
    teller.lines(event("message.updated", info=user("m1")))
    parts = [
        {"id": "p1", "messageID": "m1", "type": "text", "text": "mine"},
        {"id": "p2", "messageID": "m1", "type": "text", "text": "added", "synthetic": True},
    ]
    told = [line for part in parts for line in teller.lines(event("message.part.updated", part=part))]
    assert [json.loads(line)["text"] for line in told] == ["mine", "mine"]
    file = {"id": "p3", "messageID": "m1", "type": "file", "url": "file:///x"}
    assert kinds(teller, event("message.part.updated", part=file)) == []


def test_only_so_many_prompts_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    teller = Events(OURS)
    for number in range(100):
        teller.lines(event("message.updated", info=user(f"m{number}")))

    def part(number: int) -> Entry:
        about = {"id": "p", "messageID": f"m{number}", "type": "text", "text": "late"}
        return event("message.part.updated", part=about)

    assert [kinds(teller, part(number)) for number in (35, 36)] == [[], ["user"]]
    monkeypatch.setattr(opencode_sensor, "_KEPT", 2)
    sensor = OpencodeSensor(context(tmp_path))
    sensor.on_lines([opencode_lines.user(user(f"m{number}"), f"{number}") for number in range(5)])
    facts = sensor.on_lines([opencode_lines.line("end")])
    assert [getattr(fact, "text", "") for fact in facts] == ["3", "4"]


def test_a_piece_of_an_answer_is_told_apart_by_its_head() -> None:
    assert is_noise(b'{"type":"message.part.delta","properties":{}}')
    assert not is_noise(b'{"type":"message.updated","properties":{"about":"' + b"x" * 200 + b'"}}')


def test_ids_are_unique_over_all_conversations_of_a_user() -> None:
    assert message_id(OURS, "key") == message_id(OURS, "key")
    assert len({message_id(OURS, "key"), message_id(OTHER, "key"), message_id(OURS, "another")}) == 3


async def test_P7_what_waited_for_a_turn_that_is_interrupted_is_begun_again_as_it_was(tmp_path: Path) -> None:
    async with called(tmp_path) as (server, call):
        aborted = {"name": "MessageAbortedError", "data": {"message": "Aborted"}}
        step = {"id": "m1", "role": "assistant", "sessionID": OURS, "time": {"created": 1, "completed": 2}}
        waits = {"info": user("m2"), "parts": [{"id": "p", "type": "text", "text": "waits"}]}
        server.messages = {"m1": {"info": {**step, "error": aborted}, "parts": []}, "m2": waits}
        server.permissions = [{"id": "per_1", "sessionID": OURS, "permission": "bash"}]
        await call.interrupt()
        acts = [asked for asked in server.asked if asked.startswith("POST")]
        assert acts[:2] == [f"POST /session/{OURS}/abort", "POST /permission/per_1/reply"]
        assert server.asked[-1] == f"POST /session/{OURS}/prompt_async"
        await eventually(lambda: server.messages["m2"] is not waits, timeout=PATIENCE, why="it is given")
        assert server.messages["m2"]["parts"] == waits["parts"]
        server.asked.clear()
        server.messages["m1"]["info"].update(error=None, finish="stop")
        await call.interrupt()
        assert f"POST /session/{OURS}/prompt_async" not in server.asked, "nothing was broken off"


async def test_P7_a_conversation_without_an_answer_has_nothing_to_compact(tmp_path: Path) -> None:
    async with called(tmp_path) as (_, call):
        with pytest.raises(CallRefusedError, match="nothing to compact"):
            await call.compact()


async def test_all_pages_are_read_in_order_as_far_back_as_the_session_goes(tmp_path: Path) -> None:
    def fill(server: FakeOpencode) -> None:
        server.page = 2
        for number in range(7):
            parts = [{"id": f"p{number}", "type": "text", "text": f"{number}"}]
            server.messages[f"m{number}"] = {"info": user(f"m{number}", number), "parts": parts}

    async with called(tmp_path) as (server, call):
        fill(server)
        async with heard(call) as lines:
            assert [line["text"] for line in lines if line["type"] == "user"] == [*"0123456"]
    async with called(tmp_path, began=4.5) as (server, call):
        fill(server)
        async with heard(call) as lines:
            assert [line["text"] for line in lines if line["type"] == "user"] == [*"3456"]


async def test_events_that_end_or_never_do_are_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opencode_stream, "JOIN", 0.01)
    async with called(tmp_path) as (server, call), heard(call) as lines:
        server.end_events()
        await until(lines, "conversation", 2)
        monkeypatch.setattr(opencode_http, "MOST", 100_000)
        server.tell("session.status", sessionID=OURS, status={"type": "retry", "message": "x" * 10_000_000})
        await until(lines, "conversation", 3)
        assert not [line for line in lines if line.get("is") == "retry"]


async def test_an_answer_without_an_end_and_events_that_are_refused_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with called(tmp_path) as (server, call):
        server.faults["event"] = 404
        with pytest.raises(CallRefusedError, match=r"refuses its events \(404\)"):
            async with opencode_http.events(Door(server.port, PASSWORD), "/event"):
                pass
        monkeypatch.setattr(opencode_http, "MOST", 100_000)
        server.messages["m"] = {"info": user("m"), "parts": [{"type": "text", "text": "x" * 1_000_000}]}
        with pytest.raises(CallLostError, match="hung up"):
            await call.interrupt()


async def test_what_was_known_of_a_turn_counts_no_more_where_nothing_is_heard(tmp_path: Path) -> None:
    """The program itself takes a prompt at any time: a turn of long ago holds nothing back."""
    async with called(tmp_path) as (server, call), heard(call) as lines:
        server.tell("session.status", sessionID=OURS, status={"type": "busy"})
        await until(lines, "status", 2)
        with pytest.raises(CallRefusedError, match="in a turn"):
            await call.submit("key", "text", joins=False)
        server.faults["health"] = "hang"
        server.hang_up()
        await eventually(lambda: "health" not in server.faults, timeout=PATIENCE, why="it is asked again")
        await call.submit("key", "text", joins=False)


async def test_a_call_that_is_closed_hears_no_more(tmp_path: Path) -> None:
    async with called(tmp_path) as (server, call):
        lines: list[Entry] = []
        following = asyncio.ensure_future(call.follow(lambda more: lines.extend(map(json.loads, more))))
        await until(lines, "status", 1)
        await call.close()
        server.tell("session.status", sessionID=OURS, status={"type": "busy"})
        await asyncio.wait_for(following, PATIENCE)
        assert [line["is"] for line in lines if line["type"] == "status"] == ["idle"]


def test_a_port_that_somebody_has_is_not_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port, choose = taken.getsockname()[1], secrets.choice
        tried = [port]
        monkeypatch.setattr(secrets, "choice", lambda ports: tried.pop() if tried else choose(ports))
        argv = OpencodeRuntime().plan(context(tmp_path)).argv
    assert not tried
    assert argv[1] == "--port"
    assert argv[2] != str(port)


def test_lines_that_were_written_out_are_kept_for_a_while(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, folder = tmp_path / "home", tmp_path / "records"
    path = opencode_store.database({"HOME": str(home)})
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as store, store:
        store.execute("CREATE TABLE message (id, session_id, time_created, time_updated, data)")
        store.execute("CREATE TABLE part (id, message_id, data)")
        data = json.dumps({"role": "assistant", "time": {"created": 1}})
        store.executemany(
            "INSERT INTO message VALUES (?, ?, 1, 1, ?)", [("m", OURS, data), ("n", OTHER, data)]
        )
    environ = {"HOME": str(home)}
    (old,) = opencode_store.written_out(environ, folder, OTHER)
    opencode_store.written_out(environ, folder, OURS)
    assert old.exists()
    monkeypatch.setattr(opencode_store, "KEPT", 0.0)

    def gone() -> bool:
        (ours,) = opencode_store.written_out(environ, folder, OURS)
        assert ours.exists()
        return not old.exists()

    wait_until(gone, timeout=PATIENCE, why="the time of files has gone on")
