"""What the recorded screens and records of Gemini CLI 0.61.0 mean, and what its session's home holds."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from roost.core.messages import envelope
from roost.core.vocabulary.message import Examination, Message
from roost.core.vocabulary.session import SessionState
from roost.daemon.session.evidence import examine_record, holds
from roost.errors import InvalidSettingError
from roost.faults import Fault
from roost.runtimes import gemini_args, gemini_chats, gemini_screen
from roost.runtimes.facts import (
    INTERRUPTED,
    Answered,
    Compacted,
    ConversationSeen,
    Fact,
    Prompted,
    Rejected,
    TurnOver,
    Wrote,
)
from roost.runtimes.gemini import ALLOWED, POLICY, GeminiRuntime
from roost.runtimes.gemini_processes import processes_of
from roost.runtimes.gemini_sensor import RECORD, GeminiSensor
from roost.runtimes.view import Composer, Reading
from tests.support.gemini_record import (
    AT,
    COMPACTED,
    CONVERSATION,
    OTHER,
    SCREENS,
    chat,
    context,
    idle,
    kept,
    line,
    recorded,
    said,
    screen,
)

EMPTY, FILLED, HIDDEN, ELSEWHERE = Composer.EMPTY, Composer.FILLED, Composer.HIDDEN, Composer.ELSEWHERE
SHELL = "Shell touch /tmp/x1: Allow execution of [Shell]?"

NO_ACCESS = (
    "It seems like you don't have access to gemini-3.8-flash. Your admin might have disabled the access."
    " Contact them to enable the Preview Release Channel. (1. Keep trying / 2. Stop)"
)

KNOWN: dict[str, tuple[Composer, str | None, bool]] = {
    "api-key": (HIDDEN, "Enter Gemini API Key", False),
    "auth-command": (HIDDEN, "Get started: How would you like to authenticate for this project?", False),
    "busy": (EMPTY, None, True),
    "cancelled": (EMPTY, None, False),
    "draft": (FILLED, None, False),
    "draft-collapsed-paste": (FILLED, None, False),
    "hook-refused": (EMPTY, None, False),
    "login": (HIDDEN, "Get started: How would you like to authenticate for this project?", False),
    "mcp": (EMPTY, None, False),
    "model": (ELSEWHERE, None, False),
    "model-error": (EMPTY, None, False),
    "no-access": (HIDDEN, NO_ACCESS, False),
    "permission": (HIDDEN, SHELL, False),
    "permission-write": (HIDDEN, "WriteFile Writing to x.txt: Apply this change?", False),
    "question": (HIDDEN, "Which colour?", False),
    "queued": (EMPTY, None, True),
    "ready": (EMPTY, None, False),
    "resumed": (EMPTY, None, False),
    "rewind": (ELSEWHERE, None, False),
    "search": (ELSEWHERE, None, False),
    "sessions": (ELSEWHERE, None, False),
    "settings": (ELSEWHERE, None, False),
    "shell-command": (ELSEWHERE, None, False),
    "shell-mode": (ELSEWHERE, None, False),
    "slash-command": (FILLED, None, False),
    "theme": (ELSEWHERE, None, False),
    "trust": (HIDDEN, "Do you trust the files in this folder?", False),
}


def told(facts: list[Fact]) -> list[Fact]:
    """Without the answers, and of prompts the first line's message alone."""
    short = [replace(fact, text=fact.text[15:47]) if isinstance(fact, Prompted) else fact for fact in facts]
    return [fact for fact in short if not isinstance(fact, Answered)]


def prompted(number: int) -> Prompted:
    return Prompted(f"{number:032x}", RECORD)


def test_every_recorded_screen_is_known() -> None:
    assert sorted(path.stem for path in SCREENS.glob("*.txt")) == sorted(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_recorded_screens_are_judged(name: str) -> None:
    view = gemini_screen.look_at(screen(name)).view
    assert (view.composer, view.dialog, view.busy) == KNOWN[name]


def test_only_our_text_in_the_input_line_is_read_as_ours() -> None:
    draft = gemini_screen.look_at(screen("draft")).view.draft
    assert envelope.stands_alone(draft, f"{2:032x}")
    assert gemini_screen.look_at(screen("slash-command")).view.draft == "/compress"
    assert gemini_screen.look_at(screen("draft-collapsed-paste")).view.collapsed


@pytest.mark.parametrize("title", ["", "✦  Working… (a)", "◇  Ready (a)"])
def test_C3_a_numbered_choice_in_place_of_the_input_line_is_a_question_whatever_the_title_says(
    tmp_path: Path, title: str
) -> None:
    sensor = GeminiSensor(context(tmp_path))
    sensor.on_screen(screen("no-access"), title)
    assert sensor.reading() == Reading(SessionState.BLOCKED, f"a dialog is open: {NO_ACCESS}")
    other = screen("no-access").replace("● 1. Keep", "  1. Keep").replace("  2. Stop", "● 2. Stop")
    assert gemini_screen.look_at(other, title).view.dialog == NO_ACCESS


def test_a_view_that_names_its_keys_and_a_list_in_an_answer_are_no_question() -> None:
    working = "✦  Working… (a)"
    view = gemini_screen.look_at(screen("model"), working).view
    assert (view.dialog, view.busy) == (None, True)
    said = screen("no-access").rpartition("╭")[0] + "✦ ● 1. Keep trying\n  2. Stop\n"
    assert gemini_screen.look_at(said, working).view.dialog is None


@pytest.mark.parametrize(
    ("name", "shows", "leave"),
    [
        ("model", "Select Model", "Escape"),
        ("rewind", "> Rewind", "Escape"),
        ("settings", "> Settings", "Escape"),
        ("sessions", "Press q to exit", None),
        ("shell-command", "Shell mode", None),
        ("shell-mode", "Shell mode", "Escape"),
    ],
)
def test_another_view_is_named_and_left_by_the_key_that_it_names(
    name: str, shows: str, leave: str | None
) -> None:
    view = gemini_screen.look_at(screen(name)).view
    assert (view.shows, view.leave) == (shows, leave)


def test_an_echoed_prompt_is_no_input_line() -> None:
    """A question takes the place of the input line; prompts that were entered stand in boxes above it."""
    above = screen("permission").partition("╭")[0]
    said_since = f"{above}✦ done\n"
    assert gemini_screen.look_at(said_since).view.composer is HIDDEN


@pytest.mark.parametrize("mark", ["!", "(r:)"])
def test_a_shell_command_and_a_search_are_no_place_for_a_message(mark: str) -> None:
    view = gemini_screen.look_at(screen("ready").replace(" > ", f" {mark} ")).view
    assert (view.composer, view.leave) == (ELSEWHERE, "Escape")
    typed = screen("ready").replace(" >   Type your message or @path/to/file", f" {mark} ls")
    assert gemini_screen.look_at(typed).view.leave is None


def test_without_colours_the_input_line_stands_between_rules() -> None:
    plain = screen("ready").replace("▄", "─").replace("▀", "─")
    assert gemini_screen.look_at(plain).view.composer is EMPTY


@pytest.mark.parametrize(
    ("title", "seen"),
    [
        ("✦  Working… (w)", (EMPTY, None, True)),
        ("⏲  Working… (w)", (EMPTY, None, True)),
        ("✋  Action Required (w)", (HIDDEN, "it asks for a decision", False)),
        ("◇  Ready (w)", (EMPTY, None, False)),
        ("Gemini CLI (w)", (EMPTY, None, False)),
    ],
)
def test_the_title_tells_of_a_turn_and_of_a_question(
    title: str, seen: tuple[Composer, str | None, bool]
) -> None:
    view = gemini_screen.look_at(screen("ready"), title).view
    assert (view.composer, view.dialog, view.busy) == seen


def test_only_the_peers_own_folder_is_trusted() -> None:
    answer = gemini_screen.boot_answer(screen("trust"), {"w"})
    assert answer is not None
    assert (answer.key, answer.expect) == ("Enter", "● 1. Trust folder (w)")
    assert gemini_screen.boot_answer(screen("trust"), {"work", "other"}) is None
    moved = screen("trust").replace("● 1.", "  1.").replace("  2.", "● 2.")
    assert gemini_screen.boot_answer(moved, {"w"}) is None


@pytest.mark.parametrize("name", sorted(set(KNOWN) - {"trust"}))
def test_no_other_screen_is_ever_answered(name: str) -> None:
    assert gemini_screen.boot_answer(screen(name), {"w", "/tmp/w", "work"}) is None


def test_a_recorded_conversation_tells_prompts_ends_and_why(tmp_path: Path) -> None:
    """Two turns that went well, a refused permission, an Escape, an error, and a last turn still open.

    The refused permission has the whole conversation written anew: none of that is news.
    """
    sensor = GeminiSensor(context(tmp_path))
    sensor.find(0, None)
    chat(tmp_path)
    sensor.find(0, None)
    facts = sensor.on_lines(recorded("turns"))
    why = '{"error":{"code":400,"message":"fake model: asked for 400","status":"INVALID_ARGUMENT"}}'
    error = f"[API Error: {why}]"
    cancelled = TurnOver(RECORD, INTERRUPTED, interrupted=True, forgets=True)
    assert told(facts) == [
        *(prompted(1), TurnOver(RECORD)),
        *(prompted(2), TurnOver(RECORD)),
        *(prompted(3), cancelled),
        *(prompted(4), cancelled),
        *(prompted(5), TurnOver(RECORD, error, fault=Fault.REQUEST, forgets=True)),
        prompted(6),
    ]
    assert idle(sensor) == [TurnOver(RECORD)], "at its prompt, with an answer that is the last: once"


def test_a_queue_is_one_prompt_and_outlives_a_cancelled_turn(tmp_path: Path) -> None:
    """Also: what a hook keeps from the model is told without the prompt."""
    sensor = GeminiSensor(context(tmp_path))
    facts = sensor.on_lines(recorded("queued"))
    cancelled = TurnOver(RECORD, INTERRUPTED, interrupted=True, forgets=True)
    assert told(facts) == [
        Rejected(RECORD, "no secrets here"),
        *(prompted(2), TurnOver(RECORD)),
        *(prompted(3), TurnOver(RECORD)),
        *(prompted(5), cancelled),
        *(prompted(6), TurnOver(RECORD)),
        *(prompted(7), cancelled),
        prompted(8),
    ]
    both = next(fact for fact in facts if isinstance(fact, Prompted) and f"{3:032x}" in fact.text)
    assert f"{4:032x}" in both.text


def test_an_answer_with_a_tool_to_come_ends_no_turn(tmp_path: Path) -> None:
    sensor = GeminiSensor(context(tmp_path))
    chat(tmp_path)
    sensor.find(0, None)
    sensor.on_lines([said("words"), line("gemini", "I look at it.", toolCalls=[{"name": "read_file"}])])
    assert idle(sensor) == []
    result = line("user", [{"functionResponse": {"name": "read_file"}}])
    assert sensor.on_lines([result]) == [Answered(RECORD)]
    sensor.on_lines([line("gemini", "done")])
    sensor.on_screen(screen("busy"), "✦  Working… (w)")
    assert sensor.on_lines([]) == [], "while the screen shows a turn"
    assert idle(sensor) == [TurnOver(RECORD)]


def test_17_a_tool_that_has_written_a_file_is_told_of(tmp_path: Path) -> None:
    sensor = GeminiSensor(context(tmp_path))
    chat(tmp_path)
    sensor.find(0, None)
    calls = [
        {"name": name, "args": {"file_path": f"/w/{name}"}, "status": status}
        for name, status in (("write_file", "success"), ("replace", "error"), ("read_file", "success"))
    ]
    facts = sensor.on_lines([said("words"), line("gemini", "", toolCalls=calls)])
    assert [fact.path for fact in facts if isinstance(fact, Wrote)] == ["/w/write_file"]


def test_the_prompt_counts_once_its_program_has_begun_its_record(tmp_path: Path) -> None:
    """0.61.0 draws its prompt before it switches bracketed paste on: each line would be entered by itself."""
    sensor = GeminiSensor(context(tmp_path))
    sensor.find(0, None)
    assert sensor.on_screen(screen("ready"), "").composer is HIDDEN
    assert sensor.reading() is None
    chat(tmp_path)
    sensor.find(0, None)
    assert sensor.on_screen(screen("ready"), "").composer is EMPTY
    assert sensor.reading() == Reading(SessionState.IDLE, "at its prompt")


def test_a_record_of_an_earlier_session_does_not_open_the_prompt_of_a_resumed_one(tmp_path: Path) -> None:
    made = context(tmp_path)
    path = chat(tmp_path)
    sensor = GeminiSensor(replace(made, session=replace(made.session, started_at=path.stat().st_mtime + 5)))
    sensor.find(0, None)
    assert sensor.on_screen(screen("ready"), "").composer is HIDDEN


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        ('[API Error: {"error":{"code":400,"status":"INVALID_ARGUMENT"}}]', Fault.REQUEST),
        ('[API Error: {"error":{"code":503,"status":"UNAVAILABLE"}}]', Fault.SERVICE),
        ('[API Error: {"error":{"code":404,"status":"NOT_FOUND"}}]', Fault.SERVICE),
        ("[API Error: models/m is not found for v1beta (Status: NOT_FOUND)]", Fault.SERVICE),
        ("[API Error: API key not valid. Please pass one. (Status: INVALID_ARGUMENT)]", Fault.SERVICE),
        ("[API Error: quota (Status: RESOURCE_EXHAUSTED)]", Fault.SERVICE),
        ("[API Error: no (Status: INVALID_ARGUMENT)]", Fault.REQUEST),
        ("[API Error: exception TypeError: fetch failed sending request]", Fault.SERVICE),
        ("[API Error: An unknown error occurred.]", Fault.UNKNOWN),
    ],
)
def test_an_outage_of_the_model_is_no_fault_of_the_prompt(tmp_path: Path, error: str, fault: Fault) -> None:
    sensor = GeminiSensor(context(tmp_path))
    (fact,) = told(sensor.on_lines([said("words"), line("error", error)]))[1:]
    assert isinstance(fact, TurnOver)
    assert (fact.failed, fact.fault) == (error, fault)


def test_a_compaction_is_told_once(tmp_path: Path) -> None:
    """0.61.0: the summary, and what its program has the model say to it, take the place of what was there."""
    sensor = GeminiSensor(context(tmp_path))
    summary = [said("<session_context>"), said("<state_snapshot>x"), line("gemini", COMPACTED)]
    messages = [json.loads(each) for each in summary]
    compacted = json.dumps({"$set": {"messages": messages, "lastUpdated": AT}}).encode()
    assert sensor.on_lines([compacted]) == [Compacted(RECORD, datetime.fromisoformat(AT).timestamp())]
    assert sensor.on_lines([compacted]) == [], "written anew"


def test_another_conversation_is_known_by_the_message_that_was_handed_over(tmp_path: Path) -> None:
    """`/clear` and `/resume` at its terminal: nothing else names the record that is written now."""
    sensor = GeminiSensor(context(tmp_path))
    own = chat(tmp_path)
    assert sensor.find(0, None) == []
    other = chat(tmp_path, OTHER, said("[roost ... boundary 1234]"))
    facts = [fact for _ in range(50) for fact in sensor.find(0, "boundary 1234]")]
    assert facts == [ConversationSeen(OTHER)]
    assert sensor.tails() == (own, other)
    assert [fact for _ in range(50) for fact in sensor.find(0, "boundary 5678]")] == []


def test_a_conversation_without_a_prompt_cannot_be_resumed(tmp_path: Path) -> None:
    first = said("<session_context>\nThis is the Gemini CLI.")
    assert not gemini_chats.holds_a_turn(chat(tmp_path, CONVERSATION, first))
    assert gemini_chats.holds_a_turn(chat(tmp_path, CONVERSATION, first, said("words")))
    assert not gemini_chats.holds_a_turn(chat(tmp_path, CONVERSATION, said("words"), kept())), "cancelled"
    back = json.dumps({"$rewindTo": str([{"text": "words"}])}).encode()
    assert not gemini_chats.holds_a_turn(chat(tmp_path, CONVERSATION, said("words"), back)), "rewound"
    runtime, made = GeminiRuntime(), context(tmp_path)
    assert runtime.transcript(made) is None
    path = chat(tmp_path, CONVERSATION, said("words"))
    assert (runtime.transcript(made), runtime.conversation_of(path)) == (path, CONVERSATION)
    assert runtime.written(made, 0.0) == [path]


def test_a_prompt_that_its_program_took_out_of_the_conversation_is_given_again_whole(tmp_path: Path) -> None:
    """A note that points to a message above would point to nothing."""
    message = Message(f"{7:032x}", "boss", "a", 0.0, 5, "digest", topic="t", attempts=2)
    text = envelope.wrap(message, "do it", envelope.boundary("seed", message.id, 1))
    runtime, made = GeminiRuntime(), context(tmp_path)
    prompt, failed = said(text), line("error", "[API Error: no]")
    chat(tmp_path, CONVERSATION, prompt, failed)
    assert holds(runtime, made, "seed", message, 1.0)
    chat(tmp_path, CONVERSATION, prompt, kept("earlier"), failed)
    assert not holds(runtime, made, "seed", message, 1.0)
    found = examine_record(runtime, made, "seed", message, 1, 1.0)
    assert found.verdict is Examination.ENDED, "it was taken all the same"


def test_a_session_has_a_home_of_links_and_an_extension(tmp_path: Path) -> None:
    real = tmp_path / "home/.gemini"
    (real / "extensions/theirs").mkdir(parents=True)
    (real / "policies").mkdir()
    (real / "settings.json").write_text("{}")
    made = context(tmp_path, prompt="be brief", args=("--model", "m"))
    made.home.mkdir()
    plan = GeminiRuntime().plan(made)
    home = made.home / "gemini/.gemini"
    assert (home / "settings.json").resolve() == real / "settings.json"
    (home / "oauth_creds.json").write_text("{}")
    assert (real / "oauth_creds.json").read_text() == "{}", (
        "what its program makes is made in the user's home"
    )
    assert sorted(entry.name for entry in (home / "extensions").iterdir()) == ["roost", "theirs"]
    assert (real / "extensions/roost").exists() is False
    given = json.loads(plan.files["gemini/.gemini/extensions/roost/gemini-extension.json"])
    assert given["mcpServers"]["roost"] == {
        "httpUrl": "http://127.0.0.1:9/mcp",
        "headers": {"Authorization": "Bearer $ROOST_TOKEN"},
    }
    assert plan.files["gemini/.gemini/extensions/roost/instructions.md"] == "be brief"
    assert given["contextFileName"] == "instructions.md"
    assert plan.files[POLICY] == ALLOWED
    policies = ["--policy", str(made.home / POLICY), "--policy", str(real / "policies")]
    assert plan.argv == ("gemini", "--session-id", CONVERSATION, *policies, "--model", "m")
    assert plan.env["GEMINI_CLI_HOME"] == str(made.home / "gemini")
    assert plan.env["GEMINI_CLI_TRUSTED_FOLDERS_PATH"] == str(real / "trustedFolders.json")
    resumed = replace(made, session=replace(made.session, resumed=True))
    assert GeminiRuntime().plan(resumed).argv[:3] == ("gemini", "--resume", CONVERSATION)


def test_a_server_of_the_user_with_our_name_is_refused(tmp_path: Path) -> None:
    """It would take the place of ours (0.61.0), and be called without a question."""
    made = context(tmp_path)
    made.home.mkdir()
    settings = tmp_path / "work/.gemini/settings.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"mcpServers": {"roost": {"command": "theirs"}}}))
    with pytest.raises(InvalidSettingError, match="give yours another name"):
        GeminiRuntime().plan(made)


def test_the_users_arguments_never_leave_ours_out(tmp_path: Path) -> None:
    def words(*args: str) -> tuple[str, ...]:
        return gemini_args.read(context(tmp_path, args=args).settings)

    assert words("-e", "theirs", "--yolo") == ("--extensions", "theirs", "roost", "--yolo")
    assert words("--extensions=none") == ("--extensions", "roost")
    assert words("--allowed-mcp-server-names", "x") == ("--allowed-mcp-server-names", "x", "roost")


@pytest.mark.parametrize(
    "words",
    [
        *("hello", "mcp list", "-p hi", "-i hi", "--resume latest", "-r 3", "--session-id x", "--acp"),
        *("--sandbox", "-s", "--worktree", "-o json", "--screen-reader", "--list-sessions", "--help"),
    ],
)
def test_arguments_that_contradict_ours_are_refused(tmp_path: Path, words: str) -> None:
    with pytest.raises(InvalidSettingError, match="cannot be given in 'args'"):
        GeminiRuntime().check(context(tmp_path, args=tuple(words.split())).settings)


def test_who_has_a_conversation_open_is_told_by_command_lines(tmp_path: Path) -> None:
    for pid, words in {
        "7": ("node", "/usr/bin/gemini", "--resume", CONVERSATION),
        "8": ("node", "/usr/bin/gemini", f"--session-id={CONVERSATION}"),
        "9": ("node", "/usr/bin/gemini", "--resume", OTHER),
        "10": ("grep", CONVERSATION),
        "11": ("vi", "--resume", CONVERSATION),
    }.items():
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cmdline").write_bytes(b"\0".join(word.encode() for word in words) + b"\0")
    (tmp_path / "self").mkdir()
    assert processes_of(CONVERSATION, tmp_path) == [7, 8]
