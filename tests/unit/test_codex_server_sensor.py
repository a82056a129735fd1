"""What a Codex app-server tells of a thread, as facts and states; the frames are those of 0.171.0 (L7)."""

from pathlib import Path

import msgspec
import pytest

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, SessionState, WakeCause
from roost.faults import Fault
from roost.runtimes.codex_server.sensor import ThreadSensor
from roost.runtimes.codex_server.thread import JOINED, LOST
from roost.runtimes.codex_server.turns import frames, keys_in
from roost.runtimes.context import Context
from roost.runtimes.facts import Answered, Compacted, Fact, Prompted, TurnOver, Wrote

DATA = Path(__file__).parents[1] / "data/codex_server"


def context(folder: Path) -> Context:
    session = Session("s", "a", 1, "n", WakeCause.THREAD, True, 1000.0, 1000.0, conversation="t")
    settings = Settings(dir=str(folder), runtime="codex-thread", server="unix:/s")
    return Context(session, settings, folder, folder, {}, "http://127.0.0.1:9", folder / "call")


def told(name: str) -> list[bytes]:
    return (DATA / f"{name}.jsonl").read_bytes().splitlines()


@pytest.fixture
def sensor(tmp_path: Path) -> ThreadSensor:
    made = ThreadSensor(context(tmp_path))
    made.on_lines([line(JOINED, status={"type": "idle"})])
    return made


def line(method: str, **params: object) -> bytes:
    return msgspec.json.encode({"method": method, "params": {"threadId": "t", **params}})


def state(sensor: ThreadSensor) -> tuple[SessionState | None, str]:
    reading = sensor.reading()
    return (None, "") if reading is None else (reading.state, reading.why)


def kinds(facts: list[Fact]) -> list[type]:
    return [type(fact) for fact in facts]


def test_L7_a_turn_is_its_prompt_its_answer_and_its_end(sensor: ThreadSensor) -> None:
    assert state(sensor)[0] is SessionState.IDLE
    lines = told("turn")
    begun = next(index for index, each in enumerate(lines) if b"turn/started" in each)
    sensor.on_lines(lines[: begun + 1])
    assert state(sensor) == (SessionState.WORKING, "in a turn")
    facts = sensor.on_lines(lines[begun + 1 :])
    assert kinds(facts) == [Prompted, Answered, TurnOver]
    assert isinstance(facts[0], Prompted)
    assert (facts[0].text, facts[0].joins) == ("hello", False)
    assert facts[-1] == TurnOver("its server's record")
    assert state(sensor)[0] is SessionState.IDLE


def test_L7_what_is_steered_joins_the_turn_and_shares_its_end(sensor: ThreadSensor) -> None:
    facts = sensor.on_lines(told("steered"))
    prompts = [(fact.text, fact.joins) for fact in facts if isinstance(fact, Prompted)]
    assert prompts == [("slow\n@@delay 1@@", False), ("steered", True)]
    assert sum(isinstance(fact, TurnOver) for fact in facts) == 1


def test_L7_a_request_for_an_approval_blocks_with_its_words_until_somebody_answers(
    sensor: ThreadSensor,
) -> None:
    sensor.on_lines(told("asks"))
    assert state(sensor)[0] is SessionState.BLOCKED
    assert "may it run `/bin/bash -lc id`?" in state(sensor)[1]
    lines = told("answered")
    sensor.on_lines(lines[:1])
    assert b"serverRequest/resolved" in lines[0]
    facts = sensor.on_lines(lines[1:])
    assert isinstance(facts[-1], TurnOver)
    assert state(sensor)[0] is SessionState.IDLE


def test_L7_an_interrupted_and_a_failed_turn_say_so(sensor: ThreadSensor) -> None:
    interrupted = sensor.on_lines(told("interrupted"))[-1]
    assert isinstance(interrupted, TurnOver)
    assert interrupted.interrupted
    failed = sensor.on_lines(told("failed"))[-1]
    assert isinstance(failed, TurnOver)
    assert "fake model: asked for 400" in (failed.failed or "")
    assert failed.fault is Fault.REQUEST
    # Its status is an error of the system then, and it takes the next turn all the same.
    assert state(sensor)[0] is SessionState.IDLE


def test_L7_a_compaction_is_told_once_it_is_done(sensor: ThreadSensor) -> None:
    assert Compacted in kinds(sensor.on_lines(told("compacted")))


def test_17_the_files_that_a_patch_has_written_are_told(sensor: ThreadSensor) -> None:
    change = {"path": "/w/hello.txt", "kind": {"type": "add"}, "diff": "hi\n"}
    item = {
        "type": "fileChange",
        "id": "c",
        "changes": [change],
        "status": "completed",
        "completedAtMs": 2500,
    }
    facts = sensor.on_lines([line("item/completed", item=item, turnId="1")])
    assert facts == [Answered("its server's record"), Wrote("/w/hello.txt", 2.5)]
    failed = line("item/completed", item={**item, "status": "declined"}, turnId="1")
    assert kinds(sensor.on_lines([failed])) == [Answered]


def test_L7_what_is_told_again_after_another_connection_tells_nothing_new(sensor: ThreadSensor) -> None:
    heard = sensor.on_lines(told("turn"))
    assert sensor.on_lines(told("turn")) == []
    assert len(heard) == 3


def test_L7_the_turns_that_the_server_kept_read_as_if_they_were_told(sensor: ThreadSensor) -> None:
    turns = [msgspec.json.decode(each) for each in told("turns")]
    assert [key for turn in reversed(turns) for key in keys_in(turn)] == [f"k{n}" for n in range(7)]
    facts = sensor.on_lines([each for turn in reversed(turns) for each in frames("t", turn)])
    prompts = [(fact.text.split("\n")[0], fact.joins) for fact in facts if isinstance(fact, Prompted)]
    assert prompts == [
        ("first", False),
        ("hello", False),
        ("slow", False),
        ("steered", True),
        ("@@bash id@@", False),
        ("x", False),
        ("bad", False),
    ]
    ends = [(fact.interrupted, bool(fact.failed)) for fact in facts if isinstance(fact, TurnOver)]
    assert ends[:6] == [(False, False)] * 4 + [(True, True), (False, True)]


def test_L7_a_server_that_is_not_heard_leaves_the_thread_unknown(sensor: ThreadSensor) -> None:
    sensor.on_lines([line(LOST, why="nobody listens")])
    assert state(sensor) == (SessionState.UNKNOWN, "its server tells nothing now: nobody listens")
    sensor.on_lines([line(JOINED, status={"type": "active", "activeFlags": []})])
    assert state(sensor)[0] is SessionState.WORKING


@pytest.mark.parametrize(
    ("method", "params", "words"),
    [
        ("item/fileChange/requestApproval", {"reason": "to mend it"}, "may it change files? to mend it"),
        ("item/permissions/requestApproval", {}, "may it have more permissions?"),
        ("item/tool/requestUserInput", {"questions": [{"question": "Which one?"}]}, "Which one?"),
        (
            "mcpServer/elicitation/request",
            {"serverName": "db", "message": "Your name?"},
            "the tool server db wants to know something Your name?",
        ),
    ],
)
def test_L7_every_question_of_the_server_is_shown(
    sensor: ThreadSensor, method: str, params: dict[str, object], words: str
) -> None:
    frame = {"id": 3, "method": method, "params": {"threadId": "t", **params}}
    sensor.on_lines([msgspec.json.encode(frame)])
    assert state(sensor) == (SessionState.BLOCKED, f"it asks: {words}")
    sensor.on_lines([line("serverRequest/resolved", requestId=3)])
    assert state(sensor)[0] is SessionState.IDLE


@pytest.mark.parametrize(
    "junk", [b"", b"{", b"[]", b'{"method":3}', b'{"method":"turn/completed","params":{}}', b"\xff\xfe"]
)
def test_L7_frames_that_are_none_do_no_harm(sensor: ThreadSensor, junk: bytes) -> None:
    sensor.on_lines([junk, b'{"method":"item/completed","params":{"item":null}}'])
    assert state(sensor)[0] is SessionState.IDLE
