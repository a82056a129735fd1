"""How a Codex with a server of its own is started, and what the two of them tell (0.171.0, L7)."""

import asyncio
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, SessionState, WakeCause
from roost.errors import InvalidSettingError
from roost.runtimes.codex_own_args import read
from roost.runtimes.codex_server.own import OwnCall
from roost.runtimes.codex_server.sensor import OwnSensor
from roost.runtimes.codex_server.servers import Servers
from roost.runtimes.codex_server.thread import ENTERED, JOINED, LOST
from roost.runtimes.codex_thread import CodexThreadRuntime
from roost.runtimes.context import Context
from roost.runtimes.facts import ConversationSeen


def context(folder: Path, *, conversation: str | None = None, **settings: Any) -> Context:  # noqa: ANN401 -- each has its own type
    known = conversation is not None
    session = Session("s", "a", 1, "n", WakeCause.FIRST_WAKE, known, 1.0, 1.0, conversation=conversation)
    chosen = Settings(dir=str(folder), runtime="codex-thread", **settings)
    return Context(session, chosen, folder, folder, {}, "http://127.0.0.1:9", folder / "call")


def test_L7_the_server_has_our_tools_and_the_pane_its_socket(tmp_path: Path) -> None:
    runtime = CodexThreadRuntime(Servers())
    plan = runtime.plan(context(tmp_path, prompt="Be brief.", args=("-m", "big", "--disable", "plugins")))
    address, quiet = f"unix://{tmp_path}/call", ("-c", "check_for_update_on_startup=false")
    model, less = ("-c", 'model="big"'), ("--disable", "plugins")
    assert plan.argv == ("codex", "--remote", address, *quiet, *model, *less)
    assert plan.beside is not None
    server = plan.beside.argv
    assert server[:4] == ("codex", "app-server", "--listen", address)
    assert 'mcp_servers.roost.bearer_token_env_var="ROOST_TOKEN"' in server
    assert 'developer_instructions="Be brief."' in server
    assert server[-4:] == (*model, *less)
    # A pane that resumes may say nothing of model, approvals and sandbox: its server does.
    plan = runtime.plan(context(tmp_path, conversation="t1", args=("-s", "read-only", "--no-alt-screen")))
    assert plan.argv == ("codex", "resume", "t1", "--remote", address, *quiet, "--no-alt-screen")
    assert plan.beside is not None
    assert plan.beside.argv[-2:] == ("-c", 'sandbox_mode="read-only"')


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("--profile work", "takes -c KEY=VALUE"),
        ("--remote unix:///x", "a server that roost does not keep"),
        ("-c mcp_servers.roost.url=x", "roost's own server"),
        ("hello", "a prompt is a message"),
    ],
)
def test_P4_arguments_that_no_server_takes_are_refused(words: str, why: str) -> None:
    settings = Settings(dir="/w", runtime="codex-thread", args=tuple(words.split()))
    with pytest.raises(InvalidSettingError, match=why):
        CodexThreadRuntime(Servers()).check(settings)


def test_P4_what_lets_it_do_anything_is_two_settings_of_its_server() -> None:
    theirs = read(Settings("/w", "codex-thread", args=("--dangerously-bypass-approvals-and-sandbox",)))
    assert theirs.server == ("-c", "approval_policy=never", "-c", "sandbox_mode=danger-full-access")
    theirs = read(Settings("/w", "codex-thread", args=("-c", "developer_instructions=mine", "-a", "never")))
    assert (theirs.prompt, theirs.server) == ("mine", ("-c", 'approval_policy="never"'))


def line(method: str, thread: str, **params: object) -> bytes:
    return msgspec.json.encode({"method": method, "params": {"threadId": thread, **params}})


def test_L7_the_state_is_that_of_the_thread_which_the_pane_shows(tmp_path: Path) -> None:
    sensor = OwnSensor(context(tmp_path))
    assert sensor.reading() is None  # its start-up may show a question
    assert sensor.on_lines([line(ENTERED, "t1")]) == [ConversationSeen("t1")]
    sensor.on_lines([line(JOINED, "t1", status={"type": "active", "activeFlags": []})])
    assert sensor.reading() is not None
    assert sensor.on_lines([line(ENTERED, "t2")]) == [ConversationSeen("t2")]
    sensor.on_lines([line(JOINED, "t2", status={"type": "idle"})])
    sensor.on_lines([line("thread/status/changed", "t1", status={"type": "active", "activeFlags": []})])
    reading = sensor.reading()
    assert reading is not None
    assert reading.state is SessionState.IDLE
    sensor.on_lines([line(LOST, "t2", why="nobody listens")])
    reading = sensor.reading()
    assert reading is not None
    assert (reading.state, "nobody listens" in reading.why) == (SessionState.UNKNOWN, True)


def test_P3_a_thread_that_was_begun_in_the_pane_holds_nothing_of_the_one_before(tmp_path: Path) -> None:
    sensor = OwnSensor(context(tmp_path))
    assert sensor.on_lines([line(ENTERED, "t1", anew=1.0)]) == [ConversationSeen("t1")], "there was none"
    assert sensor.on_lines([line(ENTERED, "t1", anew=1.0)]) == [ConversationSeen("t1")]
    assert sensor.on_lines([line(ENTERED, "t2", anew=2.0)]) == [ConversationSeen("t2", 2.0)]
    assert sensor.on_lines([line(ENTERED, "t3", anew=None)]) == [ConversationSeen("t3")]


async def test_P3_the_server_tells_of_a_thread_whether_it_holds_another_one(tmp_path: Path) -> None:
    heard, tasks = list[bytes](), list[asyncio.Task[None]]()

    def start(work: Coroutine[Any, Any, None], _name: str) -> None:
        tasks.append(asyncio.create_task(work))

    call = OwnCall(context(tmp_path).session, tmp_path / "socket", start)
    call._heard = heard.extend
    threads = {"1": {"forkedFromId": None}, "2": {"forkedFromId": "t1"}, "3": {}}
    for digit, more in threads.items():
        ident = f"01a2298b-0ff9-7613-86b9-bb8b06f0960{digit}"
        call._began({"id": ident, "threadSource": "user", **more})
    older = "00000000-0001-7613-86b9-bb8b06f09604"
    call._began({"id": older, "threadSource": "user", "forkedFromId": None})
    await asyncio.gather(*tasks)
    told = [each["params"].get("anew") for each in map(msgspec.json.decode, heard)]
    assert told == [0x01A2298B0FF9 / 1000, None, None, None]


def test_P5_the_question_for_its_own_folder_is_answered_and_no_other(tmp_path: Path) -> None:
    screen = (Path(__file__).parents[1] / "data/screens/codex/folder-access.txt").read_text()
    folder = Path("/tmp/w/gitproj2")
    for own in (folder, tmp_path):
        sensor = OwnSensor(replace(context(tmp_path), settings=Settings(str(own), "codex-thread")))
        sensor.find(1, None)
        answer = sensor.boot_answer(screen)
        assert (answer.key if answer is not None else None) == ("Enter" if own is folder else None)
