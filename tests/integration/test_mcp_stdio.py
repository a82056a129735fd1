"""`roost mcp`: a client that speaks MCP by pipes takes part as a peer (17, P13, H6)."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.support.daemon import PATIENCE, Record, Roost, cleared, shared_roost
from tests.support.processes import sockets
from tests.support.wait import wait_until

pytestmark = [pytest.mark.real, pytest.mark.timeout(120)]

VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")


@pytest.fixture(scope="module")
def shared() -> Iterator[Roost]:
    with shared_roost() as made:
        yield made


@pytest.fixture
def roost(shared: Roost) -> Iterator[Roost]:
    with cleared(shared) as made:
        made.add("editor", "human", description="an editor")
        made.add("b", "human")
        yield made
        # Who has sent unread mail is told when its recipient is removed, and may be the next test's by then.
        made.call("acknowledge", name="b", ids=[item["id"] for item in made.call("inbox", name="b")])


class Lines:
    """A client that writes lines and reads lines."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self._early: dict[object, Record] = {}

    def write(self, *messages: object) -> None:
        assert self.process.stdin is not None
        for message in messages:
            line = message if isinstance(message, bytes) else json.dumps(message).encode()
            self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def read(self) -> Record:
        """The next line: there is nothing but JSON."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.endswith(b"\n"), line
        return json.loads(line)

    def answer(self, number: object) -> Record:
        """The answer to a request, in whatever order they come."""
        while number not in self._early:
            told = self.read()
            self._early[told.get("id")] = told
        return self._early.pop(number)

    def ask(self, number: object, method: str, **params: object) -> Record:
        self.write(request(number, method, **params))
        return self.answer(number)

    def tool(self, number: object, name: str, **arguments: object) -> Any:  # noqa: ANN401 -- JSON
        """What a tool answers."""
        told = self.ask(number, "tools/call", name=name, arguments=arguments)
        assert not told["result"]["isError"], told
        return told["result"]["structuredContent"]


def request(number: object, method: str, **params: object) -> Record:
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


def call(number: object, name: str, **arguments: object) -> Record:
    return request(number, "tools/call", name=name, arguments=arguments)


@contextmanager
def client(roost: Roost, *words: str) -> Iterator[Lines]:
    """A client of `roost mcp`, which leaves at the end."""
    command = [sys.executable, "-m", "roost", "mcp", *(words or ("--as", "editor"))]
    with subprocess.Popen(
        command, env=roost.environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield Lines(process)
        finally:
            process.kill()


def hello(version: str = VERSIONS[-1]) -> dict[str, object]:
    return {
        "protocolVersion": version,
        "capabilities": {},
        "clientInfo": {"name": "a test", "version": "1"},
    }


def until_asked(lines: Lines, count: int) -> None:
    """Return when so many requests are on their way to the daemon: each has a connection."""
    wait_until(lambda: sockets(lines.process.pid) == count, timeout=PATIENCE, why=f"{count} are asked")


def unread(roost: Roost, name: str) -> list[str]:
    return [item["body"] for item in roost.call("inbox", name=name)]


Work = Callable[[ClientSession], Coroutine[Any, Any, None]]


def by_library(roost: Roost, work: Work) -> None:
    """Be a client by the official library."""
    server = StdioServerParameters(
        command=sys.executable,
        args=["-m", "roost", "mcp", "--as", "editor", "--home", str(roost.home.roost)],
        env={name: roost.environ[name] for name in ("HOME", "PYTHONPATH") if name in roost.environ},
    )

    async def run() -> None:
        async with stdio_client(server) as streams, ClientSession(*streams) as session:
            await session.initialize()
            await work(session)

    asyncio.run(run())


def test_17_the_official_library_lists_sends_and_reads(roost: Roost) -> None:
    async def work(session: ClientSession) -> None:
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert set(tools) == {"send_message", "list_peers", "read_inbox"}
        assert set(tools["read_inbox"].input_schema["properties"]) == {"wait"}
        sent = await session.call_tool("send_message", {"to": "b", "body": "from the editor"})
        assert not sent.is_error
        await asyncio.to_thread(roost.send, "editor", "\u00e9 \U0001f600\n'; --", **{"from": "b"})
        first, again = [await session.call_tool("read_inbox", {}) for _ in range(2)]
        (item,) = (first.structured_content or {})["result"]
        assert (item["from"], item["body"]) == ("b", "\u00e9 \U0001f600\n'; --")
        assert (again.structured_content or {})["result"] == []
        waited = asyncio.create_task(session.call_tool("read_inbox", {"wait": 40}))
        peers = await session.call_tool("list_peers", {})
        rows = {row["name"]: row["you"] for row in (peers.structured_content or {})["result"]}
        assert rows == {"editor": True, "b": False}
        await asyncio.to_thread(roost.send, "editor", "an answer", **{"from": "b"})
        (item,) = ((await waited).structured_content or {})["result"]
        assert item["body"] == "an answer"

    by_library(roost, work)
    (mail,) = roost.call("inbox", name="b")
    assert (mail["from"], mail["body"]) == ("editor", "from the editor")
    assert unread(roost, "editor") == []


@pytest.mark.parametrize("version", VERSIONS)
def test_17_each_version_of_the_protocol_is_agreed_on_and_spoken(roost: Roost, version: str) -> None:
    with client(roost) as lines:
        told = lines.ask(1, "initialize", **hello(version))["result"]
        assert (told["protocolVersion"], told["serverInfo"]["name"]) == (version, "roost")
        assert "read_inbox" in told["instructions"]
        lines.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert lines.ask(2, "ping")["result"] == {}
        assert len(lines.ask("three", "tools/list")["result"]["tools"]) == 3
        assert lines.tool(4, "send_message", to="b", body=version)["id"]
        assert lines.ask(5, "server/discover")["error"]["code"] == -32601
    assert unread(roost, "b") == [version]


def test_17_lines_that_are_no_messages_are_answered_and_what_follows_is_too(roost: Roost) -> None:
    with client(roost) as lines:
        lines.write(b"{", b"", b"[]", request(None, "ping"), {"jsonrpc": "2.0", "id": 9, "result": {}})
        assert [lines.read()["error"]["code"] for _ in range(3)] == [-32700, -32600, -32600]
        lines.write(b"x" * (8 * 1024 * 1024 + 1))
        assert "longer than" in lines.read()["error"]["message"]
        assert lines.ask(1, "no/such/method")["error"]["code"] == -32601
        assert lines.ask(2, "tools/call", name="send_message", arguments={"to": "nobody", "body": "x"})[
            "result"
        ]["isError"]


def test_17_a_large_message_and_many_at_a_time_go_through_whole(roost: Roost) -> None:
    large = '"\\\u00e9\u0001' * 150_000
    with client(roost) as lines:
        lines.tool("large", "send_message", to="editor", body=large)
        (item,) = lines.tool("read", "read_inbox")["result"]
        assert item["body"] == large
        lines.write(*(call(number, "send_message", to="b", body=str(number)) for number in range(100)))
        ids = {lines.answer(number)["result"]["structuredContent"]["id"] for number in range(100)}
    assert len(ids) == 100
    assert sorted(map(int, unread(roost, "b"))) == list(range(100))


def test_17_the_client_that_leaves_ends_it_at_once_whatever_runs(roost: Roost) -> None:
    with client(roost) as lines:
        assert lines.process.stdin is not None
        lines.write(call(1, "read_inbox", wait=50))
        assert lines.ask(2, "ping")["result"] == {}
        lines.process.stdin.close()
        assert lines.process.wait(PATIENCE) == 0
    with client(roost) as lines:
        lines.write(call(1, "read_inbox", wait=50))
        assert lines.ask(2, "ping")["result"] == {}
        lines.process.send_signal(signal.SIGTERM)
        assert lines.process.wait(PATIENCE) == -signal.SIGTERM
    roost.send("editor", "later")
    assert unread(roost, "editor") == ["later"]
    with client(roost) as lines:
        assert [item["body"] for item in lines.tool(1, "read_inbox")["result"]] == ["later"]


def test_N2_mail_of_a_wait_that_was_given_up_is_there_for_the_next(roost: Roost) -> None:
    with client(roost) as lines:
        lines.write(call("given up", "read_inbox", wait=50))
        lines.write(
            {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "given up"}}
        )
        lines.write({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": []}})
        assert lines.ask(1, "ping")["result"] == {}
        roost.send("editor", "not lost")
        (item,) = lines.tool(2, "read_inbox", wait=50)["result"]
        assert item["body"] == "not lost"
        assert lines.tool(3, "read_inbox")["result"] == []


def test_N4_two_clients_of_one_peer_read_each_message_once(roost: Roost) -> None:
    for number in range(20):
        roost.send("editor", str(number))
    with client(roost) as one, client(roost) as two:
        one.write(call(1, "read_inbox"))
        two.write(call(1, "read_inbox"))
        read = [
            item["body"]
            for each in (one, two)
            for item in each.answer(1)["result"]["structuredContent"]["result"]
        ]
    assert sorted(map(int, read)) == list(range(20))


def test_N2_what_a_client_did_not_take_is_not_read(roost: Roost) -> None:
    roost.send("editor", "x" * 300_000)
    with client(roost) as lines:
        assert lines.process.stdout is not None
        lines.write(call(1, "read_inbox"))
        assert lines.process.stdout.read(1) == b"{"  # its answer is more than the pipe holds
        lines.process.kill()
    assert len(unread(roost, "editor")) == 1
    with client(roost) as lines:
        lines.write(call(1, "read_inbox"))
        lines.process.stdout.close()  # type: ignore[union-attr]
        assert lines.process.wait(PATIENCE) == 141
    assert len(unread(roost, "editor")) == 1


@contextmanager
def paused(lines: Lines) -> Iterator[None]:
    """It sees only afterwards what happens meanwhile, however long that takes."""
    lines.process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        lines.process.send_signal(signal.SIGCONT)


def test_17_the_tools_go_on_when_the_daemon_was_killed_and_is_back(roost: Roost) -> None:
    with client(roost) as lines:
        lines.ask(0, "initialize", **hello())
        until_asked(lines, 0)
        lines.write(call("wait", "read_inbox", wait=50))
        until_asked(lines, 1)
        with paused(lines):
            roost.kill()
            roost.start()
        roost.send("editor", "after the restart")
        (item,) = lines.answer("wait")["result"]["structuredContent"]["result"]
        assert item["body"] == "after the restart"
        assert lines.tool(1, "send_message", to="b", body="once")["id"]
    assert unread(roost, "b") == ["once"]


def test_17_without_a_daemon_a_call_is_answered_with_the_next_step_and_the_next_one_works(
    roost: Roost,
) -> None:
    roost.kill()
    with client(roost) as lines:
        told = lines.ask(1, "initialize", **hello())
        assert "`roost up`" in told["error"]["message"]
        assert lines.ask(2, "ping")["result"] == {}
        roost.start()
        assert lines.ask(3, "initialize", **hello())["result"]["serverInfo"]["name"] == "roost"


def test_17_whether_a_call_that_was_cut_off_was_done_is_not_claimed(roost: Roost) -> None:
    with client(roost) as lines:
        lines.ask(0, "initialize", **hello())
        until_asked(lines, 0)
        os.kill(roost.daemon.pid, signal.SIGSTOP)  # it takes the requests, and answers nothing
        send = call(3, "send_message", to="b", body="once")
        lines.write(call(1, "no_such_tool"), request(2, "tools/list"), send)
        until_asked(lines, 3)
        with paused(lines):
            roost.kill()
            roost.start()
        assert "is not known" in lines.answer(1)["error"]["message"]
        assert len(lines.answer(2)["result"]["tools"]) == 3
        assert not lines.answer(3)["result"]["isError"]
    assert unread(roost, "b") == ["once"]


def test_P13_nobody_speaks_for_a_peer_that_is_not_theirs(roost: Roost) -> None:
    roost.add("a")
    for words, why in (
        (["--as", "nobody"], "there is no peer 'nobody'"),
        (["--as", "a"], "'a' is an agent"),
        (["--as", "operator"], "is the mailbox of a person"),
        (["--debug"], "--as NAME"),
    ):
        with client(roost, *words) as lines:
            assert why in lines.ask(1, "initialize", **hello())["error"]["message"], words
    roost.call("wake", name="a")
    roost.environ["ROOST_TOKEN"] = roost.token("a")
    try:
        with client(roost) as lines:
            told = lines.ask(1, "initialize", **hello())
            assert "speak for no other peer" in told["error"]["message"]
        with client(roost, "--debug") as lines:
            names = [tool["name"] for tool in lines.ask(1, "tools/list")["result"]["tools"]]
            assert "done" in names
            assert lines.tool(2, "send_message", to="b", body="as itself")["id"]
    finally:
        del roost.environ["ROOST_TOKEN"]
    assert [item["from"] for item in roost.call("inbox", name="b")] == ["a"]


def test_H6_a_client_that_calls_is_heard_of(roost: Roost) -> None:
    assert "not used yet" in roost.row("editor")["why"]
    with client(roost) as lines:
        lines.ask(1, "initialize", **hello())
        assert "last used" in roost.row("editor")["why"]


def test_17_a_wait_is_bounded_and_its_client_hears_that_it_goes_on(roost: Roost) -> None:
    with client(roost) as lines:
        told = lines.ask(1, "tools/call", name="read_inbox", arguments={"wait": 51})
        assert "from 0 to 50" in told["result"]["content"][0]["text"]
        assert lines.tool(2, "read_inbox", wait=0.05)["result"] == []
        waiting = call(3, "read_inbox", wait=50)
        lines.write({**waiting, "params": {**waiting["params"], "_meta": {"progressToken": "t"}}})
        news = lines.read()
        assert news["method"] == "notifications/progress"
        assert (news["params"]["progressToken"], news["params"]["progress"]) == ("t", 1)
        roost.send("editor", "x")
        assert lines.answer(3)["result"]["structuredContent"]["result"][0]["body"] == "x"
