"""Which rollout a Codex process writes, by recorded files of 0.171.0 and by open files (C2, C8, C16)."""

import json
import os
import shutil
from pathlib import Path

import pytest

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, WakeCause
from roost.runtimes import codex_rollout, codex_sensor
from roost.runtimes.codex import CodexRuntime
from roost.runtimes.codex_sensor import ROLLOUT, CodexSensor
from roost.runtimes.codex_threads import Held, Threads, held_by
from roost.runtimes.context import Context
from roost.runtimes.facts import ConversationSeen, Prompted, TurnOver

EDITED = Path(__file__).parents[1] / "data/records/codex-edited"
THREAD = "01a21c89-57b3-75e2-9331-63286b2cb896"
FIRST, SECOND = (
    f"rollout-2026-11-27T10-24-52-{THREAD}.jsonl",
    f"rollout-2026-11-27T10-24-56-{THREAD}_01a21c89-6719-7533-a55e-e18662cef850.jsonl",
)
A, B, C = (f"11111111-2222-4333-8444-55555555555{digit}" for digit in "123")
MARK = "boundary 1234123412341234]"


def context(home: Path, conversation: str | None = None) -> Context:
    session = Session("s", "a", 1, "n", WakeCause.FIRST_WAKE, False, 0.0, 0.0, conversation=conversation)
    settings = Settings(dir=str(home / "w"), runtime="codex")
    return Context(session, settings, home, home, {"HOME": str(home)}, "http://127.0.0.1:9", home / "s")


def day(home: Path) -> Path:
    folder = home / ".codex/sessions/2026/11/27"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def lock(home: Path, thread: str, taken: float) -> Path:
    path = home / ".codex/thread-writer-locks" / f"{thread}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (taken, taken))
    return path


def rollout(
    home: Path, thread: str, text: str = "", source: object = "cli", of: str = "user", **more: object
) -> Path:
    path = day(home) / f"rollout-2026-11-27T11-21-44-{thread}.jsonl"
    meta = {"type": "session_meta", "payload": {"id": thread, "source": source, "thread_source": of, **more}}
    path.write_text(json.dumps(meta) + "\n" + prompt(text))
    return path


def event(**payload: object) -> str:
    record = {"timestamp": "2026-11-27T11:21:45.020Z", "type": "event_msg", "payload": payload}
    return json.dumps(record) + "\n"


def prompt(text: str, turn: str = "t") -> str:
    item = {"type": "UserMessage", "content": [{"type": "text", "text": text}]}
    return event(type="item_completed", turn_id=turn, item=item)


def held(*threads: tuple[str, Path, Path | None]) -> Held:
    return Held(
        {thread: locked for thread, locked, _ in threads},
        {thread: written for thread, _, written in threads if written is not None},
    )


def test_C2_both_files_of_an_edited_thread_are_followed_and_the_one_that_is_written_comes_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Path(shutil.copy(EDITED / FIRST, day(tmp_path)))
    taken = lock(tmp_path, THREAD, 1.0)
    sensor = CodexSensor(context(tmp_path, THREAD))
    monkeypatch.setattr(codex_sensor.codex_threads, "held_by", lambda _pid: held((THREAD, taken, first)))
    assert sensor.find(1, None) == []
    assert (sensor.tails(), sensor.current) == ((first,), True)
    second = Path(shutil.copy(EDITED / SECOND, day(tmp_path)))
    monkeypatch.setattr(codex_sensor.codex_threads, "held_by", lambda _pid: held((THREAD, taken, second)))
    assert sensor.find(1, None) == []
    assert sensor.tails() == (first, second)
    facts = [fact for path in sensor.tails() for fact in sensor.on_lines(path.read_bytes().splitlines())]
    texts = [fact.text for fact in facts if isinstance(fact, Prompted)]
    assert texts == ["first one", "second one", "third one", "third one", "fourth one"]
    assert sum(isinstance(fact, TurnOver) for fact in facts) == 5


def test_C2_a_thread_is_gone_on_with_in_its_latest_file(tmp_path: Path) -> None:
    for name in (SECOND, FIRST):
        shutil.copy(EDITED / name, day(tmp_path))
    runtime, made = CodexRuntime(), context(tmp_path, THREAD)
    assert [path.name for path in runtime.transcripts(made)] == [FIRST, SECOND]
    assert runtime.transcript(made) == day(tmp_path) / SECOND
    assert runtime.conversation_of(Path(SECOND)) == THREAD


def test_C16_a_packed_rollout_is_on_disk_and_is_not_read(tmp_path: Path) -> None:
    (day(tmp_path) / f"{FIRST}.zst").write_bytes(b"packed")
    made = context(tmp_path, THREAD)
    assert CodexRuntime().transcript(made) == day(tmp_path) / f"{FIRST}.zst"
    sensor = CodexSensor(made)
    sensor.find(0, None)
    assert sensor.tails() == ()


def test_C2_without_the_open_files_nothing_is_known_to_be_written(tmp_path: Path) -> None:
    rollout(tmp_path, A)
    sensor = CodexSensor(context(tmp_path, A))
    sensor.find(0, None)
    assert sensor.tails()
    assert not sensor.current


def test_C8_the_thread_that_holds_the_mark_is_the_one(tmp_path: Path) -> None:
    first = (A, lock(tmp_path, A, 2.0), rollout(tmp_path, A))
    second = (B, lock(tmp_path, B, 1.0), rollout(tmp_path, B))
    threads = Threads()
    assert threads.written(held(first, second), A, MARK) == A
    with second[2].open("a") as file:
        file.write(prompt(f"[roost ... {MARK}"))
    assert threads.written(held(first, second), A, MARK) == B
    assert threads.written(held(first, second), B, None) == B, (
        "an older turn to the other one decides nothing"
    )
    os.utime(first[1], (3.0, 3.0))
    assert threads.written(held(first, second), B, None) == A, "a person has turned to it again"


def test_C8_an_agent_that_was_told_the_message_does_not_take_it_over(tmp_path: Path) -> None:
    first = (A, lock(tmp_path, A, 1.0), rollout(tmp_path, A, f"[roost ... {MARK}"))
    second = (B, lock(tmp_path, B, 2.0), rollout(tmp_path, B, MARK, {"subagent": {}}, "subagent"))
    assert Threads().written(held(second, first), A, MARK) == A


def test_C8_without_a_message_the_latest_thread_of_a_person_is_the_one(tmp_path: Path) -> None:
    first = (A, lock(tmp_path, A, 1.0), rollout(tmp_path, A))
    second = (B, lock(tmp_path, B, 2.0), rollout(tmp_path, B))
    agent = (C, lock(tmp_path, C, 3.0), rollout(tmp_path, C, source={"subagent": {}}, of="subagent"))
    side = (C, lock(tmp_path, C, 3.0), rollout(tmp_path, C, of="tui_side_chat"))
    assert Threads().written(held(first, second), A, None) == B
    assert Threads().written(held(first, second, side), A, None) == B
    assert Threads().written(held(first, agent), A, None) == A
    assert Threads().written(held(first, (B, second[1], None)), A, None) == A, "nothing was said in it yet"
    assert Threads().written(held((B, second[1], None)), None, None) == B


def test_C8_a_turn_of_a_thread_that_was_left_ends_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = (A, lock(tmp_path, A, 1.0), rollout(tmp_path, A))
    second = (B, lock(tmp_path, B, 2.0), rollout(tmp_path, B))
    sensor = CodexSensor(context(tmp_path, A))
    monkeypatch.setattr(codex_sensor.codex_threads, "held_by", lambda _pid: held(first))
    sensor.find(1, None)
    monkeypatch.setattr(codex_sensor.codex_threads, "held_by", lambda _pid: held(first, second))
    assert sensor.find(1, None) == [ConversationSeen(B)]
    assert sensor.tails() == (first[2], second[2]), "what the other one still says is told first"
    told = event(type="task_started", turn_id="ours") + prompt("ours", "ours")
    told += event(type="task_complete", turn_id="theirs")
    assert sensor.on_lines(told.encode().splitlines()) == [Prompted("ours", ROLLOUT)]
    over = event(type="task_complete", turn_id="ours").encode()
    assert sensor.on_lines([over]) == [TurnOver(ROLLOUT)]


@pytest.mark.parametrize(
    ("more", "of", "since", "known"),
    [
        ({}, "user", 0.0, True),
        ({"forked_from_id": A}, "user", 0.0, False),
        ({"history_base": {"thread_id": A}}, "user", 0.0, False),
        ({}, "tui_side_chat", 0.0, False),
        ({}, "user", 2e9, False),
    ],
    ids=["new", "fork", "fork by its base", "side", "older than the session"],
)
def test_P3_a_thread_that_a_person_began_holds_nothing_of_the_one_before(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    more: dict[str, object],
    of: str,
    since: float,
    known: bool,
) -> None:
    first = (A, lock(tmp_path, A, 1.0), rollout(tmp_path, A))
    second = (THREAD, lock(tmp_path, THREAD, 2.0), rollout(tmp_path, THREAD, MARK, of=of, **more))
    sensor = CodexSensor(context(tmp_path, A))
    sensor.since = since
    monkeypatch.setattr(codex_sensor.codex_threads, "held_by", lambda _pid: held(first, second))
    begun = 0x01A21C8957B3 / 1000
    assert sensor.find(1, MARK) == [ConversationSeen(THREAD, begun if known else None)]


def proc(root: Path, pid: int, children: list[int], *targets: str) -> None:
    """A process as /proc shows it."""
    task = root / str(pid) / "task" / str(pid)
    task.mkdir(parents=True)
    (task / "children").write_text(" ".join(str(child) for child in children))
    (root / str(pid) / "fd").mkdir()
    for number, target in enumerate(targets):
        (root / str(pid) / "fd" / str(number)).symlink_to(target)


def test_the_open_files_of_the_native_child_tell_its_threads(tmp_path: Path) -> None:
    locked, written = f"/h/.codex/thread-writer-locks/{A}.lock", f"/h/.codex/sessions/2026/11/27/{SECOND}"
    proc(tmp_path, 10, [11], "/dev/pts/0")
    proc(tmp_path, 11, [], "/dev/pts/0", locked, written, f"/h/.codex/sessions/2026/11/27/{FIRST}")
    assert held_by(10, tmp_path) == Held({A: Path(locked)}, {THREAD: Path(written)})
    assert held_by(12, tmp_path) == Held()


def test_only_what_was_written_since_is_searched_archived_or_not(tmp_path: Path) -> None:
    old, new = rollout(tmp_path, A), rollout(tmp_path, B)
    os.utime(old, (10.0, 10.0))
    archived = tmp_path / ".codex/archived_sessions" / old.name.replace(A, C)
    archived.parent.mkdir()
    archived.write_text("{}\n")
    os.utime(archived, (50.0, 50.0))
    home = tmp_path / ".codex"
    assert codex_rollout.written_since(home, 20.0) == [new, archived]
    assert codex_rollout.written_since(tmp_path / "none", 0.0) == []
