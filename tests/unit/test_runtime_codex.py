"""What the recorded screens of Codex 0.169.0 mean, and what its files say."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Joined, Session, SessionState, WakeCause
from roost.faults import Fault
from roost.runtimes import codex_screen
from roost.runtimes.codex import CodexRuntime
from roost.runtimes.codex_sensor import ROLLOUT, CodexSensor
from roost.runtimes.context import Context
from roost.runtimes.facts import INTERRUPTED, Answered, ConversationSeen, Prompted, Rejected, TurnOver, Wrote
from roost.runtimes.lines import time_of
from roost.runtimes.screen import plain
from roost.runtimes.view import Composer, Reading, View

SCREENS = Path(__file__).parents[1] / "data/screens/codex"
EMPTY, FILLED, HIDDEN = Composer.EMPTY, Composer.FILLED, Composer.HIDDEN
CONVERSATION = "11111111-2222-4333-8444-555555555551"
COMMAND = "Would you like to run the following command?"

KNOWN: dict[str, tuple[Composer, str | None, bool]] = {
    "busy": (EMPTY, None, True),
    "draft": (FILLED, None, False),
    "draft-collapsed-paste": (FILLED, None, False),
    "folder-access": (HIDDEN, "Folder access", False),
    "hooks-review": (HIDDEN, "Hooks need review", False),
    "interrupted": (EMPTY, None, False),
    "login": (HIDDEN, "Welcome to Codex, OpenAI's command-line coding agent", False),
    "mcp-permission": (HIDDEN, 'Allow the roost MCP server to run tool "send_message"?', False),
    "model-error": (EMPTY, None, False),
    "model-error-401": (EMPTY, None, True),
    "model-error-529": (EMPTY, None, False),
    "model-error-retrying": (EMPTY, None, True),
    "open-elsewhere": (HIDDEN, "This conversation is open in another app", False),
    "permission": (HIDDEN, COMMAND, False),
    "permission-80x24": (HIDDEN, COMMAND, False),
    "permission-after-paste": (HIDDEN, COMMAND, False),
    "permission-refused": (EMPTY, None, False),
    "ready": (EMPTY, None, False),
    "ready-80x24": (EMPTY, None, False),
    "ready-mcp-down": (EMPTY, None, False),
    "resume-directory": (HIDDEN, "Working directory · resume", False),
    "resume-unknown": (HIDDEN, None, False),
    "resumed": (EMPTY, None, False),
    "steered": (EMPTY, None, True),
    "turn-done": (EMPTY, None, False),
}


def screen(name: str) -> str:
    return (SCREENS / f"{name}.txt").read_text()


def test_a_text_that_fills_the_screen_stands_in_the_input_line() -> None:
    """0.169.0: a paste of many short lines is shown whole and leaves no room for the status line."""
    screen = "\n".join(
        [">_ OpenAI Codex", "", "› line" + " " * 150 + "↑", *["  line"] * 30, "", "  [end of roost message]"]
    )
    assert codex_screen.look_at(screen).view == View(FILLED)


def test_every_recorded_screen_is_known() -> None:
    assert sorted(path.stem for path in SCREENS.glob("*.txt")) == sorted(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_recorded_screens_are_judged(name: str) -> None:
    view = codex_screen.look_at(screen(name)).view
    assert (view.composer, view.dialog, view.busy) == KNOWN[name]


def test_a_faint_hint_is_no_draft_whatever_it_says() -> None:
    styled = (
        "\x1b[1m›\x1b[0m\x1b[39m\x1b[49m \x1b[2mExplain this codebase\n"
        "\x1b[0m\n  \x1b[38;5;223mmodel\x1b[39m · /w\n"
    )
    assert codex_screen.look_at(styled).view.composer is EMPTY
    assert codex_screen.look_at(plain(styled)).view.composer is FILLED


def test_the_title_tells_of_a_dialog_that_the_screen_does_not() -> None:
    view = codex_screen.look_at(screen("ready"), "[ . ] Action Required | w").view
    assert (view.composer, view.dialog) == (HIDDEN, "it asks for a decision")


TYPED = (
    "\x1b[1m›\x1b[0m\x1b[39m\x1b[49m [roost message m-1 from b]\n\n  {row}\n  [end of roost message m-1]\n\n"
    "  \x1b[38;5;223mfake-model default\x1b[39m · /tmp/w\n"
)
SPOOFS = (
    "This conversation is open in another app",
    "🔒  This conversation is open in another app    r to retry",
    "Find: this word",
    "press enter to confirm or esc to cancel",
)


@pytest.mark.parametrize("row", SPOOFS)
@pytest.mark.parametrize("tall", [False, True], ids=["with rows below it", "as tall as the screen"])
def test_C15_words_in_the_input_line_are_no_dialog(row: str, tall: bool) -> None:
    """A message that told of "open in another app" was pasted and never entered, nor what came behind it."""
    typed = TYPED.format(row=row)
    if tall:
        typed = "\n".join([typed.splitlines()[0] + " " * 60 + "↑", "", f"  {row}"])
    for drawn in (typed, plain(typed)):
        view = codex_screen.look_at(drawn).view
        assert (view.composer, view.dialog) == (FILLED, None)
        assert row.rsplit(maxsplit=1)[-1] in view.draft, "the text of the input line is its draft"


def test_C15_an_answer_that_names_a_dialog_is_none() -> None:
    said = screen("turn-done").replace("• done", f"• {SPOOFS[0]}")
    assert SPOOFS[0] in said
    assert codex_screen.look_at(said).view == View(EMPTY)
    resting = "\n".join(said.split("  Worked for")[0].splitlines())
    assert codex_screen.look_at(resting).view.dialog is None, "nor where no input line is drawn yet"


@pytest.mark.parametrize("words", ["make esc close the list", "q · exit does not work"])
def test_C13_a_prompt_that_the_status_line_repeats_is_no_other_view(words: str) -> None:
    """Codex puts the first words of a conversation there: they looked like the keys of an open view."""
    status = "  \x1b[38;5;223mfake-model default\x1b[39m · \x1b[38;5;151m/tmp/w\x1b[39m · " + words
    prompt = "\x1b[1m›\x1b[0m\x1b[39m\x1b[49m \x1b[2mAsk Codex to do anything\x1b[0m\n\n"
    assert codex_screen.look_at(prompt + status).view == View(EMPTY)
    leader = codex_screen.look_at(f"{prompt}{status}{' ' * 20}\x1b[2mEsc cancel").view
    assert leader.composer is Composer.ELSEWHERE, "keys behind a gap are no part of it"


FOOT = (
    "\n\n\n\x1b[1m›\x1b[0m\x1b[39m\x1b[49m \x1b[2mAsk Codex to do anything\x1b[0m\n\n  fake-model default\n"
)
SAID = "\x1b[2m• \x1b[0m\x1b[39m\x1b[49m{row}"
DRAWN = (
    "\x1b[1m\x1b[38;2;128;128;128m•\x1b[0m \x1b[2m{words}\x1b[0m "
    "\x1b[2m(3s • \x1b[0;1mesc\x1b[0;2m to interrupt)\x1b[0m"
)


@pytest.mark.parametrize("words", ["Working", "Reconnecting... 1/5"])
def test_C1_an_answer_in_the_words_of_a_running_turn_is_none(tmp_path: Path, words: str) -> None:
    """It kept the peer `working`, its mail waiting, and an interrupt pressed Escape at its prompt."""
    said = SAID.format(row=f"{words} (3s • esc to interrupt)\n  └ no such words")
    for below in ("\n\n\x1b[2m  Worked for <1s • 10:46\x1b[0m", ""):
        sensor = CodexSensor(context(tmp_path))
        assert sensor.on_screen(said + below + FOOT, "") == View(EMPTY)
        assert sensor.reading() == Reading(SessionState.IDLE, "at its prompt")
    drawn = DRAWN.format(words="Working")
    look = codex_screen.look_at(f"{said}\n\n{drawn}{FOOT}")
    assert (look.view, look.retry) == (View(EMPTY, busy=True), None), "its own row is below it"
    asked = DRAWN.format(words="Reconnecting... 1/5")
    assert codex_screen.look_at(f"{said}\n\n{asked}\n  └ 401{FOOT}").retry == "401"


def test_only_the_peers_own_folder_is_trusted() -> None:
    answer = codex_screen.boot_answer(screen("folder-access"), {"/tmp/w/gitproj2"})
    assert answer is not None
    assert (answer.key, answer.expect) == ("Enter", "› 1. Trust and continue")
    for other in ("/tmp/w", "/tmp/w/gitproj", "/tmp/w/gitproj2/sub"):
        assert codex_screen.boot_answer(screen("folder-access"), {other}) is None
    moved = screen("folder-access").replace("› 1.", "  1.").replace("  2.", "› 2.")
    assert codex_screen.boot_answer(moved, {"/tmp/w/gitproj2"}) is None


def test_a_resumed_conversation_works_in_the_peers_folder() -> None:
    first = codex_screen.boot_answer(screen("resume-directory"), {"/tmp/w"})
    assert first is not None
    assert (first.key, first.expect) == ("Down", "› 1. Use session directory (")
    moved = screen("resume-directory").replace("› 1.", "  1.").replace("  2.", "› 2.")
    second = codex_screen.boot_answer(moved, {"/tmp/w"})
    assert second is not None
    assert (second.key, second.expect) == ("Enter", "› 2. Use current directory (")
    assert codex_screen.boot_answer(screen("resume-directory"), {"/elsewhere"}) is None


@pytest.mark.parametrize("name", sorted(set(KNOWN) - {"folder-access", "resume-directory"}))
def test_no_other_screen_is_ever_answered(name: str) -> None:
    assert codex_screen.boot_answer(screen(name), {"/tmp/w/proj", "/tmp/w", "/tmp/w/gitproj2"}) is None


def test_a_retried_request_is_told() -> None:
    retry = codex_screen.look_at(screen("model-error-401")).retry
    assert retry is not None
    assert retry.startswith("Unexpected status 401 Unauthorized")


def context(tmp_path: Path, conversation: str | None = None, **settings: Any) -> Context:  # noqa: ANN401 -- fields
    session = Session(
        "s", "a", 1, "n", WakeCause.FIRST_WAKE, False, 1000.0, 1000.0, conversation=conversation
    )
    chosen = Settings(dir=str(tmp_path / "w"), runtime="codex", **settings)
    return Context(
        session, chosen, tmp_path, tmp_path, {"HOME": str(tmp_path)}, "http://127.0.0.1:9", tmp_path / "call"
    )


def event(**payload: object) -> bytes:
    record = {"timestamp": "2026-11-20T11:21:45.020Z", "type": "event_msg", "payload": payload}
    return json.dumps(record, separators=(",", ":")).encode()


def message(text: str) -> bytes:
    return event(
        type="item_completed", item={"type": "UserMessage", "content": [{"type": "text", "text": text}]}
    )


def rollout(home: Path, conversation: str = CONVERSATION) -> Path:
    path = home / f".codex/sessions/2026/11/20/rollout-2026-11-20T11-21-44-{conversation}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


REFUSED = """
› [roost message of ours]

• Blocked by hook
  └ no such words here

  Worked for <1s • 10:38


› Ask Codex to do anything

  fake-model default · /tmp/w
"""


def test_C4_a_turn_without_a_prompt_is_a_refusal_once_its_words_are_seen(tmp_path: Path) -> None:
    """Codex 0.171.0: a hook that stops a prompt leaves a turn without it; the screen alone has its words."""
    sensor = CodexSensor(context(tmp_path))
    turn = [event(type="task_started"), event(type="task_complete", last_agent_message=None)]
    assert sensor.on_lines(turn) == [TurnOver(ROLLOUT)]
    sensor.on_screen(screen("ready"), "")
    assert sensor.find(77, None) == []
    sensor.on_screen(REFUSED, "")
    assert sensor.find(77, None) == [Rejected(ROLLOUT, "no such words here")]
    assert sensor.find(77, None) == [], "once"
    sensor.on_lines([event(type="task_started"), message("words"), event(type="task_complete")])
    assert sensor.find(77, None) == [], "a turn with its prompt"


def test_N5_a_turn_that_was_cut_off_just_before_this_life_does_not_run_in_it(tmp_path: Path) -> None:
    """Nothing ends it in the rollout: the session stood as working for good, and took no message."""
    cut = event(type="task_started", turn_id="cut")
    at = time_of(json.loads(cut), "timestamp")
    joined = Joined(ProcessId("boot", 1, 2))
    for earlier, who, state in (
        (0.2, None, SessionState.IDLE),
        (-0.2, None, SessionState.WORKING),
        (0.2, joined, SessionState.WORKING),
    ):
        made = context(tmp_path)
        sensor = CodexSensor(
            replace(made, session=replace(made.session, started_at=at + earlier, joined=who))
        )
        sensor.on_screen(screen("ready"), "")
        sensor.on_lines([cut])
        told = sensor.reading()
        assert told is not None
        assert told.state is state, (earlier, who)


def test_C1_terminals_in_the_background_are_told_by_the_screen(tmp_path: Path) -> None:
    sensor = CodexSensor(context(tmp_path))
    line = "  2 background terminals running · /ps to view · /stop to close"
    sensor.on_screen(f"{line}\n\n\n› Ask Codex to do anything\n\n  fake-model default · /tmp/w\n", "")
    assert sensor.reading() == Reading(SessionState.IDLE, "at its prompt", "2 background terminals running")


def test_the_rollout_tells_prompts_and_ends(tmp_path: Path) -> None:
    sensor = CodexSensor(context(tmp_path))
    sensor.on_screen(screen("ready"), "")
    assert sensor.on_lines([event(type="task_started")]) == []
    assert sensor.reading() == Reading(SessionState.WORKING, "in a turn")
    facts = sensor.on_lines(
        [
            b"torn",
            message("words"),
            event(type="item_completed", item={"type": "AgentMessage", "content": [{"text": "no"}]}),
            event(type="task_complete", last_agent_message="yes"),
            event(type="task_complete", last_agent_message=None, error={"message": "no\n model"}),
            event(type="turn_aborted", reason="interrupted"),
        ]
    )
    assert facts == [
        Prompted("words", ROLLOUT),
        Answered(ROLLOUT),
        TurnOver(ROLLOUT),
        TurnOver(ROLLOUT, "no model"),
        TurnOver(ROLLOUT, INTERRUPTED, interrupted=True),
    ]
    assert sensor.reading() == Reading(SessionState.IDLE, "at its prompt")


def test_17_the_files_that_a_patch_has_written_are_told(tmp_path: Path) -> None:
    changes = {"/w/a.txt": {"type": "add", "content": "x"}, "/w/b.txt": {"type": "update"}}
    item = {"type": "FileChange", "id": "c", "changes": changes, "status": "completed"}
    sensor = CodexSensor(context(tmp_path))
    facts = sensor.on_lines([event(type="item_completed", item=item)])
    assert [fact.path for fact in facts if isinstance(fact, Wrote)] == ["/w/a.txt", "/w/b.txt"]
    failed = event(type="item_completed", item={**item, "status": "failed"})
    assert not any(isinstance(fact, Wrote) for fact in sensor.on_lines([failed]))


@pytest.mark.parametrize(
    ("info", "message", "fault"),
    [
        ({"http_connection_failed": {"http_status_code": 401}}, "no", Fault.SERVICE),
        ({"http_connection_failed": {"http_status_code": 402}}, "no", Fault.SERVICE),
        ({"http_connection_failed": {"http_status_code": 404}}, "no", Fault.SERVICE),
        ({"http_connection_failed": {"http_status_code": 405}}, "no", Fault.SERVICE),
        ({"http_connection_failed": {"http_status_code": 529}}, "no", Fault.SERVICE),
        ({"http_connection_failed": {"http_status_code": 413}}, "no", Fault.REQUEST),
        ({"http_connection_failed": {"http_status_code": 422}}, "no", Fault.REQUEST),
        ({"response_too_many_failed_attempts": {"http_status_code": 429}}, "no", Fault.SERVICE),
        ({"response_stream_disconnected": {"http_status_code": None}}, "no", Fault.SERVICE),
        ({"active_turn_not_steerable": {"turn_kind": "review"}}, "no", Fault.UNKNOWN),
        ({}, "no", Fault.UNKNOWN),
        ("internal_server_error", "no", Fault.SERVICE),
        ("usage_limit_exceeded", "no", Fault.SERVICE),
        ("context_window_exceeded", "no", Fault.REQUEST),
        ("other", '{"error":{"code":"400","message":"no"}}', Fault.REQUEST),
        ("other", '{"detail":"The m model is not supported when using Codex with x"}', Fault.SERVICE),
        ("other", "Missing environment variable: KEY", Fault.UNKNOWN),
        (None, "no", Fault.UNKNOWN),
    ],
)
def test_an_outage_of_the_model_is_no_fault_of_the_prompt(
    tmp_path: Path, info: object, message: str, fault: Fault
) -> None:
    sensor = CodexSensor(context(tmp_path))
    error = {"message": message, "codex_error_info": info}
    (fact,) = sensor.on_lines([event(type="task_complete", last_agent_message=None, error=error)])
    assert fact == TurnOver(ROLLOUT, message, fault=fault)


def test_a_prompt_that_a_turn_takes_in_joins_it_and_the_first_of_the_next_begins_that(tmp_path: Path) -> None:
    sensor = CodexSensor(context(tmp_path))
    started, over = event(type="task_started"), event(type="turn_aborted", reason="interrupted")
    facts = sensor.on_lines(
        [started, message("first"), message("second"), message("third"), over, started, message("fourth")]
    )
    assert facts == [
        Prompted("first", ROLLOUT),
        Prompted("second", ROLLOUT, joins=True),
        Prompted("third", ROLLOUT, joins=True),
        TurnOver(ROLLOUT, INTERRUPTED, interrupted=True),
        Prompted("fourth", ROLLOUT),
    ]


def test_lines_of_an_earlier_life_are_no_evidence(tmp_path: Path) -> None:
    old = message("old").replace(b"2026-11-20T11:21:45.020Z", b"1970-01-01T00:10:00Z")
    assert CodexSensor(context(tmp_path)).on_lines([old]) == []


def test_a_sensor_that_joins_late_knows_its_rollout(tmp_path: Path) -> None:
    sensor = CodexSensor(context(tmp_path, CONVERSATION))
    assert sensor.tails() == ()
    path = rollout(tmp_path)
    path.write_bytes(b"")
    assert sensor.find(0, None) == []
    assert sensor.tails() == (path,)


def test_a_session_is_started_by_options_of_its_own(tmp_path: Path) -> None:
    plan = CodexRuntime().plan(context(tmp_path, prompt='say "ünï"', args=("--disable", "plugins")))
    assert plan.argv[:2] == ("codex", "--no-daemon")
    given = tomllib.loads("\n".join(plan.argv[3:-2:2]))
    assert given["developer_instructions"] == 'say "ünï"'
    assert given["check_for_update_on_startup"] is False
    assert given["mcp_servers"]["roost"] == {
        "url": "http://127.0.0.1:9/mcp",
        "bearer_token_env_var": "ROOST_TOKEN",
        "default_tools_approval_mode": "approve",
    }
    assert plan.argv[-2:] == ("--disable", "plugins")
    made = context(tmp_path, CONVERSATION)
    resumed = replace(made, session=replace(made.session, resumed=True))
    assert CodexRuntime().plan(resumed).argv[:4] == ("codex", "resume", CONVERSATION, "--no-daemon")


def test_without_open_files_the_conversation_is_the_one_that_holds_the_message(tmp_path: Path) -> None:
    sensor = CodexSensor(context(tmp_path))
    path = rollout(tmp_path)
    path.write_bytes(message("[roost ... boundary 1234]") + b"\n")
    facts = [fact for _ in range(50) for fact in sensor.find(0, "boundary 1234]")]
    assert facts == [ConversationSeen(CONVERSATION)]
    assert sensor.tails() == (path,)
    other = CodexSensor(context(tmp_path))
    assert [fact for _ in range(50) for fact in other.find(0, "boundary 5678]")] == []
