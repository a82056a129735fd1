"""The parts of the ACP client that need no process: lines, JSON-RPC, updates, history, questions, records."""

import errno
import json
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from roost.acp import calls
from roost.acp.calls import Calls
from roost.acp.folder import BadIdError, folder_name
from roost.acp.history import History
from roost.acp.loop import Loop
from roost.acp.options import UsageError, parse
from roost.acp.questions import Option, Questions
from roost.acp.record import Record
from roost.acp.rpc import Answer, Asked, Noise, Rpc, Told
from roost.acp.status import Status
from roost.acp.stream import Lines
from roost.acp.turns import Done, Turns
from roost.acp.updates import Piece, Reader, is_answer, permission_text

# lines


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_lines_come_whole_however_their_bytes_come(size: int) -> None:
    text = b"one\n\ntwo two\nthree\n"
    lines = Lines(100)
    found = [line for at in range(0, len(text), size) for line in lines.feed(text[at : at + size])]
    assert found == [b"one", b"", b"two two", b"three"]


@pytest.mark.parametrize("size", [1, 4, 64])
def test_a_line_without_bound_is_passed_over_and_takes_no_memory(size: int) -> None:
    lines = Lines(10)
    text = b"short\n" + b"x" * 50 + b"\n" + b"y" * 11 + b"\nlast\n"
    found = [line for at in range(0, len(text), size) for line in lines.feed(text[at : at + size])]
    assert found == [b"short", b"last"]
    assert lines.skipped == 2
    list(lines.feed(b"z" * 1000))
    assert len(lines._buffer) == 0


# JSON-RPC


def test_answers_find_their_requests_and_errors_keep_their_words() -> None:
    sent: list[bytes] = []
    heard: list[Answer] = []
    rpc = Rpc(sent.append)
    for _ in range(4):
        rpc.request("do", {"text": "\u2028ä\ud800"}, heard.append)
    assert b"\xe2\x80\xa8" not in sent[0]
    assert json.loads(sent[0]) == {"jsonrpc": "2.0", "id": 1, "method": "do", "params": {"text": "\u2028ä?"}}
    for line in (
        '{"id": 2, "result": {"a": 1}}',
        '{"id": 1, "error": {"code": -5, "message": "no", "data": {"details": "because"}}}',
        '{"id": 3, "result": null}',
        '{"id": 4, "error": "bare"}',
    ):
        assert rpc.receive(line.encode()) is None
    assert heard == [Answer({"a": 1}), Answer({}, "no: because", -5), Answer({}), Answer({}, "bare")]


@pytest.mark.parametrize(
    "line", [b"42", b"[]", b"null", b"hello", b"\xff\xfe", b"{}", b'{"id": 9}', b'{"id": []}', b"[" * 100_000]
)
def test_what_is_no_message_is_noise_and_no_error(line: bytes) -> None:
    assert isinstance(Rpc(lambda _line: None).receive(line), Noise)


def test_requests_and_notifications_of_the_other_side_are_told_apart() -> None:
    rpc = Rpc(lambda _line: None)
    assert rpc.receive(b'{"id": "x", "method": "m", "params": {"a": 1}}') == Asked("x", "m", {"a": 1})
    assert rpc.receive(b'{"method": "m", "params": [1]}') == Told("m", {})
    assert rpc.receive(b"  ") is None


# what an agent tells


def chunk(kind: str, text: str, **more: object) -> dict[str, Any]:
    return {"sessionUpdate": kind, "content": {"type": "text", "text": text}, **more}


def test_updates_become_text_for_people() -> None:
    reader = Reader()
    call = {"sessionUpdate": "tool_call", "toolCallId": "1", "title": "Read\n a file", "kind": "read"}
    done = {"sessionUpdate": "tool_call_update", "toolCallId": "1", "status": "completed"}
    plan = {"sessionUpdate": "plan", "entries": [{"content": "a", "status": "completed"}, {"content": "b"}]}
    assert reader.read(chunk("agent_message_chunk", "hi")) == [Piece("< ", "hi", streams=True)]
    assert reader.read(call) == [Piece("* ", "Read a file")]
    assert reader.read({**done, "status": "in_progress"}) == []
    assert reader.read(done) == [Piece("* ", "Read a file: completed")]
    assert reader.read(plan) == [Piece("- ", "[x] a"), Piece("- ", "[ ] b")]
    for odd in ({}, {"sessionUpdate": 5}, {"sessionUpdate": "new"}, {"sessionUpdate": "plan", "entries": 5}):
        assert reader.read(odd) == []
        assert not is_answer(odd) or odd.get("sessionUpdate") == "plan"


def test_a_permission_says_what_is_to_be_run() -> None:
    call = {"title": "Run", "rawInput": {"command": "rm  -rf\n/"}}
    assert permission_text({"toolCall": call}) == "Run: rm -rf /"
    assert permission_text({"toolCall": {"title": "rm", "rawInput": {"command": "rm"}}}) == "rm"
    assert permission_text({}) == "something that needs permission"


def test_pieces_of_one_earlier_prompt_are_one_and_what_comes_between_two_parts_them() -> None:
    history = History()
    for update in (
        chunk("user_message_chunk", "a"),
        chunk("user_message_chunk", "b"),
        chunk("agent_message_chunk", "x"),
        chunk("user_message_chunk", "c", messageId="1"),
        chunk("user_message_chunk", "d", messageId="2"),
    ):
        history.take(update)
    assert history.prompts == ["ab", "c", "d"]


# questions


def test_questions_are_answered_once_by_their_own_options() -> None:
    changes: list[int] = []
    questions = Questions(lambda: changes.append(1))
    resolved: list[object] = []
    first = questions.ask("may I?", [Option("y", "Yes")], resolved.append)
    second = questions.ask("and?", [Option("y", "Yes")], resolved.append)
    assert (questions.first, questions.more) == (first, 1)
    assert "its options are y" in (questions.answer(first.id, "n") or "")
    assert questions.answer(second.id, "y") is None
    assert "does not ask" in (questions.answer(second.id, "y") or "")
    questions.withdraw_all()
    assert resolved == ["y", None]
    assert questions.first is None


# folders, options


def test_any_id_of_a_conversation_makes_a_folder_of_its_own_and_no_other_path() -> None:
    for odd in ("..", ".", "a/b", "../x", "a b", "ä", ".hidden", "-x", "%2E"):
        assert "/" not in folder_name(odd)
        assert not folder_name(odd).startswith(".")
    assert len({folder_name(each) for each in ("a/b", "a%2Fb", "a b", "ab")}) == 4
    for bad in ("", "x" * 300, "a\ud800"):
        with pytest.raises(BadIdError):
            folder_name(bad)


@pytest.mark.parametrize(
    "words",
    ["", "--folder f", "--folder f --socket s", "--what x -- p", "--folder f --socket s --meta [1] -- p"],
)
def test_a_command_line_that_makes_no_sense_is_told_of(words: str) -> None:
    with pytest.raises(UsageError):
        parse(words.split())


# the record, on a disk that is full at times


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int | None]]:
    """How many bytes each next write takes (None: an error); everything once the list is empty."""
    script: list[int | None] = []
    write = os.write

    def some(descriptor: int, data: Any) -> int:  # noqa: ANN401
        if not script:
            return write(descriptor, data)
        count = script.pop(0)
        if count is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, bytes(data)[:count])

    monkeypatch.setattr(os, "write", some)
    yield script
    script.clear()


def test_a_record_keeps_its_lines_whole_and_in_order_through_a_full_disk(
    tmp_path: Path, full: list[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roost.acp.record._AGAIN", 0.0)
    loop, heard = Loop(), list[bytes]()
    record = Record(loop, str(tmp_path), "s", heard.append)
    record.open("c", [("session", {"conversation": "c"})])
    done: list[str] = []
    full.extend((5, None, 7, None))
    record.note("one", then=lambda: done.append("one"))
    assert (record.trouble, done) == (os.strerror(errno.ENOSPC), [])
    assert not record.note_now("never"), "what cannot stand there now is not to stand there later"
    record.note("two")
    while len(heard) < 3:
        loop.step()
    found = [json.loads(line)["type"] for line in (tmp_path / "c/s.jsonl").read_bytes().splitlines()]
    assert found == ["session", "one", "two"]
    assert (record.trouble, done) == ("", ["one"])
    full.extend((5, None))
    assert not record.note_now("torn")
    record.note("three")
    while len(heard) < 5:
        loop.step()
    assert record.note_now("four")
    lines = (tmp_path / "c/s.jsonl").read_bytes().splitlines()
    assert [json.loads(line)["type"] for line in lines[4:]] == ["three", "four"]
    assert lines[3] == b'{"typ', "a line that was given up is none"


def test_a_status_file_that_could_not_be_written_is_written_later(
    tmp_path: Path, full: list[int | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roost.acp.status._AGAIN", 0.0)
    loop = Loop()
    status = Status(loop, str(tmp_path), "s")
    status.show(state="idle")
    full.append(3)
    status.show(state="busy")
    path = tmp_path / "status" / f"{os.getpid()}.json"
    assert json.loads(path.read_text())["state"] == "idle", "never half a file"
    loop.step()
    assert json.loads(path.read_text())["state"] == "busy"


# turns


class SilentAgent:
    """It reads when it is told to."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def when_read(self, do: Callable[[], None]) -> None:
        self.waiting.append(do)


class Notes:
    """A record in memory."""

    trouble = "No space left on device"

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.full = False

    def note(self, kind: str, then: Callable[[], None] | None = None, **_facts: object) -> None:
        self.lines.append(kind)
        if then is not None:
            then()

    def note_now(self, kind: str, **_facts: object) -> bool:
        if not self.full:
            self.lines.append(kind)
        return not self.full


@pytest.fixture
def turns() -> Turns:
    agent, record = cast("Any", SilentAgent()), cast("Any", Notes())
    made = Turns(
        Rpc(lambda _line: None), agent, record, Questions(lambda: None), lambda: None, lambda _words: None
    )
    made.conversation = "c"
    return made


def test_P4_a_key_that_is_given_again_before_it_was_read_is_one_prompt(turns: Any) -> None:  # noqa: ANN401
    said: list[str | None] = []
    turns.submit("k", "text", "call", said.append)
    turns.submit("k", "text", "call", said.append)
    assert turns.has("k")
    assert said == []
    turns._agent.waiting.pop()()
    assert said == [None, None]
    assert turns._record.lines == ["submitted", "prompt"]


def test_P4_where_no_line_can_be_written_no_prompt_is_given(turns: Any) -> None:  # noqa: ANN401
    said: list[str | None] = []
    turns._record.full = True
    turns.submit("k", "text", "call", said.append)
    assert said == ["its record cannot be written: No space left on device"]
    assert not turns.has("k")
    assert turns._agent.waiting == []


# calls


class Slow:
    """It takes every prompt and is never done."""

    def submit(self, key: str, text: str, done: Done, traceparent: str | None) -> None:
        del key, text, done, traceparent

    def has(self, key: str) -> bool:
        return key == "k"

    def interrupt(self) -> None:
        pass

    def compact(self, done: Done) -> None:
        done("no")

    def answer(self, question: str, option: str) -> str | None:
        del question, option
        return None


def test_N5_a_prompt_that_is_not_read_is_answered_within_the_bound(
    home: Any,  # noqa: ANN401
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "ANSWER", 0.01)
    monkeypatch.setattr(calls, "refused", lambda _connection: False)  # it is our own process
    loop, path = Loop(), home.work / "s"
    served = Calls(loop, str(path))
    served.open(Slow())
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(path))
        for request in ({"id": 7, "method": "submit", "text": "t"}, {"id": 8, "method": "has"}):
            caller.sendall(json.dumps({**request, "key": "k"}).encode() + b"\n")
        caller.setblocking(False)
        data = b""
        while data.count(b"\n") < 2:
            loop.step()
            try:
                data += caller.recv(1 << 16)
            except BlockingIOError:
                continue
    served.close()
    answers = [json.loads(line) for line in data.splitlines()]
    assert [(each["id"], each.get("error", {}).get("code")) for each in answers] == [(8, None), (7, "lost")]
