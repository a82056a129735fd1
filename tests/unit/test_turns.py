"""What was said is read from recorded records of each program, whatever their state."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import aclosing, closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from roost.daemon.serve.api.transcripts import Transcripts, news_of
from roost.errors import NotFoundError
from roost.runtimes.turns import record as records
from roost.runtimes.turns.acp import AcpReader
from roost.runtimes.turns.claude import ClaudeReader
from roost.runtimes.turns.codex import CodexReader
from roost.runtimes.turns.demo import DemoReader
from roost.runtimes.turns.gemini import GeminiReader
from roost.runtimes.turns.opencode import OpencodeReader
from roost.runtimes.turns.record import FileRecord, UnreadableError
from roost.runtimes.turns.thread import ThreadReader, ThreadRecord
from roost.runtimes.turns.transcript import Reader, Transcript, turns
from roost.runtimes.turns.turn import SHORT, Turn

DATA = Path(__file__).resolve().parents[1] / "data"
CLAUDE = DATA / "records/claude/turns.jsonl"
(CODEX,) = (DATA / "records/codex-tools").iterdir()
EDITED = sorted((DATA / "records/codex-edited").iterdir(), key=lambda path: path.name)
Shape = list[tuple[str, str, list[str]]]


def transcript(reader: Reader, *paths: Path, whole: bool = False) -> Transcript:
    return Transcript(FileRecord(lambda: paths), reader, whole=whole)


def all_of(said: Transcript, first: int | None = 1, last: int | None = None) -> list[Turn]:
    with closing(said):
        return [turn for part in turns(said, first, last) for turn in part]


def read(reader: Reader, *paths: Path, whole: bool = False) -> list[Turn]:
    return all_of(transcript(reader, *paths, whole=whole))


def written(path: Path, *entries: object) -> Path:
    path.write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    return path


def shape(found: Sequence[Turn]) -> Shape:
    """Who spoke, the last line but the envelope's, which tools."""
    texts = [
        next((line for line in turn.text.splitlines() if not line.startswith("[")), "") for turn in found
    ]
    return [
        (turn.role, text, [tool.name for tool in turn.tools]) for turn, text in zip(found, texts, strict=True)
    ]


def test_claude() -> None:
    found = read(ClaudeReader(), CLAUDE)
    send = "mcp__roost__send_message"
    assert shape(found) == [
        ("user", "first one", []),
        ("assistant", "", [send]),
        ("assistant", "done", []),
        ("user", "@@bash echo hello; echo there@@", []),
        ("assistant", "", ["Bash"]),
        ("assistant", "", [send]),
        ("assistant", "done", []),
        ("user", "third one @@silent@@", []),
        ("assistant", "", [send]),
        ("assistant", "done", []),
    ]
    assert [turn.number for turn in found] == list(range(1, 11))
    assert found[0].message == "01a2201dfa0b7a27ba1d6fff4c2ac63f"
    assert found[1].message is None
    (bash,) = found[4].tools
    assert (bash.input.text, bash.output and bash.output.text) == ("echo hello; echo there", "hello there")
    assert all(turn.at is not None and turn.at.endswith("Z") for turn in found)


def test_claude_of_an_answer_in_several_lines_a_side_conversation_a_failure_and_a_compaction(
    tmp_path: Path,
) -> None:
    def said(*content: object, **more: object) -> dict[str, object]:
        return {"type": "assistant", "message": {"id": "m1", "content": list(content)}, **more}

    use = {"type": "tool_use", "id": "t", "name": "Read", "input": {"file_path": "/a", "limit": 3}}
    gave = {"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": "no such file"}
    path = written(
        tmp_path / "c.jsonl",
        {"type": "user", "message": {"content": [{"type": "text", "text": "look"}, {"type": "image"}]}},
        said({"type": "thinking", "thinking": "hm"}),
        said({"type": "text", "text": "I look."}),
        said({"type": "text", "text": "beside"}, isSidechain=True),
        said(use),
        {"type": "user", "message": {"content": [gave]}, "toolUseResult": "no such file"},
        said({"type": "text", "text": "It is gone."}),
        {"type": "user", "isMeta": True, "message": {"content": "a caveat"}},
        {"type": "system", "subtype": "compact_boundary"},
        {"type": "user", "isCompactSummary": True, "message": {"content": "what was"}},
        {
            "type": "attachment",
            "attachment": {"type": "queued_command", "commandMode": "prompt", "prompt": "also this"},
        },
        *(
            {
                "type": "attachment",
                "attachment": {"type": "queued_command", "commandMode": "task-notification", "prompt": text},
            }
            for text in ("a task is done", "[roost message m from op]")
        ),
        said({"type": "text", "text": "API Error: 529"}, isApiErrorMessage=True),
    )
    found = read(ClaudeReader(), path)
    assert [(turn.role, turn.text) for turn in found] == [
        ("user", "look\n[image]"),
        ("assistant", "I look.\nIt is gone."),
        ("note", "the conversation was compacted"),
        ("note", "what was"),
        ("user", "also this"),
        ("user", "[roost message m from op]"),
        ("note", "API Error: 529"),
    ]
    (tool,) = found[1].tools
    assert (tool.input.text, tool.failed, tool.output and tool.output.text) == ("/a", True, "no such file")


def test_codex_and_the_same_packed(tmp_path: Path) -> None:
    found = read(CodexReader(), CODEX)
    send = "mcp__roost.send_message"
    assert shape(found) == [
        ("user", "first one", []),
        ("assistant", "", [send]),
        ("assistant", "done", []),
        ("user", "@@bash echo hello; echo there@@", []),
        ("assistant", "", ["exec_command", send]),
        ("assistant", "done", []),
        ("user", "third one @@silent@@", []),
        ("assistant", "", [send]),
        ("assistant", "done", []),
    ]
    command = found[4].tools[0]
    assert command.input.text == "echo hello; echo there"
    assert command.output is not None
    assert command.output.text.startswith("approval policy is Never")
    if shutil.which("zstd") is None:
        pytest.skip("no zstd here")
    packed = tmp_path / f"{CODEX.name}.zst"
    subprocess.run(["zstd", "-q", str(CODEX), "-o", str(packed)], check=True)
    assert read(CodexReader(), packed) == found
    packed.write_bytes(packed.read_bytes()[:200])
    with pytest.raises(UnreadableError, match="damaged"):
        read(CodexReader(), packed)


def test_a_packed_record_without_its_program_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "r.jsonl.zst").write_bytes(b"x")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnreadableError, match="install zstd"):
        read(CodexReader(), tmp_path / "r.jsonl.zst")


def test_codex_of_a_thread_that_went_on_in_another_file() -> None:
    texts = [turn.text for turn in read(CodexReader(), *EDITED) if turn.role == "user"]
    assert texts[:3] == ["first one", "second one", "third one"]
    assert len(texts) > 4


def test_codex_as_older_versions_wrote_it(tmp_path: Path) -> None:
    def event(**payload: object) -> dict[str, object]:
        return {"type": "event_msg", "timestamp": "2026-01-01T00:00:00Z", "payload": payload}

    def item(**payload: object) -> dict[str, object]:
        return {"type": "response_item", "payload": payload}

    text = [{"type": "input_text", "text": "<environment_context>"}]
    path = written(
        tmp_path / "r.jsonl",
        item(type="message", role="user", content=text),
        event(type="user_message", message="do it"),
        item(type="function_call", name="shell", call_id="c", arguments='{"command": "ls"}'),
        item(type="function_call_output", call_id="c", output={"content": "a b", "success": False}),
        event(type="agent_message", message="did it"),
        event(type="task_complete", error={"message": "overloaded"}),
        event(type="turn_aborted"),
    )
    found = read(CodexReader(), path)
    assert [(turn.role, turn.text) for turn in found] == [
        ("user", "do it"),
        ("assistant", ""),
        ("assistant", "did it"),
        ("note", "the turn failed: overloaded"),
        ("note", "the turn was interrupted"),
    ]
    (tool,) = found[1].tools
    assert (tool.name, tool.input.text, tool.failed) == ("shell", "ls", True)


def test_gemini_tells_nothing_twice() -> None:
    found = read(GeminiReader(), DATA / "records/gemini/turns.jsonl")
    prompts = [turn.message for turn in found if turn.role == "user"]
    assert prompts == [f"{number:032x}" for number in range(1, len(prompts) + 1)]
    assert shape(found)[:3] == [
        ("user", "@@reply hello there@@", []),
        ("assistant", "", ["send_message"]),
        ("assistant", "done", []),
    ]
    assert next(turn.text for turn in found if turn.role == "note") == "Request cancelled."


def test_opencode_and_a_message_that_grows() -> None:
    messages = json.loads((DATA / "opencode/aborted.messages.json").read_text())
    entries = [*messages, messages[-1]]

    class Store:
        where, skipped = "its store", 0

        def read(self) -> list[dict[str, object]] | None:
            return [entries.pop(0)] if entries else None

        def news(self) -> None:
            return None

        def close(self) -> None:
            return None

    whole = Transcript(Store(), OpencodeReader(), whole=True)
    found = all_of(whole)
    known = [message for message in messages if message["info"]["role"] == "user"]
    assert len([turn for turn in found if turn.role == "user"]) == len(known)
    tools = [tool for turn in found for tool in turn.tools]
    assert tools
    assert json.loads(tools[0].input.text)["command"]
    assert any("Abort" in turn.text for turn in found if turn.role == "note")


def test_acp_and_demo(tmp_path: Path) -> None:
    first = written(
        tmp_path / "1.jsonl",
        {"type": "replayed", "text": "before"},
        {"type": "prompt", "text": "do it", "at": "2026-01-01T00:00:00Z"},
        {"type": "said", "text": "I do."},
        {"type": "tool", "id": "t", "title": "Run ls", "input": {}, "output": "a", "status": "completed"},
        {"type": "turn_end", "stop": "cancelled"},
    )
    second = written(tmp_path / "2.jsonl", {"type": "replayed", "text": "do it"}, {"type": "compacted"})
    assert shape(read(AcpReader(), first, second)) == [
        ("user", "before", []),
        ("user", "do it", []),
        ("assistant", "I do.", ["Run ls"]),
        ("note", "the turn was interrupted", []),
        ("note", "the conversation was compacted", []),
    ]
    demo = written(
        tmp_path / "d.jsonl", {"type": "user", "text": "a"}, {"type": "turn_end", "status": "failed"}
    )
    assert shape(read(DemoReader(), demo)) == [("user", "a", []), ("note", "the turn was failed", [])]


def test_a_thread_as_its_server_tells_it() -> None:
    told = [json.loads(line) for line in (DATA / "codex_server/turns.jsonl").read_text().splitlines()][::-1]
    found = all_of(Transcript(ThreadRecord("unix:x", told), ThreadReader(), whole=False))
    ids = [tool for turn in found for tool in turn.tools if tool.input.text == "/bin/bash -lc id"]
    assert ids[0].output is not None
    assert ids[0].output.text.startswith("uid=0")
    assert [turn.text for turn in found][-4:] == [
        "the turn was interrupted",
        "bad",
        next(turn.text for turn in found if "fake_error" in turn.text),
        "the conversation was compacted",
    ]


def test_what_tools_were_given_is_cut_and_its_size_told(tmp_path: Path) -> None:
    long = "wörd " * 1000
    path = written(
        tmp_path / "r.jsonl",
        {"type": "prompt", "text": "x"},
        {"type": "tool", "id": "t", "title": "T", "input": {"a": long}, "output": long, "status": "failed"},
    )
    (tool,) = read(AcpReader(), path)[1].tools
    assert tool.output is not None
    assert tool.output.size == len(long.encode())
    assert max(len(tool.output.text), len(tool.input.text)) <= SHORT
    assert tool.input.size > tool.output.size
    (tool,) = read(AcpReader(), path, whole=True)[1].tools
    assert tool.output is not None
    assert (tool.output.text, json.loads(tool.input.text)) == (long, {"a": long})


def demo_file(path: Path, count: int) -> Path:
    return written(path, *({"type": "user", "text": f"prompt {number}"} for number in range(1, count + 1)))


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(None, None, range(31, 51)), (7, 7, [7]), (7, 9, [7, 8, 9]), (49, None, [49, 50]), (49, 99, [49, 50])],
)
def test_ranges(tmp_path: Path, first: int | None, last: int | None, expected: Sequence[int]) -> None:
    said = transcript(DemoReader(), demo_file(tmp_path / "c.jsonl", 50))
    assert [turn.number for turn in all_of(said, first, last)] == list(expected)


def test_a_turn_that_is_not_there(tmp_path: Path) -> None:
    for count, why in (
        (3, "has 3 turns so far, there is no turn 4"),
        (1, "has 1 turn so far"),
        (0, "nothing"),
    ):
        said = transcript(DemoReader(), demo_file(tmp_path / "c.jsonl", count))
        with pytest.raises(NotFoundError, match=why):
            all_of(said, 4)


def test_a_range_at_the_beginning_does_not_read_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "PIECE", 100)
    said = transcript(DemoReader(), demo_file(tmp_path / "c.jsonl", 50))
    assert [turn.number for turn in all_of(said, 2, 3)] == [2, 3]
    assert said.count < 10


def test_lines_that_are_too_long_or_no_json_are_passed_over_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "PIECE", 64)
    path = tmp_path / "c.jsonl"
    good = json.dumps({"type": "user", "text": "good"})
    deep = good[:-1] + f', "deep": {"[" * 5000}{"]" * 5000}}}'
    monkeypatch.setattr(records, "LONGEST", len(deep) + 1)
    path.write_text("\n".join([good, "{broken", "[1]", good + " " * 20000, "", good, deep, '{"type": "us']))
    with path.open("ab") as file:
        file.write(b'er\xff"}\n')
    said = transcript(DemoReader(), path)
    assert [turn.text for turn in all_of(said)] == ["good"] * 3
    assert said.record.skipped == 4


def test_a_record_is_followed_as_it_grows_goes_on_elsewhere_and_is_written_anew(tmp_path: Path) -> None:
    paths = [tmp_path / "1.jsonl"]
    paths[0].write_text('{"type": "user", "text": "on')
    said = Transcript(FileRecord(lambda: paths), DemoReader(), whole=False)

    def texts() -> list[str]:
        found: list[Turn] = []
        while (part := said.step()) is not None:
            found += part
        return [turn.text for turn in [*found, *([said.open] if said.open else [])]]

    assert texts() == []
    with paths[0].open("a") as file:
        file.write('e"}\n')
    assert texts() == ["one"]
    assert said.record.news() is None
    paths.append(demo_file(tmp_path / "2.jsonl", 1))
    assert texts() == ["one", "prompt 1"]
    assert "goes on in" in str(said.record.news())
    demo_file(tmp_path / "3.jsonl", 1).replace(paths[1])
    assert texts() == ["prompt 1", "prompt 1"]
    assert "written anew" in str(said.record.news())
    paths[1].write_text("")
    texts()
    assert "written anew" in str(said.record.news())
    said.close()


def test_a_turn_to_which_more_is_added_is_told_again(tmp_path: Path) -> None:
    def told(before: dict[str, object] | None) -> list[dict[str, object]]:
        return [{key: item[key] for key in ("number", "text", "tools")} for item in news_of(said, before)]

    path = written(
        tmp_path / "c.jsonl",
        {"type": "prompt", "text": "go"},
        {"type": "said", "text": "I go."},
    )
    said = transcript(AcpReader(), path)
    with closing(said):
        first, second = news_of(said, None)
        assert (first["number"], second["number"]) == (1, 2)
        known = {key: value for key, value in second.items() if key != "kind"}
        assert told(known) == []
        with path.open("a") as file:
            file.write(json.dumps({"type": "tool", "id": "t", "title": "T", "status": "failed"}) + "\n")
        (again,) = told(known)
        assert (again["number"], again["text"]) == (2, "I go.")
        assert again["tools"] != known["tools"]


async def test_who_follows_is_not_told_the_latest_turn_again_because_an_earlier_one_was(
    tmp_path: Path,
) -> None:
    use = {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "sleep"}}
    gave = {"type": "tool_result", "tool_use_id": "t", "content": "slept"}
    path = written(
        tmp_path / "c.jsonl",
        {"type": "assistant", "message": {"id": "m", "content": [use]}},
        {"type": "user", "message": {"content": "meanwhile"}},
    )
    more = [
        {"type": "user", "message": {"content": [gave]}},
        {},
        {"type": "user", "message": {"content": "last"}},
    ]

    async def sleep(_: float) -> None:
        with path.open("a") as file:
            file.write(json.dumps(more.pop(0)) + "\n")

    class Followed(Transcripts):
        def __init__(self) -> None:
            peer = SimpleNamespace(settings=SimpleNamespace(runtime="claude"))
            self._machine = cast("Any", SimpleNamespace(clock=SimpleNamespace(sleep=sleep)))
            self._fleet = cast("Any", SimpleNamespace(get=lambda _: SimpleNamespace(peer=peer)))

        async def run(self, name: str, work: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            del name
            return work(*args, **kwargs)

        async def open(self, *_: object, **__: object) -> Transcript:
            return transcript(ClaudeReader(), path)

        async def _session(self, name: str, topic: str | None) -> Any:  # noqa: ANN401
            return SimpleNamespace(conversation="c", topic=topic, peer=name)

    told: list[int] = []
    async with aclosing(Followed().read("a", 1, follow=True)) as items:
        async for item in items:
            if item["kind"] == "turn":
                told.append(item["number"])
            if told[-1:] == [3]:
                break
    assert told == [1, 2, 1, 3]


def test_a_tool_that_answers_after_the_next_prompt_belongs_to_its_turn(tmp_path: Path) -> None:
    use = {"type": "tool_use", "id": "t", "name": "Bash", "input": {"command": "sleep"}}
    gave = {"type": "tool_result", "tool_use_id": "t", "content": "slept"}
    path = written(
        tmp_path / "c.jsonl",
        {"type": "assistant", "message": {"id": "m", "content": [use]}},
        {"type": "user", "message": {"content": "meanwhile"}},
        {"type": "user", "message": {"content": [gave]}},
    )
    found = read(ClaudeReader(), path)
    assert [turn.number for turn in found] == [1, 2]
    assert found[0].tools[0].output is not None
    with path.open() as file:
        lines = file.read().splitlines(keepends=True)
    path.write_text("".join(lines[:2]))
    with closing(transcript(ClaudeReader(), path)) as said:
        (_, second) = news_of(said, None)
        path.write_text("".join(lines))
        told = {key: value for key, value in second.items() if key != "kind"}
        (late,) = news_of(said, told)
        assert (late["number"], late["tools"][0]["output"]) == (1, "slept")
