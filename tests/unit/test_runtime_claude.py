"""What the recorded screens of Claude Code 2.1.328 mean, and what its files and hooks say."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Processes, Session, SessionState, WakeCause
from roost.errors import RuntimeMissingError
from roost.faults import Fault
from roost.runtimes import claude_screen
from roost.runtimes.claude import THRESHOLDS, ClaudeRuntime
from roost.runtimes.claude_paste import as_pasted
from roost.runtimes.claude_sensor import TRANSCRIPT, ClaudeSensor
from roost.runtimes.context import Context
from roost.runtimes.facts import INTERRUPTED, Answered, ConversationSeen, Prompted, Rejected, TurnOver, Wrote
from roost.runtimes.screen import plain
from roost.runtimes.view import Composer, Reading

SCREENS = Path(__file__).parents[1] / "data/screens/claude"
EMPTY, FILLED, HIDDEN = Composer.EMPTY, Composer.FILLED, Composer.HIDDEN
PROCEED = "Do you want to proceed?"
CONVERSATION = "11111111-2222-4333-8444-555555555555"

KNOWN: dict[str, tuple[Composer, str | None, bool]] = {
    "api-key": (HIDDEN, "Detected a custom API key in your environment", False),
    "auto-mode-nudge": (HIDDEN, "Make auto mode your default permission mode?", False),
    "busy": (EMPTY, None, True),
    "bypass-warning": (HIDDEN, "WARNING: Claude Code running in Bypass Permissions mode", False),
    "draft": (FILLED, None, False),
    "draft-collapsed-paste": (FILLED, None, False),
    "hook-hung": (EMPTY, None, False),
    "hook-refused": (EMPTY, None, False),
    "interrupted": (FILLED, None, False),
    "login": (HIDDEN, "Browser didn't open? Use the URL below to sign in (c to copy)", False),
    "mcp-permission": (HIDDEN, f"Tool use: {PROCEED}", False),
    "model-error": (EMPTY, None, False),
    "model-error-400": (EMPTY, None, False),
    "model-error-401": (EMPTY, None, True),
    "not-logged-in": (EMPTY, None, False),
    "not-logged-in-ready": (EMPTY, None, False),
    "onboarding": (HIDDEN, "Choose the text style that looks best with your terminal", False),
    "pasting": (HIDDEN, None, False),
    "permission": (HIDDEN, f"Bash command: {PROCEED}", False),
    "permission-80x24": (HIDDEN, f"Bash command: {PROCEED}", False),
    "permission-after-paste": (HIDDEN, f"Bash command: {PROCEED}", False),
    "permission-refused": (EMPTY, None, False),
    "project-mcp": (HIDDEN, "New MCP server found in this project: projsrv", False),
    "question": (HIDDEN, "☐ Colour: Which colour?", False),
    "queued": (EMPTY, None, True),
    "ready": (EMPTY, None, False),
    "ready-80x24": (EMPTY, None, False),
    "ready-accept-edits": (EMPTY, None, False),
    "ready-auto": (EMPTY, None, False),
    "ready-mcp-down": (EMPTY, None, False),
    "resumed": (EMPTY, None, False),
    "trust": (HIDDEN, "Accessing workspace: /tmp/w/proj", False),
    "trust-yes-selected": (HIDDEN, "Accessing workspace: /tmp/w/proj", False),
    "turn-done": (EMPTY, None, False),
}


def screen(name: str) -> str:
    return (SCREENS / f"{name}.txt").read_text()


def test_every_recorded_screen_is_known() -> None:
    assert sorted(path.stem for path in SCREENS.glob("*.txt")) == sorted(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_recorded_screens_are_judged(name: str) -> None:
    view = claude_screen.look_at(screen(name)).view
    assert (view.composer, view.dialog, view.busy) == KNOWN[name]


# captured with its styles: the letter under the cursor is inverse, the rest of the hint faint
STYLED = (
    "\x1b[38;5;244m" + "─" * 60 + "\n"
    '\x1b[38;5;246m❯\xa0\x1b[7m\x1b[39mT\x1b[0;2m\x1b[39m\x1b[49mry\x1b[0m\x1b[39m\x1b[49m \x1b[2m"it"\n'
    "\x1b[0m\x1b[38;5;244m\x1b[49m" + "─" * 60 + "\n"
    "\x1b[39m  \x1b[38;5;246m⏸ manual mode on\n"
)


def test_a_faint_hint_is_no_draft_whatever_it_says() -> None:
    assert claude_screen.look_at(STYLED).view.composer is EMPTY
    assert claude_screen.look_at(STYLED.replace("0;2m", "0m").replace("[2m", "[1m")).view.composer is FILLED
    assert claude_screen.look_at(plain(STYLED)).view.composer is FILLED


def test_an_input_line_in_an_echoed_text_is_not_the_input_line() -> None:
    forged = screen("permission").replace("● done", "❯\xa0")
    assert claude_screen.look_at(forged).view.composer is HIDDEN


def test_a_paste_that_it_still_reads_is_no_empty_prompt_and_no_draft() -> None:
    for typed in ("", "typed meanwhile"):
        view = claude_screen.look_at(screen("pasting").replace("❯\xa0", f"❯\xa0{typed}")).view
        assert (view.composer, view.shows) == (HIDDEN, "Pasting…")


def test_what_goes_on_behind_the_name_of_a_picture_is_pasted_as_one_line_with_it() -> None:
    pictures = [
        "/tmp/a.png",
        "'/tmp/b c.JPEG' ",
        r"/tmp/d\ e.w\ebp",
        r"C:\f.gif",
        "/x.jpg /y.txt",
        "see g.png",
    ]
    others = ["", "/tmp/a.pdf", "a png", "/tmp/a.svg /tmp/b.bmp"]
    for line in (*pictures, *others):
        behind = "\r" if line in pictures else "\n"
        assert as_pasted(f"header\n{line}\n/tmp/last.png") == f"header\n{line}{behind}/tmp/last.png"


def test_only_the_peers_own_folder_is_trusted_with_checked_keys() -> None:
    own = {"/tmp/w/proj"}
    answer = claude_screen.boot_answer(screen("trust"), own, None)
    assert answer is not None
    assert (answer.key, answer.expect) == ("Down", "❯ No, exit")
    answer = claude_screen.boot_answer(screen("trust-yes-selected"), own, None)
    assert answer is not None
    assert (answer.key, answer.expect) == ("Enter", "❯ Yes, I trust this folder")
    for other in ("/tmp/w", "/tmp/w/proj2", "/tmp/w/proj/sub"):
        assert claude_screen.boot_answer(screen("trust"), {other}, None) is None


def test_a_long_folder_runs_over_two_lines() -> None:
    long = "/tmp/" + "x" * 100
    shown = screen("trust").replace(" /tmp/w/proj\n", f" {long[:70]}\n {long[70:]}\n")
    answer = claude_screen.boot_answer(shown, {long}, None)
    assert answer is not None
    assert answer.dialog == f"trust {long}"


def test_an_api_key_is_used_only_when_it_is_the_peers_own() -> None:
    own = "sk-ant-0123-more-0123456789abcdefghij"
    answer = claude_screen.boot_answer(screen("api-key"), (), own)
    assert answer is not None
    assert (answer.key, answer.expect) == ("Up", "❯ No (recommended)")
    assert claude_screen.boot_answer(screen("api-key"), (), None) is None
    assert claude_screen.boot_answer(screen("api-key"), (), "sk-ant-another") is None


@pytest.mark.parametrize("name", sorted(set(KNOWN) - {"trust", "trust-yes-selected", "api-key"}))
def test_no_other_screen_is_ever_answered(name: str) -> None:
    own = "sk-ant-0123-more-0123456789abcdefghij"
    assert claude_screen.boot_answer(screen(name), {"/tmp/w/proj"}, own) is None


def test_a_retried_request_is_told() -> None:
    assert claude_screen.look_at(screen("model-error-401")).retry == "401 fake model: asked for 401"


def context(tmp_path: Path, **settings: Any) -> Context:  # noqa: ANN401 -- fields of the settings
    processes = Processes(ProcessId("b", 77, 4242), ProcessId("b", 76, 1), ProcessId("b", 75, 1), "/s")
    session = Session(
        "s", "a", 1, "n", WakeCause.FIRST_WAKE, False, 1000.0, 1000.0, conversation=CONVERSATION
    )
    session = replace(session, processes=processes)
    chosen = Settings(dir=str(tmp_path / "my.dir"), runtime="claude", **settings)
    return Context(
        session, chosen, tmp_path, tmp_path, {"HOME": str(tmp_path)}, "http://127.0.0.1:9", tmp_path / "call"
    )


def line(**record: object) -> bytes:
    return json.dumps({"timestamp": "2026-11-20T11:21:27.042Z", **record}, separators=(",", ":")).encode()


def status(**fields: object) -> bytes:
    known = {"pid": 77, "procStart": "4242", "sessionId": CONVERSATION, "status": "idle"}
    return json.dumps({**known, **fields}).encode()


def at_prompt(tmp_path: Path) -> ClaudeSensor:
    sensor = ClaudeSensor(context(tmp_path))
    sensor.on_screen(screen("ready"), "")
    return sensor


@pytest.mark.parametrize(
    ("said", "state"),
    [("idle", SessionState.IDLE), ("busy", SessionState.WORKING), ("waiting", SessionState.BLOCKED)],
)
def test_the_status_file_tells_the_state(tmp_path: Path, said: str, state: SessionState) -> None:
    sensor = at_prompt(tmp_path)
    assert sensor.on_status(status(status=said, waitingFor="permission prompt")) == []
    reading = sensor.reading()
    assert reading is not None
    assert reading.state is state
    if state is SessionState.BLOCKED:
        assert reading.why == "a dialog is open: permission prompt"


@pytest.mark.parametrize("foreign", [{"pid": 78}, {"procStart": "4243"}])
def test_H4_a_status_file_of_another_process_is_not_believed(
    tmp_path: Path, foreign: dict[str, object]
) -> None:
    sensor = at_prompt(tmp_path)
    assert sensor.on_status(status(status="busy", sessionId="other", **foreign)) == []
    reading = sensor.reading()
    assert reading is not None
    assert reading.state is SessionState.IDLE


def test_a_conversation_that_a_person_changed_is_noticed(tmp_path: Path) -> None:
    sensor = at_prompt(tmp_path)
    assert sensor.on_status(status(sessionId="another")) == [ConversationSeen("another")]
    assert sensor.tails()[0].name == "another.jsonl"
    assert sensor.on_status(status(sessionId="another")) == []


def test_before_the_first_prompt_there_is_no_state_but_dialogs(tmp_path: Path) -> None:
    sensor = ClaudeSensor(context(tmp_path))
    sensor.on_status(status())
    assert sensor.reading() is None
    sensor.on_status(None)
    sensor.on_screen(screen("onboarding"), "")
    reading = sensor.reading()
    assert reading is not None
    assert reading.why == "a dialog is open: Choose the text style that looks best with your terminal"


def test_a_dialog_that_will_be_answered_is_no_state(tmp_path: Path) -> None:
    sensor = ClaudeSensor(context(tmp_path))
    shown = screen("trust").replace("/tmp/w/proj", str(tmp_path / "my.dir"))
    sensor.on_screen(shown, "")
    assert sensor.boot_answer(shown) is not None
    assert sensor.reading() is None


def test_the_transcript_tells_prompts_and_ends(tmp_path: Path) -> None:
    sensor = at_prompt(tmp_path)
    wrapped = '\n\n<pasted_content id="1">\nwords\n</pasted_content id="1">\n'
    result = [{"type": "tool_result", "content": "x"}]
    failure = {"content": [{"type": "text", "text": "API Error: 400"}]}
    facts = sensor.on_lines(
        [
            b"torn",
            line(type="api-request-blob", message={"role": "user", "content": "no prompt"}),
            line(type="user", message={"role": "user", "content": wrapped}),
            line(type="user", message={"role": "user", "content": result}, toolUseResult="x"),
            line(type="user", message={"role": "user", "content": "a helper's"}, isSidechain=True),
            line(type="assistant", message={"content": [{"type": "text", "text": "words"}]}),
            line(type="system", subtype="turn_duration"),
            line(type="assistant", isApiErrorMessage=True, error="unknown", message=failure),
            line(type="assistant", isApiErrorMessage=True, error="server_error", message=failure),
            line(type="assistant", isApiErrorMessage=True, error="rate_limit", message=failure),
            line(
                type="user", message={"content": [{"type": "text", "text": "[Request interrupted by user]"}]}
            ),
        ]
    )
    assert facts == [
        Prompted(wrapped, TRANSCRIPT),
        Answered(TRANSCRIPT),
        TurnOver(TRANSCRIPT),
        TurnOver(TRANSCRIPT, "API Error: 400", fault=Fault.REQUEST),
        TurnOver(TRANSCRIPT, "API Error: 400", fault=Fault.SERVICE),
        TurnOver(TRANSCRIPT, "API Error: 400", fault=Fault.SERVICE),
        TurnOver(TRANSCRIPT, INTERRUPTED, interrupted=True),
    ]


@pytest.mark.parametrize(
    ("kind", "status", "words", "fault"),
    [
        ("unknown", 400, "API Error: 400 no", Fault.REQUEST),
        ("invalid_request", 413, "Request too large (max 32MB)", Fault.REQUEST),
        ("invalid_request", None, "no", Fault.REQUEST),
        ("unknown", 402, "API Error: 402 no", Fault.SERVICE),
        ("unknown", None, "API Error: 405 no", Fault.SERVICE),
        ("model_not_found", 404, "There's an issue with the selected model (m)", Fault.SERVICE),
        ("unknown", None, "no", Fault.UNKNOWN),
    ],
)
def test_C7_only_an_error_of_what_was_asked_blames_the_conversation(
    tmp_path: Path, kind: str, status: int | None, words: str, fault: Fault
) -> None:
    """As 2.1.332 records them."""
    failure = {"content": [{"type": "text", "text": words}]}
    record = {"isApiErrorMessage": True, "error": kind, "message": failure, "apiErrorStatus": status}
    assert at_prompt(tmp_path).on_lines([line(type="assistant", **record)]) == [
        TurnOver(TRANSCRIPT, words, fault=fault)
    ]


def test_lines_of_an_earlier_life_are_no_evidence(tmp_path: Path) -> None:
    sensor = at_prompt(tmp_path)
    old = {"timestamp": "1970-01-01T00:10:00Z", "type": "user", "message": {"content": "old"}}
    assert sensor.on_lines([json.dumps(old, separators=(",", ":")).encode()]) == []


def test_an_error_that_only_a_person_can_mend_blocks_until_the_next_prompt(tmp_path: Path) -> None:
    sensor = at_prompt(tmp_path)
    sensor.on_status(status())
    failure = {"content": [{"type": "text", "text": "Not logged in · Please run /login"}]}
    sensor.on_lines(
        [line(type="assistant", isApiErrorMessage=True, error="authentication_failed", message=failure)]
    )
    assert sensor.reading() == Reading(SessionState.BLOCKED, "Not logged in · Please run /login")
    sensor.on_lines([line(type="user", message={"content": "again"})])
    assert sensor.reading() == Reading(SessionState.IDLE, "at its prompt")


def test_C4_a_prompt_that_a_hook_refused_is_told_with_its_words(tmp_path: Path) -> None:
    """Exit code 2 keeps the prompt out of the transcript but for this line, `continue: false` does not."""
    sensor = at_prompt(tmp_path)
    blocked = {"ending": {"kind": "blocked_by_hook", "reason": "not\n here"}, "promptKept": False}
    stopped = {"ending": {"kind": "stopped_by_hook", "reason": "enough"}, "promptKept": True}
    informs = {"type": "system", "subtype": "informational", "preventContinuation": True}
    content = "UserPromptSubmit operation blocked by hook:\n\nOriginal prompt: words"
    facts = sensor.on_lines(
        [
            line(**informs, content=content, promptSubmitEnding=blocked),
            line(type="user", message={"content": "words"}),
            line(type="user", isMeta=True, message={"content": "Operation stopped by hook: enough"}),
            line(**informs, content="Operation stopped by hook: enough", promptSubmitEnding=stopped),
            line(**informs, content="something else"),
        ]
    )
    assert facts == [
        Rejected(TRANSCRIPT, "not here", content),
        Prompted("words", TRANSCRIPT),
        Rejected(TRANSCRIPT, "enough"),
    ]


def test_C3_idle_needs_a_prompt_on_the_screen_whatever_the_status_file_says(tmp_path: Path) -> None:
    sensor = at_prompt(tmp_path)
    sensor.on_status(status())
    assert sensor.reading() == Reading(SessionState.IDLE, "at its prompt")
    sensor.on_screen("Something else\n\n", "")
    assert sensor.reading() is None
    sensor.on_status(status(status="busy"))
    assert sensor.reading() == Reading(SessionState.WORKING, "in a turn")


def test_C1_C9_what_goes_on_beside_turns_is_told_by_the_program(tmp_path: Path) -> None:
    sensor = at_prompt(tmp_path)
    sensor.on_status(status(status="shell"))
    assert background(sensor) == "runs a command that it started"
    task = {"id": "b", "type": "shell", "status": "running", "command": "make\n all"}
    sensor.on_hook("Stop", {"session_id": "another", "background_tasks": []})
    sensor.on_hook("Stop", {"session_id": CONVERSATION, "background_tasks": [task]})
    assert background(sensor) == "runs make all"
    sensor.on_status(status())
    assert background(sensor) == ""
    once = {"id": "c1", "recurring": False, "nextFireAt": 1_795_775_280_000}
    sensor.on_lines([line(type="user", message={"content": []}, toolUseResult=once)])
    assert background(sensor) == "a timer is set for 2026-11-27T10:28:00Z"
    again = {"id": "c2", "recurring": True, "nextFireAt": 1_795_775_290_000.5}
    wakeup = {"scheduledFor": 1_795_775_340_000, "clampedDelaySeconds": 60, "wasClamped": False}
    sensor.on_lines(
        [
            line(type="user", message={"content": []}, toolUseResult=again),
            line(type="user", message={"content": []}, toolUseResult=wakeup),
            line(type="system", subtype="scheduled_task_fire", taskId="c1"),
            line(type="system", subtype="scheduled_task_fire", taskId="c2"),
        ]
    )
    assert background(sensor) == "a timer that recurs; a timer is set for 2026-11-27T10:29:00Z"
    sensor.on_lines(
        [
            line(type="user", message={"content": []}, toolUseResult={"id": "c2"}),
            line(type="system", subtype="scheduled_task_fire", taskId="unheard of"),
        ]
    )
    assert background(sensor) == ""


@pytest.mark.parametrize(
    ("tool", "given", "path"),
    [
        ("Write", {"file_path": "/w/a", "content": "x"}, "/w/a"),
        ("Edit", {"file_path": "/w/a"}, "/w/a"),
        ("MultiEdit", {"file_path": "/w/a"}, "/w/a"),
        ("NotebookEdit", {"notebook_path": "/w/a.ipynb"}, "/w/a.ipynb"),
        ("Read", {"file_path": "/w/a"}, None),
        ("Write", {"file_path": 7}, None),
        ("Write", "?", None),
    ],
)
def test_17_a_tool_that_has_written_a_file_is_told_of_once(
    tmp_path: Path, tool: str, given: object, path: str | None
) -> None:
    sensor = at_prompt(tmp_path)
    sensor.on_hook("PostToolUse", {"tool_name": tool, "tool_input": given})
    assert sensor.on_lines([]) == ([Wrote(path)] if path else [])
    assert sensor.on_lines([]) == []


def background(sensor: ClaudeSensor) -> str:
    reading = sensor.reading()
    assert reading is not None
    assert reading.state is SessionState.IDLE
    return reading.background


def test_a_queued_prompt_is_taken_when_it_joins_the_turn_or_begins_the_next(tmp_path: Path) -> None:
    """Claude Code 2.1.328: a text that was queued goes to the model later, or never."""
    sensor = ClaudeSensor(context(tmp_path))
    prompt = {"type": "user", "message": {"content": "first"}}
    queued = {"type": "queue-operation", "operation": "enqueue", "content": "second"}
    joined = {"type": "queued_command", "commandMode": "prompt", "prompt": "second"}
    told = {"type": "queued_command", "commandMode": "task-notification", "prompt": "a task is done"}
    assert sensor.on_lines([line(**prompt)]) == [Prompted("first", TRANSCRIPT)]
    assert sensor.on_lines([line(**queued), line(type="attachment", attachment=told)]) == []
    assert sensor.on_lines([line(type="attachment", attachment=joined)]) == [
        Prompted("second", TRANSCRIPT, joins=True)
    ]
    mail = {
        **told,
        "prompt": "<task-notification>\n[roost message m from op]",
    }  # by a hook that woke it, 2.1.332
    assert sensor.on_lines([line(type="attachment", attachment=mail)]) == [
        Prompted(str(mail["prompt"]), TRANSCRIPT, joins=True)
    ]
    over = line(type="system", subtype="turn_duration")
    assert sensor.on_lines([over]) == [TurnOver(TRANSCRIPT)]


def test_a_session_is_started_by_flags_of_its_own(tmp_path: Path) -> None:
    made = context(tmp_path, prompt="be kind", args=("--model", "x"))
    plan = ClaudeRuntime().plan(made)
    assert plan.argv[-6:] == (
        "--session-id",
        CONVERSATION,
        "--append-system-prompt",
        "be kind",
        "--model",
        "x",
    )
    assert plan.env == dict.fromkeys(THRESHOLDS, "999999999")
    given = json.loads(plan.files["claude-settings.json"])
    assert given["permissions"] == {"allow": ["mcp__roost"]}
    (hook,) = given["hooks"]["UserPromptSubmit"][0]["hooks"]
    assert (hook["url"], hook["timeout"]) == ("http://127.0.0.1:9/hooks/UserPromptSubmit", 2)
    assert "ROOST_TOKEN" in hook["allowedEnvVars"]
    resumed = replace(made, session=replace(made.session, resumed=True), environ={"https_proxy": "http://p"})
    plan = ClaudeRuntime().plan(resumed)
    assert plan.argv[5:7] == ("--resume", CONVERSATION)
    assert {name: plan.env[name] for name in ("NO_PROXY", "no_proxy")} == {
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


def test_a_missing_program_names_the_command_that_installs_it() -> None:
    with pytest.raises(RuntimeMissingError, match="npm install -g @anthropic-ai/claude-code"):
        ClaudeRuntime().locate("/nowhere")
