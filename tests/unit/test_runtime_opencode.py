"""What OpenCode 1.18.33 told by its events and its API, as it was recorded, and what roost makes of it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, SessionState, WakeCause
from roost.errors import InvalidSettingError
from roost.faults import Fault
from roost.runtimes import opencode_lines
from roost.runtimes.context import Context
from roost.runtimes.facts import INTERRUPTED, Answered, Compacted, ConversationSeen, Fact, Prompted, TurnOver
from roost.runtimes.opencode import INSTRUCTIONS, OpencodeRuntime
from roost.runtimes.opencode_api import DOOR
from roost.runtimes.opencode_args import CONTENT
from roost.runtimes.opencode_events import Events, Restarted
from roost.runtimes.opencode_sensor import SOURCE, OpencodeSensor
from roost.runtimes.view import Reading

DATA = Path(__file__).parents[1] / "data/opencode"
CONVERSATION = "ses_00000000000000000000000000000001"
OURS = "00000000-0000-0000-0000-000000000001"
DONE = TurnOver(SOURCE)
BROKEN = TurnOver(SOURCE, INTERRUPTED, interrupted=True, leaves=True)


def context(folder: Path, *args: str, prompt: str = "", resumed: bool = False, began: float = 0.0) -> Context:
    session = Session("s", "a", 1, "n", WakeCause.FIRST_WAKE, resumed, began, 0.0, conversation=OURS)
    settings = Settings(dir=str(folder), runtime="opencode", args=args, prompt=prompt)
    return Context(session, settings, folder, folder, {}, "http://127.0.0.1:1", folder / "s")


def events(name: str) -> list[dict[str, Any]]:
    return [json.loads(each) for each in (DATA / f"{name}.events.jsonl").read_text().splitlines()]


def messages(name: str) -> list[dict[str, Any]]:
    return json.loads((DATA / f"{name}.messages.json").read_text())


class Heard:
    """A sensor that has read an API which holds these messages, in a conversation at rest."""

    def __init__(self, folder: Path, held: Sequence[dict[str, Any]] = (), began: float = 0.0) -> None:
        self.sensor = OpencodeSensor(context(folder, began=began))
        self.teller = Events(CONVERSATION)
        self.first = self.sensor.on_lines(self.teller.snapshot(held, {}, (), ()))

    def told(self, *told: dict[str, Any]) -> list[Fact]:
        facts: list[Fact] = []
        for event in told:
            facts += self.sensor.on_lines(self.teller.lines(event))
        return [fact for fact in facts if not isinstance(fact, Answered)]

    @property
    def reading(self) -> Reading | None:
        return self.sensor.reading()


def test_a_turn_is_told_by_its_events(tmp_path: Path) -> None:
    heard = Heard(tmp_path)
    assert heard.first == [ConversationSeen(CONVERSATION)]
    assert heard.reading == Reading(SessionState.IDLE, "at its prompt")
    states: list[str] = []
    facts: list[Fact] = []
    for event in events("turn"):
        facts += heard.told(event)
        reading = heard.reading
        assert reading is not None
        states += [reading.state] if not states or states[-1] != reading.state else []
    assert facts == [Prompted("the first prompt", SOURCE), DONE]
    assert states == [SessionState.IDLE, SessionState.WORKING, SessionState.IDLE]


def test_prompts_that_wait_join_with_the_next_step_and_share_its_end(tmp_path: Path) -> None:
    assert Heard(tmp_path).told(*events("queued")) == [
        Prompted("a slow one @@delay 2@@", SOURCE),
        Prompted("queued first", SOURCE, joins=True),
        Prompted("queued second", SOURCE, joins=True),
        DONE,
    ]


def test_a_prompt_in_a_running_turn_is_not_taken_before_a_step_answers_it(tmp_path: Path) -> None:
    heard = Heard(tmp_path)
    told = events("queued")
    second = next(at for at, each in enumerate(told) if "queued second" in json.dumps(each))
    assert heard.told(*told[: second + 1]) == [Prompted("a slow one @@delay 2@@", SOURCE)]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("permission", "a dialog is open: bash: echo hi > f.txt"),
        ("question", "a dialog is open: Which colour?"),
    ],
)
def test_what_it_asks_is_shown_until_it_is_answered(tmp_path: Path, name: str, text: str) -> None:
    heard = Heard(tmp_path)
    readings: list[Reading | None] = []
    for event in events(name):
        heard.told(event)
        if not readings or readings[-1] != heard.reading:
            readings.append(heard.reading)
    states = [reading.state for reading in readings if reading is not None]
    assert states == [
        SessionState.IDLE,
        SessionState.WORKING,
        SessionState.BLOCKED,
        SessionState.WORKING,
        SessionState.IDLE,
    ]
    assert (SessionState.BLOCKED, text) in {(each.state, each.why) for each in readings if each is not None}


def test_what_it_asks_is_read_from_its_api(tmp_path: Path) -> None:
    asked = json.loads((DATA / "asked.json").read_text())
    heard = Heard(tmp_path)
    lines = heard.teller.snapshot([], asked["status"], asked["permission"], asked["question"])
    heard.sensor.on_lines(lines)
    assert heard.reading is not None
    assert heard.reading.asks is not None
    assert heard.reading.why == "a dialog is open: bash: echo hi > f.txt (and 1 more)"
    permission, question = heard.reading.asks
    assert (permission.tool, permission.command) == ("bash", "echo hi > f.txt")
    assert [each.id for each in permission.options] == ["once", "always", "reject"]
    assert [each.id for each in question.options] == ["Red", "Blue", "reject"]


def test_what_a_turn_asked_is_gone_with_the_turn(tmp_path: Path) -> None:
    """1.18.33: nothing tells that a permission is not asked for any more when its turn is broken off."""
    heard = Heard(tmp_path)
    told = events("permission")
    asked = next(at for at, each in enumerate(told) if each["type"] == "permission.asked")
    heard.told(*told[: asked + 1])
    idle = {"type": "session.status", "properties": {"sessionID": CONVERSATION, "status": {"type": "idle"}}}
    heard.told(idle)
    assert heard.reading == Reading(SessionState.IDLE, "at its prompt")
    left = json.loads((DATA / "asked.json").read_text())["permission"]
    heard.sensor.on_lines(heard.teller.snapshot([], {}, left, []))
    assert heard.reading == Reading(SessionState.IDLE, "at its prompt")


def test_a_turn_that_was_broken_off_leaves_no_prompt_behind(tmp_path: Path) -> None:
    heard = Heard(tmp_path)
    slow, broken, queued = heard.told(*events("aborted"))
    assert slow == Prompted("slow @@delay 20@@", SOURCE)
    assert {type(broken), type(queued)} == {TurnOver, Prompted}
    assert BROKEN in (broken, queued)
    assert heard.reading == Reading(SessionState.IDLE, "at its prompt")


def test_a_failed_turn_says_why_and_once(tmp_path: Path) -> None:
    assert Heard(tmp_path).told(*events("failed")) == [
        Prompted("bad @@error 400@@", SOURCE),
        TurnOver(SOURCE, "made error (HTTP 400)", fault=Fault.REQUEST),
    ]


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (401, Fault.SERVICE),
        (402, Fault.SERVICE),
        (404, Fault.SERVICE),
        (429, Fault.SERVICE),
        (500, Fault.SERVICE),
        (400, Fault.REQUEST),
        (413, Fault.REQUEST),
    ],
)
def test_a_failing_service_is_an_outage(tmp_path: Path, status: int, fault: Fault) -> None:
    told = json.loads(json.dumps(events("failed")).replace('"statusCode": 400', f'"statusCode": {status}'))
    assert Heard(tmp_path).told(*told)[-1] == TurnOver(SOURCE, f"made error (HTTP {status})", fault=fault)


@pytest.mark.parametrize(
    ("name", "words", "fault"),
    [
        ("UnknownError", "Model not found: nope/none.", Fault.SERVICE),
        ("ProviderAuthError", "no", Fault.SERVICE),
        ("ContextOverflowError", "no", Fault.REQUEST),
        ("UnknownError", "no", Fault.UNKNOWN),
    ],
)
def test_C7_an_error_without_a_status_is_told_by_its_name_and_words(
    tmp_path: Path, name: str, words: str, fault: Fault
) -> None:
    told = json.dumps(events("failed")).replace('"statusCode": 400', '"x": 0').replace("APIError", name)
    over = Heard(tmp_path).told(*json.loads(told.replace("made error", words)))[-1]
    assert over == TurnOver(SOURCE, words, fault=fault)


def test_a_model_that_is_asked_again_is_told_and_is_no_end(tmp_path: Path) -> None:
    heard = Heard(tmp_path)
    told = events("retried")
    retry = next(at for at, each in enumerate(told) if '"retry"' in json.dumps(each))
    assert heard.told(*told[: retry + 1]) == [Prompted("bad @@error 500@@", SOURCE)]
    why = "in a turn; its model fails and is asked again: made error"
    assert heard.reading == Reading(SessionState.WORKING, why)
    assert heard.told(*told[retry + 1 :]) == [BROKEN], "no error stands in what was broken off by a person"


def test_a_compaction_is_no_prompt(tmp_path: Path) -> None:
    compacted, over = Heard(tmp_path).told(*events("compacted"))
    assert isinstance(compacted, Compacted)
    step = messages("compacted")[-1]["info"]
    assert compacted.at == step["time"]["completed"] / 1000
    assert over == DONE


def test_what_a_person_enters_is_a_prompt_and_a_draft_is_nothing(tmp_path: Path) -> None:
    assert Heard(tmp_path).told(*events("typed")) == [Prompted("typed by a person", SOURCE), DONE]


def test_another_conversation_of_its_terminal_is_background(tmp_path: Path) -> None:
    heard = Heard(tmp_path)
    seen: set[str] = set()
    facts: list[Fact] = []
    for event in events("elsewhere"):
        facts += heard.told(event)
        reading = heard.reading
        assert reading is not None
        assert reading.state is SessionState.IDLE
        seen.add(reading.background)
    assert facts == []
    assert seen == {"", "another of its conversations works"}
    assert heard.teller.elsewhere


def test_what_was_missed_is_read_in_order_and_what_was_heard_is_not_told_again(tmp_path: Path) -> None:
    held = messages("queued")
    expected = [
        Prompted("the first prompt", SOURCE),
        DONE,
        Prompted("a slow one @@delay 2@@", SOURCE),
        Prompted("queued first", SOURCE, joins=True),
        Prompted("queued second", SOURCE, joins=True),
        DONE,
    ]
    missed = Heard(tmp_path, held)
    assert [fact for fact in missed.first if isinstance(fact, Prompted | TurnOver)] == expected
    again = missed.sensor.on_lines(missed.teller.snapshot(held, {}, (), ()))
    assert [fact for fact in again if not isinstance(fact, Answered)] == [ConversationSeen(CONVERSATION)]


def test_a_snapshot_in_the_middle_of_a_turn_does_not_end_it(tmp_path: Path) -> None:
    heard = Heard(tmp_path)
    told = events("turn")
    end = max(at for at, each in enumerate(told) if each["type"] == "session.status")
    heard.told(*told[: end - 5])
    held = json.loads(json.dumps(messages("queued")[:2]))
    held[1]["info"]["time"].pop("completed")
    held[1]["info"].pop("finish")
    lines = heard.teller.snapshot(held, {CONVERSATION: {"type": "busy"}}, (), ())
    assert not [fact for fact in heard.sensor.on_lines(lines) if isinstance(fact, TurnOver)]
    assert heard.told(*told[end - 5 :]) == [DONE]


def test_a_prompt_that_no_turn_took_is_told_when_it_rests(tmp_path: Path) -> None:
    """A prompt that comes as a turn ends can be forgotten there; it stands in the conversation."""
    held = [each for each in messages("queued") if each["info"]["role"] == "user"][:1]
    assert Prompted("the first prompt", SOURCE) in Heard(tmp_path, held).first


def test_another_life_is_none_of_ours(tmp_path: Path) -> None:
    held = messages("queued")
    began = held[-1]["info"]["time"]["completed"] / 1000 + 5
    assert Heard(tmp_path, held, began).first == [ConversationSeen(CONVERSATION)]


def test_a_server_that_begins_anew_is_read_anew() -> None:
    teller = Events(CONVERSATION)
    with pytest.raises(Restarted):
        teller.lines({"type": "server.instance.disposed", "properties": {"directory": "/w"}})
    with pytest.raises(Restarted):
        teller.lines({"type": "session.deleted", "properties": {"sessionID": CONVERSATION}})


def test_an_api_that_is_gone_is_unknown_and_one_that_was_never_there_is_a_boot(tmp_path: Path) -> None:
    sensor = OpencodeSensor(context(tmp_path))
    lost = opencode_lines.line("lost", why="its API cannot be reached")
    sensor.on_lines([lost])
    assert (sensor.reading(), sensor.current) == (None, False)
    sensor.on_lines(Events(CONVERSATION).snapshot((), {}, (), ()))
    assert sensor.current
    sensor.on_lines([lost])
    assert sensor.reading() == Reading(SessionState.UNKNOWN, "its API cannot be reached")
    assert not sensor.current


def test_the_written_lines_hold_the_ends_of_turns() -> None:
    pairs = [(each["info"], each["parts"]) for each in messages("aborted")]
    lines = [*opencode_lines.conversation(pairs), *opencode_lines.closing(pairs)]
    sensor = OpencodeSensor(context(Path("/w")))
    facts = [fact for fact in sensor.on_lines(lines) if isinstance(fact, Prompted | TurnOver)]
    asked = next(at for at, fact in enumerate(facts) if isinstance(fact, Prompted) and "@@bash" in fact.text)
    assert facts[asked + 1] == DONE
    slow = facts.index(Prompted("slow @@delay 20@@", SOURCE))
    assert facts[slow + 1 :] in (
        [BROKEN, Prompted("queued when aborted", SOURCE)],
        [Prompted("queued when aborted", SOURCE, joins=True)],
    )


@pytest.mark.parametrize(
    ("name", "kept", "text"),
    [
        ("aborted", 12, "queued when aborted"),
        ("aborted", 11, None),
        ("aborted", 10, None),
        ("queued", 7, None),
    ],
)
def test_what_waited_for_a_turn_that_was_broken_off_is_known(name: str, kept: int, text: str | None) -> None:
    """P7: a prompt that was itself broken off before its first step is not begun again."""
    pairs = [(each["info"], each["parts"]) for each in messages(name)[:kept]]
    left = opencode_lines.left_over(pairs)
    assert (left["parts"][0]["text"] if left else None) == text


def test_a_prompt_behind_a_turn_that_failed_is_not_begun_by_an_interrupt() -> None:
    pairs = [(each["info"], each["parts"]) for each in messages("aborted")]
    failed = {"name": "APIError", "data": {"message": "overloaded"}}
    pairs[-2] = ({**pairs[-2][0], "error": failed}, pairs[-2][1])
    assert opencode_lines.left_over(pairs) is None


def test_a_step_takes_what_came_before_its_parent_and_no_more(tmp_path: Path) -> None:
    sensor = OpencodeSensor(context(tmp_path))
    sensor.on_lines(Events(CONVERSATION).snapshot((), {}, (), ()))
    step = opencode_lines.assistant({"id": "s1", "parentID": "m2", "time": {"created": 3000}})
    entered = [
        opencode_lines.user({"id": f"m{at}", "time": {"created": at * 1000}}, f"{at}") for at in (1, 2, 4)
    ]
    assert sensor.on_lines([*entered, step]) == [Prompted("1", SOURCE), Prompted("2", SOURCE, joins=True)]


def test_a_step_that_has_not_ended_is_no_end_however_often_it_rests(tmp_path: Path) -> None:
    heard = Heard(tmp_path)
    told = events("aborted")
    broken = next(at for at, each in enumerate(told) if each["type"] == "session.error")
    idle = {"type": "session.status", "properties": {"sessionID": CONVERSATION, "status": {"type": "idle"}}}
    facts = heard.told(*told[:broken], idle, idle)
    assert [fact for fact in facts if isinstance(fact, TurnOver)] == []


def plan(
    folder: Path, *args: str, prompt: str = "", resumed: bool = False
) -> tuple[tuple[str, ...], dict[str, Any], dict[str, str]]:
    made = OpencodeRuntime().plan(context(folder, *args, prompt=prompt, resumed=resumed))
    return made.argv, json.loads(made.env[CONTENT]), {**made.env, **made.files}


def test_a_session_has_a_port_and_a_password_of_its_own(tmp_path: Path) -> None:
    argv, configuration, rest = plan(tmp_path)
    door = json.loads(rest[DOOR])
    assert argv == ("opencode", "--port", str(door["port"]))
    assert rest["OPENCODE_SERVER_PASSWORD"] == door["password"]
    assert plan(tmp_path)[2][DOOR] != rest[DOOR]
    assert configuration["mcp"]["roost"]["url"] == "http://127.0.0.1:1/mcp"
    assert configuration["mcp"]["roost"]["headers"] == {"Authorization": "Bearer {env:ROOST_TOKEN}"}
    assert configuration["permission"] == {"roost_*": "allow"}
    assert door["password"] not in json.dumps(configuration)


def test_a_conversation_is_gone_on_with_by_its_id(tmp_path: Path) -> None:
    assert plan(tmp_path, resumed=True)[0][-2:] == ("--session", CONVERSATION)


def test_standing_instructions_and_the_users_choices_count_for_prompts_by_the_api(tmp_path: Path) -> None:
    argv, configuration, rest = plan(tmp_path, "--model", "x/y", "--agent=plan", "--auto", prompt="Be short.")
    assert configuration["instructions"] == [str(tmp_path / INSTRUCTIONS)]
    assert rest[INSTRUCTIONS] == "Be short."
    assert (configuration["model"], configuration["default_agent"]) == ("x/y", "plan")
    assert argv[3:] == ("--model", "x/y", "--agent=plan", "--auto")


def test_the_users_own_configuration_in_the_environment_is_joined(tmp_path: Path) -> None:
    theirs = {
        "permission": "ask",
        "mcp": {"mine": {"type": "local"}},
        "instructions": ["mine.md"],
        "model": "a/b",
    }
    made = replace(context(tmp_path, prompt="Be short."), environ={CONTENT: json.dumps(theirs)})
    configuration = json.loads(OpencodeRuntime().plan(made).env[CONTENT])
    assert configuration["permission"] == {"*": "ask", "roost_*": "allow"}
    assert list(configuration["mcp"]) == ["mine", "roost"]
    assert configuration["instructions"][0] == "mine.md"
    assert configuration["model"] == "a/b"
    for wrong in ("{ // no comments", '{"a": ' + "[" * 990 + "]" * 990 + "}"):
        broken = replace(made, environ={CONTENT: wrong})
        with pytest.raises(InvalidSettingError, match="OPENCODE_CONFIG"):
            OpencodeRuntime().plan(broken)


@pytest.mark.parametrize(
    ("words", "way"),
    [
        ("serve", "dir=FOLDER"),
        ("--prompt hello", "roost send NAME TEXT"),
        ("-c", "resume=always"),
        ("--session ses_1", "roost wake NAME --resume"),
        ("--fork", "roost restart NAME"),
        ("--port 4096", "a port of its own"),
        ("--hostname=0.0.0.0", "leave it out"),
        ("--mdns", "leave it out"),
        ("-v", "leave it out"),
    ],
)
def test_C5_arguments_that_contradict_ours_are_refused(tmp_path: Path, words: str, way: str) -> None:
    with pytest.raises(InvalidSettingError, match="cannot be given") as refused:
        OpencodeRuntime().check(context(tmp_path, *words.split()).settings)
    assert way in str(refused.value)
