"""The demo agent's calls to the fabric: over real HTTP, to a server that misbehaves on request."""

import os
import threading
from collections.abc import Callable, Iterator

import pytest

from roost.demo_agent.mcp import CallError, Client, call_patiently
from tests.support.demo_agent import DemoAgent, Fabric, enveloped
from tests.support.home import Home
from tests.support.port import kept_port

Start = Callable[[str], DemoAgent]
ID = "1" * 32


@pytest.fixture
def start(home: Home) -> Iterator[Start]:
    agents: list[DemoAgent] = []

    def begin(url: str) -> DemoAgent:
        agents.append(DemoAgent(home.work, {**os.environ, "ROOST_URL": url, "ROOST_TOKEN": "secret"}))
        return agents[-1].wait_ready()

    yield begin
    for agent in agents:
        agent.end()


@pytest.fixture
def fabrics() -> Iterator[Callable[..., Fabric]]:
    made: list[Fabric] = []

    def make(*script: str, port: int = 0) -> Fabric:
        made.append(Fabric(*script, port=port))
        return made[-1]

    yield make
    for fabric in made:
        fabric.end()


Fabrics = Callable[..., Fabric]


def arguments(fabric: Fabric) -> list[dict[str, str]]:
    assert all(call["name"] == "send_message" for call in fabric.calls)
    return [call["arguments"] for call in fabric.calls]


@pytest.mark.parametrize("form", ["json", "sse", "initialize"])
def test_P13_a_message_is_answered_to_its_sender(start: Start, fabrics: Fabrics, form: str) -> None:
    fabric = fabrics(form)
    agent = start(fabric.url)
    agent.submit(enveloped("hello there\nmore"))
    assert agent.turn_ends(1) == ["done"]
    assert arguments(fabric) == [
        {"to": "alice", "body": "echo: hello there", "reply_to": ID, "key": f"{ID}:1"}
    ]
    assert all(headers["Authorization"] == "Bearer secret" for headers in fabric.headers)
    if form == "initialize":
        assert fabric.methods == ["tools/call", "initialize", "notifications/initialized", "tools/call"]
        assert fabric.headers[-1]["Mcp-Session-Id"] == "session-1"


def test_P13_directives_send_in_order_with_keys_of_their_own(start: Start, fabrics: Fabrics) -> None:
    fabric = fabrics()
    agent = start(fabric.url)
    agent.submit(enveloped("@@send bob do this@@\n@@reply one@@\n@@recall@@"))
    assert agent.turn_ends(1) == ["done"]
    assert arguments(fabric) == [
        {"to": "bob", "body": "do this", "key": f"{ID}:1"},
        {"to": "alice", "body": "one", "reply_to": ID, "key": f"{ID}:2"},
        {"to": "alice", "body": "0", "reply_to": ID, "key": f"{ID}:3"},
    ]


def test_P13_all_is_answered_but_notices_and_answering_echoes(start: Start, fabrics: Fabrics) -> None:
    fabric = fabrics()
    agent = start(fabric.url)
    agent.submit(enveloped("echo: hi", "1" * 32))
    agent.submit(enveloped("echo: hi", "2" * 32, reply_to=ID))
    agent.submit(enveloped("a true reply", "3" * 32, reply_to=ID))
    agent.submit(enveloped("bob died", "4" * 32, sender="roost", notice=True))
    assert agent.turn_ends(4) == ["done"] * 4
    assert [(call["reply_to"], call["body"]) for call in arguments(fabric)] == [
        ("1" * 32, "echo: echo: hi"),
        ("3" * 32, "echo: a true reply"),
    ]


def test_a_typed_prompt_is_not_answered_over_the_fabric(start: Start, fabrics: Fabrics) -> None:
    fabric = fabrics()
    agent = start(fabric.url)
    agent.submit("typed")
    agent.submit("@@send bob from a person@@")
    assert agent.turn_ends(2) == ["done"] * 2
    assert [(call["to"], call["body"]) for call in arguments(fabric)] == [("bob", "from a person")]


def test_N8_a_server_that_is_restarting_is_waited_for(start: Start, fabrics: Fabrics) -> None:
    with kept_port() as port:
        agent = start(f"http://127.0.0.1:{port}")
        agent.submit(enveloped("hello"))
        agent.until(lambda: len(agent.said()) == 2, "the answer is recorded")
        fabric = fabrics(port=port)
        assert agent.turn_ends(1) == ["done"]
    assert len(fabric.calls) == 1


@pytest.mark.parametrize("word", ["drop", "starting"])
def test_N4_a_call_that_was_not_served_is_repeated_under_the_same_key(
    start: Start, fabrics: Fabrics, word: str
) -> None:
    fabric = fabrics(word, word, "json")
    agent = start(fabric.url)
    agent.submit(enveloped("hello"))
    assert agent.turn_ends(1) == ["done"]
    assert [call["key"] for call in arguments(fabric)] == [f"{ID}:1"] * 3


def test_N8_patience_with_a_starting_server_has_an_end(fabrics: Fabrics) -> None:
    fabric = fabrics("starting")
    with pytest.raises(CallError, match=r"no answer from the message service for 0 s \(HTTP 503\)"):
        call_patiently(Client(fabric.url, "secret"), "send_message", {}, threading.Event(), patience=0)
    assert len(fabric.calls) == 1


@pytest.mark.parametrize(("word", "shown"), [("refuse", "HTTP 401"), ("error", "no such peer")])
def test_a_refusal_is_shown_once_and_fails_the_turn(
    start: Start, fabrics: Fabrics, word: str, shown: str
) -> None:
    fabric = fabrics(word)
    agent = start(fabric.url)
    agent.submit(enveloped("hello"))
    assert agent.turn_ends(1) == ["failed"]
    agent.sees(f"! not sent: {shown}")
    assert len(fabric.calls) == 1


def test_the_terminal_lives_while_a_call_is_under_way(start: Start, fabrics: Fabrics) -> None:
    fabric = fabrics("hold")
    agent = start(fabric.url)
    agent.submit(enveloped("hello"))
    agent.until(lambda: fabric.calls, "the call")
    agent.submit("next")
    agent.sees("queued: 1")
    agent.type(b"\x1b")
    assert agent.turn_ends(2) == ["interrupted", "done"]
    fabric.release.set()
