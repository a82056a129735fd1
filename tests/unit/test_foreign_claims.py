"""Who has a conversation open, by what the programs leave behind, and what a peer makes of it (P5)."""

import json
import os
from pathlib import Path

from roost.core.messages.delays import AFTER
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Cause, Session, SessionState, WakeCause
from roost.runtimes.claude import ClaudeRuntime
from roost.runtimes.codex import CodexRuntime
from roost.runtimes.codex_threads import writers
from roost.runtimes.context import Context
from roost.runtimes.demo import DemoRuntime
from roost.runtimes.runtime import Claim
from tests.support.playbook import Play

CONVERSATION = "11111111-2222-4333-8444-555555555551"


def context(folder: Path, runtime: str, conversation: str | None = CONVERSATION) -> Context:
    session = Session("s", "p", 1, "n", WakeCause.PARKED_ALWAYS, True, 0, 0, conversation=conversation)
    return Context(
        session, Settings("/", runtime), folder, folder, {"HOME": str(folder)}, "http://x", folder / "call"
    )


def test_claudes_session_files_name_the_processes(tmp_path: Path) -> None:
    folder = tmp_path / ".claude" / "sessions"
    assert ClaudeRuntime().claims(context(tmp_path, "claude")) == []
    folder.mkdir(parents=True)
    mine = {"sessionId": CONVERSATION, "pid": 7, "procStart": "99"}
    files = {
        "7": json.dumps(mine),
        "8": json.dumps({**mine, "sessionId": "another"}),
        "9": json.dumps(mine)[:-5],
        "10": json.dumps({**mine, "procStart": None}),
        "11": json.dumps({**mine, "pid": "x"}),
        "12": "[]",
    }
    for name, text in files.items():
        (folder / f"{name}.json").write_text(text)
    assert ClaudeRuntime().claims(context(tmp_path, "claude")) == [Claim(7, 99, "its session file")]


def test_claudes_other_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "c" / "sessions").mkdir(parents=True)
    (tmp_path / "c" / "sessions" / "7.json").write_text(
        json.dumps({"sessionId": CONVERSATION, "pid": 7, "procStart": 99})
    )
    seen = context(tmp_path, "claude")
    assert ClaudeRuntime().claims(seen) == []
    elsewhere = Context(
        seen.session,
        seen.settings,
        tmp_path,
        tmp_path,
        {"CLAUDE_CONFIG_DIR": str(tmp_path / "c")},
        "http://x",
        tmp_path / "s",
    )
    assert [claim.pid for claim in ClaudeRuntime().claims(elsewhere)] == [7]


def test_codex_is_held_by_whoever_has_its_lock_open(tmp_path: Path) -> None:
    lock = tmp_path / ".codex" / "thread-writer-locks" / f"{CONVERSATION}.lock"
    proc = tmp_path / "proc"
    for pid, target in ((7, lock), (8, lock.with_name("another.lock"))):
        (proc / str(pid) / "fd").mkdir(parents=True)
        (proc / str(pid) / "fd" / "3").symlink_to(target)
    (proc / "self").mkdir()
    assert writers(tmp_path / ".codex", CONVERSATION, proc) == []
    lock.parent.mkdir(parents=True)
    lock.touch()
    assert writers(tmp_path / ".codex", CONVERSATION, proc) == [7]
    with lock.open():
        claims = CodexRuntime().claims(context(tmp_path, "codex"))
    assert claims == [Claim(os.getpid(), None, "its lock")]
    assert CodexRuntime().claims(context(tmp_path, "codex")) == []
    assert CodexRuntime().claims(context(tmp_path, "codex", None)) == []


def test_the_demo_agents_status_files_name_the_processes(tmp_path: Path) -> None:
    (tmp_path / "status").mkdir()
    (tmp_path / "status" / "7.json").write_text(
        json.dumps({"pid": 7, "start": 3, "conversation": CONVERSATION})
    )
    (tmp_path / "status" / "8.json").write_text(json.dumps({"pid": 8, "start": 3, "conversation": "another"}))
    assert [claim.pid for claim in DemoRuntime().claims(context(tmp_path, "demo"))] == [7]


def held() -> Play:
    play = Play()
    play.submit(topic="t")
    play.ready()
    play.taken()
    play.ended()
    play.tell(f.Tick(), after=30.0)
    play.died(Cause.IDLE_SLEEP)
    play.submit(2, topic="t")
    told = play.tell(f.Observed(play.session.id, SessionState.BLOCKED, "open in process 7"))
    assert told == ["blocked"]
    assert play.tell(f.Tick(), after=AFTER) == ["Notify blocked"]
    return play


def test_P5_a_held_session_waits_and_goes_on() -> None:
    play = held()
    conversation = play.session.conversation
    assert play.tell(f.Tick(), after=86400.0) == []
    assert play.submit(3, topic="t") == ["queued", "Notify blocked"]
    assert play.tell(f.Tick(), after=86400.0) == []
    assert play.tell(f.Released("another")) == []
    assert play.session.state is SessionState.BLOCKED
    play.tell(f.Released(play.session.id))
    assert play.session.state is SessionState.STARTING
    assert play.ready() == ["ready", "offered", "Offer 2"]
    assert play.session.conversation == conversation


def test_P5_P6_a_held_session_that_is_stopped_is_parked_and_no_crash() -> None:
    play = held()
    conversation = play.session.conversation
    assert play.tell(r.Stop("operator")) == ["Notify stopped", "stopping(operator-stop)"]
    assert play.tell(f.Released(play.session.id)) == []
    assert play.tell(f.BootFailed(play.session.id, "it was to end")) == ["End operator-stop"]
    assert play.died() == ["stopped(operator-stop)"]
    assert play.state.peer.deaths == ()
    assert play.tell(r.Start("operator")) == ["starting(parked-topic)", "Launch"]
    assert play.session.conversation == conversation


def test_P5_a_session_with_processes_is_not_released() -> None:
    play = Play()
    play.submit()
    play.ready()
    play.tell(play.seen(SessionState.BLOCKED))
    play.tell(f.Released(play.session.id))
    assert play.session.state is SessionState.BLOCKED
