"""What the client of an ACP agent leaves behind means, how it is started, and which programs are known."""

import json
import os
from pathlib import Path

import pytest

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, SessionState, WakeCause
from roost.errors import ConfigError, RuntimeMissingError
from roost.faults import Fault
from roost.local.config import AcpTable, load_config
from roost.local.ready_made import ready_made
from roost.runtimes.acp import AcpRuntime
from roost.runtimes.acp_call import AcpCall
from roost.runtimes.acp_sensor import RECORD, AcpSensor
from roost.runtimes.context import Context
from roost.runtimes.facts import INTERRUPTED, Answered, Compacted, ConversationSeen, Prompted, TurnOver
from roost.runtimes.registry import BUILT_IN, Runtimes
from roost.runtimes.view import Composer, Reading, View


def context(
    folder: Path,
    *,
    session: str = "s1",
    conversation: str | None = None,
    wake: WakeCause = WakeCause.FIRST_WAKE,
    **settings: str,
) -> Context:
    resumed = wake is not WakeCause.FIRST_WAKE
    made = Session(session, "a", 1, "n", wake, resumed, 5.0, 5.0, conversation=conversation)
    given = Settings("/work", "x", **settings)  # pyright: ignore[reportArgumentType]
    environ = {"PATH": str(folder / "bin")}
    return Context(
        made, given, folder / "home", folder / "shared", environ, "http://127.0.0.1:9", folder / "s"
    )


def line(kind: str, **facts: object) -> bytes:
    return json.dumps({"type": kind, **facts, "at": "2026-01-02T03:04:05Z"}).encode()


def write(path: Path, *lines: bytes, at: float | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(each + b"\n" for each in lines))
    if at is not None:
        os.utime(path, (at, at))
    return path


@pytest.fixture
def runtime(tmp_path: Path) -> AcpRuntime:
    program = write(tmp_path / "bin/agent")
    program.chmod(0o700)
    return AcpRuntime(AcpTable("x", ("agent", "acp"), (), {"KEY": "v"}, {"a": 1}))


def test_the_record_tells_of_prompts_answers_and_ends_and_not_of_the_past(tmp_path: Path) -> None:
    sensor = AcpSensor(context(tmp_path))
    lines = (
        line("session", conversation="c", loaded=True, replayed=1),
        line("replayed", text="earlier"),
        line("submitted", key="k", head="text"),
        line("prompt", key="k", text="text", by="call"),
        line("answered"),
        line("permission", id="q1", text="may I?"),
        line("turn_end", stop="end_turn", failed=None, fault="unknown"),
        line("turn_end", stop="cancelled", failed=None, fault="unknown"),
        line("turn_end", stop="error", failed="529", fault="service"),
        line("turn_end", stop="refusal", failed="no", fault="request"),
        line("turn_end", stop="error", failed="written by an older client", outage=True),
        line("compacted"),
        b'{"type": "prompt", "te',
        b"42",
    )
    assert sensor.on_lines(lines) == [
        Prompted("text", RECORD),
        Answered(RECORD),
        TurnOver(RECORD),
        TurnOver(RECORD, INTERRUPTED, interrupted=True),
        TurnOver(RECORD, "529", fault=Fault.SERVICE),
        TurnOver(RECORD, "no", fault=Fault.REQUEST),
        TurnOver(RECORD, "written by an older client"),
        Compacted(RECORD, 1767323045.0),
    ]


@pytest.mark.parametrize(
    ("status", "reading"),
    [
        ({"state": "starting"}, None),
        ({"state": "idle", "note": None}, Reading(SessionState.IDLE, "at its prompt")),
        ({"state": "idle", "note": "fresh"}, Reading(SessionState.IDLE, "at its prompt; fresh")),
        ({"state": "busy"}, Reading(SessionState.WORKING, "in a turn")),
        (
            {"state": "waiting", "question": "may I?"},
            Reading(SessionState.BLOCKED, "a dialog is open: may I?"),
        ),
        ({"state": "idle", "session": "of another"}, None),
        (None, None),
    ],
)
def test_the_status_file_tells_the_state_of_its_own_session_alone(
    tmp_path: Path, status: dict[str, object] | None, reading: Reading | None
) -> None:
    sensor = AcpSensor(context(tmp_path))
    sensor.on_status(None if status is None else json.dumps({"session": "s1", **status}).encode())
    assert sensor.reading() == reading


def test_the_conversation_is_known_by_the_status_file_and_leads_to_the_record(tmp_path: Path) -> None:
    sensor = AcpSensor(context(tmp_path))
    assert (sensor.find(7, None), sensor.tails()) == ((), ())
    write(sensor.status_path(7), json.dumps({"session": "s1", "conversation": "a/b"}).encode())
    assert sensor.find(7, None) == (ConversationSeen("a/b"),)
    assert sensor.find(7, None) == ()
    assert sensor.tails() == (tmp_path / "shared/a%2Fb/s1.jsonl",)


def test_the_input_line_is_read_below_what_is_said(tmp_path: Path) -> None:
    sensor = AcpSensor(context(tmp_path))
    busy = "working (Esc cancels the turn)"
    for screen, view in (
        ("", View(Composer.HIDDEN)),
        ("< acp> said\nacp>", View(Composer.EMPTY)),
        (f"{busy}\nacp> a draft\n     of two lines", View(Composer.FILLED, busy=True, draft="x")),
        ("? may I?\n  1. Yes\nacp> 1", View(Composer.FILLED, "may I?")),
    ):
        assert sensor.on_screen(screen, "") == view
    assert sensor.on_screen("acp> a draft\n     of two lines", "").draft == "a draft      of two lines"


def test_it_is_started_by_its_client_with_what_it_is_to_load(tmp_path: Path, runtime: AcpRuntime) -> None:
    fresh = runtime.plan(context(tmp_path, args=("--fast",), prompt="be kind"))  # type: ignore[arg-type]
    argv = list(fresh.argv)
    agent = argv[argv.index("--") + 1 :]
    assert agent == [str(tmp_path / "bin/agent"), "acp", "--fast"]
    assert argv[argv.index("--instructions") + 1] == "be kind"
    assert json.loads(argv[argv.index("--meta") + 1]) == {"a": 1}
    assert "--load" not in argv
    assert fresh.env["KEY"] == "v"
    for wake, insists in ((WakeCause.PARKED_ALWAYS, False), (WakeCause.OPERATOR_RESUME, True)):
        argv = list(runtime.plan(context(tmp_path, conversation="c", wake=wake)).argv)
        assert argv[argv.index("--load") + 1] == "c"
        assert ("--must-load" in argv) == insists
    (tmp_path / "bin/agent").unlink()
    with pytest.raises(RuntimeMissingError, match="correct acp in"):
        runtime.locate(str(tmp_path / "bin"))


def test_what_a_resumed_conversation_holds_is_told_by_its_replay_alone(
    tmp_path: Path, runtime: AcpRuntime
) -> None:
    folder = tmp_path / "shared/c"
    first = write(folder / "s1.jsonl", line("session", loads=True, replayed=0), at=100)
    second = write(folder / "s2.jsonl", line("session", loads=True, loaded=True, replayed=0), at=200)
    third = write(folder / "s3.jsonl", line("session", loads=True, loaded=True, replayed=2), at=300)
    write(tmp_path / "shared/d/s9.jsonl", line("session", loads=False), at=400)
    for session, found in (("s1", (first, second, third)), ("s2", (first, second, third)), ("s3", (third,))):
        assert tuple(runtime.transcripts(context(tmp_path, session=session, conversation="c"))) == found
    assert runtime.transcript(context(tmp_path, session="s4", conversation="c")) == third
    assert runtime.transcript(context(tmp_path, session="s4", conversation="d")) is None, (
        "it cannot be loaded"
    )
    assert runtime.transcript(context(tmp_path, session="s4", conversation="e")) is None
    assert runtime.transcript(context(tmp_path, session="s4")) is None
    assert [path.name for path in runtime.written(context(tmp_path), 200)] == [
        "s9.jsonl",
        "s3.jsonl",
        "s2.jsonl",
    ]
    assert runtime.conversation_of(tmp_path / "a%2Fb/s.jsonl") == "a/b"


def test_what_was_submitted_or_replayed_was_given(runtime: AcpRuntime) -> None:
    assert runtime.given(line("submitted", head="x"))
    assert runtime.given(line("replayed", text="x"))
    for other in (line("permission", text='"type":"submitted"'), line("error"), b"{", b"42"):
        assert not runtime.given(other)


def test_a_client_that_has_the_conversation_open_is_named(tmp_path: Path, runtime: AcpRuntime) -> None:
    status = {"session": "s0", "pid": 7, "start": 9, "conversation": "c"}
    write(tmp_path / "shared/status/7.json", json.dumps(status).encode())
    (claim,) = runtime.claims(context(tmp_path, conversation="c"))
    assert (claim.pid, claim.start) == (7, 9)
    assert runtime.claims(context(tmp_path, conversation="d")) == []


def test_any_program_is_known_by_a_table_and_the_ready_made_by_name(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(
        '[runtimes.mine]\nacp = ["my-agent", "--acp"]\npass = ["KEY"]\n[runtimes.mine.meta]\nmodel = "m"\n'
    )
    config = load_config(path)
    assert config.runtimes == (AcpTable("mine", ("my-agent", "--acp"), ("KEY",), {}, {"model": "m"}),)
    runtimes = Runtimes(config.runtimes)
    assert isinstance(runtimes.get("mine"), AcpRuntime)
    assert isinstance(runtimes.get("mine").call(context(tmp_path)), AcpCall)
    assert runtimes.get("mine").passes == ("KEY",)
    ready = {each.table.name for each in ready_made() if isinstance(each.table, AcpTable)}
    assert ready == {"claude-acp", "codex-acp", "gemini-acp", "opencode-acp"}
    for name in (*ready, "demo-acp"):
        assert isinstance(runtimes.get(name), AcpRuntime)
    for name in BUILT_IN:
        path.write_text(f'[runtimes.{name}]\nacp = ["x"]\n')
        with pytest.raises(ConfigError, match="cannot be the name"):
            load_config(path)


@pytest.mark.parametrize(
    "table", ["acp = []", 'acp = ["x"]\nready = "y"', 'acp = "x"', 'acp = ["x"]\nmeta = 5']
)
def test_a_table_that_cannot_be_is_refused_with_its_place(tmp_path: Path, table: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"[runtimes.mine]\n{table}\n")
    with pytest.raises(ConfigError, match="at line"):
        load_config(path)
