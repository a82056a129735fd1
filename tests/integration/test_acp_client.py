"""The client of an ACP agent on a terminal: what it shows and records, how it is called, how it ends."""

import hashlib
import json
import os
import re
import signal
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from roost.acp.calls import MOST_LINE
from roost.console.process import start_ticks
from tests.support.acp_session import STUB, AcpClient
from tests.support.home import Home
from tests.support.wait import wait_until

pytestmark = pytest.mark.real
Start = Callable[..., AcpClient]
TEXT = 'tab\there, \u200bZWSP, \u2028LS\u2029PS, \U0001f469\u200d\U0001f4bb, `$(x)` "q" \\ \n' * 1500


@pytest.fixture
def start(home: Home) -> Iterator[Start]:
    """Starts clients that share one folder."""
    clients: list[AcpClient] = []

    def begin(*arguments: str, agent: tuple[str, ...] | None = None, session: str = "s1") -> AcpClient:
        chosen = {} if agent is None else {"agent": agent}
        clients.append(AcpClient(home.work, dict(os.environ), *arguments, session=session, **chosen))
        return clients[-1]

    yield begin
    for client in clients:
        client.end()


def stub(*words: str) -> tuple[str, ...]:
    return (*STUB, *words)


def runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_prompts_go_in_whole_and_once_for_each_key_and_the_record_tells_all_of_it(start: Start) -> None:
    client = start().wait_ready()
    caller = client.caller()
    assert caller.call("follow") == {}
    assert caller.call("submit", key="k1", text=TEXT) == {}
    assert client.record("prompt")[0]["text"] == TEXT, "the record shows it before the answer"
    client.recorded("turn_end")
    assert caller.call("submit", key="k1", text=TEXT) == {}
    assert caller.call("has", key="k1") == {"has": True}
    assert caller.call("has", key="k2") == {"has": False}
    assert caller.call("submit", key="k2", text="second") == {}
    client.recorded("turn_end", 2)
    taken = client.log("prompt")
    assert [each["sha256"] for each in taken] == [
        hashlib.sha256(t.encode()).hexdigest() for t in (TEXT, "second")
    ]
    kinds = ["session", *("submitted", "prompt", "answered", "said", "turn_end") * 2]
    assert [line["type"] for line in client.record()] == kinds
    caller.until(lambda: len(caller.told) == len(kinds) - 1, "each new line is told")
    assert caller.told == client.record()[1:]
    ticks = int(Path(f"/proc/{client.process.pid}/stat").read_text().rpartition(")")[2].split()[19])
    conversation = client.record("session")[0]["conversation"]
    client.wait_ready()
    assert client.status() == {
        "session": "s1",
        "pid": client.process.pid,
        "start": ticks if start_ticks() is not None else None,
        "state": "idle",
        "question": None,
        "asks": [],
        "conversation": conversation,
        "note": None,
    }


def test_a_caller_that_comes_later_replaces_the_one_before_and_what_that_still_said_is_not_heard(
    start: Start,
) -> None:
    client = start().wait_ready()
    first = client.caller()
    assert first.call("has", key="k") == {"has": False}
    client.process.send_signal(signal.SIGSTOP)
    first.begin("submit", key="k", text="never heard")
    second = client.caller()
    asked = second.begin("has", key="k")
    client.process.send_signal(signal.SIGCONT)
    heard = second.answer(asked)["result"]["has"]
    second.until(lambda: (first.pump(), first.gone)[1], "the first one is hung up on")
    assert second.call("has", key="k") == {"has": heard}, "what it was told is final"
    wait_until(lambda: len(client.log("prompt")) == heard, timeout=60.0, why="its agent has what it took")


def test_nothing_that_is_written_to_the_socket_ends_it(start: Start) -> None:
    client = start().wait_ready()
    caller = client.caller()
    assert stat.S_IMODE(client.socket.stat().st_mode) == 0o600
    caller.send(b"\n\xff\xfe\x00\n[]\n42\n{}\n" + b"[" * 100_000 + b"\n" + b"x" * (MOST_LINE + 10) + b"\n")
    assert caller.call("submit", key=5, text="x")["code"] == "unknown"
    assert caller.call("fly")["code"] == "unknown"
    assert caller.call("has", key="k") == {"has": False}
    caller.send(b'{"id": 1, "method"')
    caller.close()
    assert client.caller().call("submit", key="k", text="fine") == {}


def test_an_agent_that_does_not_read_leaves_a_prompt_in_doubt_and_no_record_shows_it(start: Start) -> None:
    client = start(agent=stub()).wait_ready()
    caller = client.caller()
    assert caller.call("submit", key="k1", text="sleep") == {}, "it has read this one, and sleeps"
    agent = client.pid_of_agent()
    assert caller.call("submit", key="k2", text="x") == {"code": "refused", "message": "it is in a turn"}
    os.kill(agent, signal.SIGKILL)
    assert client.exit_code() == -signal.SIGKILL
    assert [line["key"] for line in client.record("prompt")] == ["k1"]


def test_a_prompt_that_its_agent_has_not_read_is_submitted_and_no_prompt(start: Start) -> None:
    client = start(agent=stub()).wait_ready()
    caller = client.caller()
    agent = psutil.Process(client.pid_of_agent())
    agent.suspend()
    wait_until(lambda: agent.status() == psutil.STATUS_STOPPED, timeout=60.0, why="it stands still")
    asked = caller.begin("submit", key="k", text="hello")
    client.recorded("submitted")
    client.wait_state("busy")
    assert caller.call("has", key="k") == {"has": True}
    assert not client.record("prompt"), "it lies in the pipe"
    agent.resume()
    assert caller.answer(asked)["result"] == {}
    assert client.record("prompt")[0]["text"] == "hello"
    client.recorded("turn_end")
    assert caller.call("submit", key="k", text="hello") == {}
    assert len(client.record("prompt")) == 1


def test_a_permission_is_shown_and_answered_by_nobody_but_a_call_or_a_person(start: Start) -> None:
    client = start(agent=stub()).wait_ready()
    caller = client.caller()
    assert caller.call("submit", key="k1", text="ask") == {}
    asked = client.recorded("permission")[0]
    assert asked["text"] == "Run a command: rm -rf \x1b[2J"
    assert asked["options"] == [{"id": "a", "name": "Allow"}, {"id": "r", "name": "Reject"}]
    client.wait_state("waiting")
    assert client.status()["question"] == asked["text"]
    refused = {"code": "refused", "message": f"it asks: {asked['text']}"}
    assert caller.call("submit", key="k2", text="no") == refused
    assert caller.call("answer", request=asked["id"], option="zzz")["code"] == "refused"
    assert caller.call("answer", request="q9", option="a")["code"] == "refused"
    assert not client.record("resolved")
    assert caller.call("answer", request=asked["id"], option="r") == {}
    client.recorded("turn_end")
    client.sees(r'answered: \{"outcome": \{"outcome": "selected", "optionId": "r"\}\}')
    assert caller.call("submit", key="k3", text="ask") == {}
    client.recorded("permission", 2)
    client.sees(r"\? Run a command: rm -rf \xc2\xb7\[2J")
    client.sees(r"  1\. Allow")
    client.sees(r"  2\. Reject")
    client.type(b"hello\r")
    client.sees("it asks: answer by a number")
    client.type(b"\x151\r")
    client.recorded("turn_end", 2)
    resolved = [(line["id"], line["option"], line["by"]) for line in client.record("resolved")]
    assert resolved == [("q1", "r", "call"), ("q2", "a", "person")]


def test_a_turn_is_ended_by_a_call_and_by_a_person_and_what_it_asked_is_withdrawn(start: Start) -> None:
    client = start(agent=stub()).wait_ready()
    caller = client.caller()
    assert caller.call("interrupt") == {}, "at rest it does nothing"
    assert caller.call("submit", key="k1", text="open") == {}
    assert caller.call("interrupt") == {}
    assert client.recorded("turn_end")[0]["stop"] == "cancelled"
    for count, key in enumerate((b"\x1b", b"\x03"), 2):
        assert caller.call("submit", key=f"k{count}", text="open") == {}
        client.wait_state("busy")
        client.type(key)
        assert client.recorded("turn_end", count)[-1]["stop"] == "cancelled"
    assert caller.call("submit", key="k4", text="ask") == {}
    client.recorded("permission")
    assert caller.call("interrupt") == {}
    assert client.recorded("resolved")[0]["by"] == "cancel"
    client.recorded("turn_end", 4)
    client.wait_ready()


def test_a_person_types_a_prompt_while_the_agent_speaks_and_leaves_by_quit(start: Start) -> None:
    client = start(agent=stub()).wait_ready()
    client.type(b"half a wo")
    client.sees("acp> half a wo")
    assert client.caller().call("submit", key="k", text="in between") == {}
    client.recorded("turn_end")
    client.sees("> in between")
    client.sees("< said: in between")
    client.sees("acp> half a wo")
    client.type(b"rd\r")
    client.recorded("turn_end", 2)
    assert [(line["text"], line["by"]) for line in client.record("prompt")] == [
        ("in between", "call"),
        ("half a word", "person"),
    ]
    client.type(b"/quit\r")
    assert client.exit_code() == 0
    assert client.attributes() == client.before, "the terminal is as it was"
    assert not client.socket.exists()
    assert not list((client.folder / "status").iterdir())


def test_nothing_that_an_agent_prints_ends_the_client_or_reaches_the_terminal(start: Start) -> None:
    client = start(agent=stub("noise")).wait_ready()
    caller = client.caller()
    for count, text in enumerate(("unknown", "noise", "escape", "huge"), 1):
        assert caller.call("submit", key=text, text=text) == {}
        client.recorded("turn_end", count)
    client.until(lambda: b"said: huge" in client.output, "all of it is shown")
    client.type(b"/quit\r")
    assert client.exit_code() == 0
    client.pump()
    assert b"! hello, I am an agent" in client.output
    assert b"red" in client.output
    assert not re.search(rb"stolen\x07|\x1b\]|\x07|\x1b\[2J|\x1b\[31m|\xc2\x9b", client.output)


def test_how_a_turn_failed_is_told_and_whether_the_service_is_to_blame(start: Start) -> None:
    client = start(agent=stub()).wait_ready()
    caller = client.caller()
    for count, text in enumerate(("overloaded", "refuse", "fine"), 1):
        assert caller.call("submit", key=text, text=text) == {}
        client.recorded("turn_end", count)
    assert [(line["stop"], line["failed"], line["fault"]) for line in client.record("turn_end")] == [
        ("error", "Internal error: API Error: 529 Overloaded", "service"),
        ("refusal", "the model refused to go on", "request"),
        ("end_turn", None, "unknown"),
    ]


@pytest.mark.parametrize(
    ("text", "code"), [("die", -signal.SIGKILL), ("exit", 7), ("close", -signal.SIGTERM)], ids=str
)
def test_N7_the_client_ends_as_its_agent_does_and_nothing_of_its_group_is_left(
    start: Start, text: str, code: int
) -> None:
    client = start(agent=stub("child")).wait_ready()
    agent = psutil.Process(client.pid_of_agent())
    left = agent.children(recursive=True)
    assert left, "it has a child that ignores what ends polite programs"
    assert client.caller().call("submit", key="k", text=text) == {}
    assert client.exit_code() == code
    # What was killed as it left may be dying still.
    wait_until(lambda: not any(map(runs, (agent, *left))), timeout=60.0, why="its group is gone")
    assert client.record("prompt")[0]["text"] == text
    client.sees("its agent has ended")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)], ids=str)
def test_N7_a_client_that_is_told_to_end_takes_its_agent_along(start: Start, number: int, code: int) -> None:
    client = start(agent=stub("child")).wait_ready()
    everything = psutil.Process(client.process.pid).children(recursive=True)
    client.process.send_signal(number)
    assert client.exit_code() == code
    assert not [each for each in everything if runs(each)]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("future",), "speaks version 99 of the protocol, not 1"),
        (("refuses",), "opens no session: Internal error: no way"),
    ],
    ids=["version", "session"],
)
def test_an_agent_that_opens_no_session_is_told_of_with_its_words(
    start: Start, words: tuple[str, ...], said: str
) -> None:
    client = start(agent=stub(*words))
    client.sees(said)
    assert client.exit_code() == 1


def test_a_program_that_cannot_be_started_is_told_of(start: Start) -> None:
    client = start(agent=("/nowhere/agent",))
    client.sees("/nowhere/agent cannot be started: No such file")
    assert client.exit_code() == 127


def test_signing_in_is_a_question_for_a_person(start: Start) -> None:
    client = start(agent=stub("auth"))
    client.wait_state("waiting")
    client.sees(r"\? its agent wants to be signed in: Authentication required")
    caller = client.caller()
    assert caller.call("submit", key="k", text="x")["code"] == "refused"
    client.type(b"1\r")
    client.wait_ready()
    assert caller.call("submit", key="k", text="x") == {}


def test_a_resumed_conversation_is_loaded_and_what_it_holds_is_recorded(start: Start) -> None:
    first = start().wait_ready()
    conversation = first.status()["conversation"]
    assert first.caller().call("submit", key="k", text="remember\nthis") == {}
    first.recorded("turn_end")
    first.process.send_signal(signal.SIGKILL)
    assert first.exit_code() == -signal.SIGKILL
    second = start("--load", conversation, session="s2").wait_ready()
    opened, replayed = second.record()
    assert (opened["conversation"], opened["loaded"], opened["replayed"]) == (conversation, True, 1)
    assert (replayed["type"], replayed["text"]) == ("replayed", "remember\nthis")
    assert second.caller().call("submit", key="k", text="@@recall@@") == {}
    second.recorded("turn_end")
    second.sees("< 1")
    pieces = start("--load", "x", agent=stub("load"), session="s3").wait_ready()
    assert [line["text"] for line in pieces.record("replayed")] == ["one\ntwo", "three"]


def test_a_conversation_that_cannot_be_loaded_is_replaced_aloud_unless_it_was_insisted_on(
    start: Start,
) -> None:
    demo = (*AcpClient.demo(), "--forgets")
    client = start("--load", "gone", "--instructions", "be kind", agent=demo).wait_ready()
    why = "No previous sessions found for this project."
    client.sees("a fresh conversation begins, the last one cannot be gone on with: No previous")
    opened = client.record("session")[0]
    assert (opened["loaded"], opened["why"]) == (False, why)
    assert opened["conversation"] != "gone"
    assert client.status()["note"] == f"fresh, its last conversation cannot be loaded: {why}"
    insisted = start("--load", "gone", "--must-load", agent=demo, session="s2")
    insisted.sees(f"conversation gone cannot be loaded: {why}")
    assert insisted.exit_code() == 1
    never = start("--load", "gone", agent=(*AcpClient.demo(), "--no-load"), session="s3").wait_ready()
    assert never.record("session")[0]["why"] == "the agent cannot load conversations"


def test_what_a_session_is_given_reaches_its_agent(
    start: Start, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = home.work / "asked.json"
    for name, value in (
        ("STUB_ASKED", str(asked)),
        ("ROOST_URL", "http://127.0.0.1:9"),
        ("ROOST_TOKEN", "t"),
    ):
        monkeypatch.setenv(name, value)
    client = start(
        "--instructions", "be kind", "--meta", '{"a": 1}', agent=stub("http", "odd-id")
    ).wait_ready()
    server = {
        "type": "http",
        "name": "roost",
        "url": "http://127.0.0.1:9/mcp",
        "headers": [{"name": "Authorization", "value": "Bearer t"}],
    }
    given = json.loads(asked.read_text())
    assert (given["mcpServers"], given["_meta"]) == ([server], {"a": 1})
    assert client.status()["conversation"] == "../odd id"
    assert [path.parent.name for path in client.folder.glob("*/s1.jsonl")] == ["%2E%2E%2Fodd%20id"]
    caller = client.caller()
    for count in (1, 2):
        assert caller.call("submit", key=str(count), text="blocks") == {}
        client.recorded("turn_end", count)
    client.sees(r'< \["be kind", "blocks"\]')
    client.sees(r'< \["blocks"\]')


def test_a_conversation_is_compacted_by_the_agents_own_command(start: Start) -> None:
    client = start().wait_ready()
    caller = client.caller()
    assert caller.call("compact") == {}
    client.recorded("compacted")
    assert [entry["what"] for entry in client.log()] == ["start", "compact"]
    other = start(agent=stub(), session="s2").wait_ready()
    assert other.caller().call("compact")["code"] == "refused"


def test_P5_what_an_agent_starts_cannot_answer_what_the_agent_asks(start: Start, home: Home) -> None:
    code = """
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
try:
    s.sendall(b'{"id": 1, "method": "has", "key": "k"}\\n')
    heard = s.recv(100)
except ConnectionError:
    heard = b""
print("heard", heard, file=sys.stderr)
sys.exit(5)
"""
    path = home.work / "s1.call"
    client = start(agent=(sys.executable, "-c", code, str(path)))
    assert client.exit_code() == 5
    client.sees("! heard b''")
