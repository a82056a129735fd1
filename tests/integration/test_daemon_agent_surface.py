"""What an agent can do from inside its session, and nobody else as it: MCP tools and its shell (P13)."""

import asyncio
import json
import re
import shlex
import stat
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from roost.core.vocabulary.limits import ATTACHMENT_BYTES
from tests.support.daemon import Roost, roost_in
from tests.support.home import Home
from tests.support.nasty import BODIES, PIECES, fuzzing
from tests.support.wait import wait_until

PATIENCE = 30.0
SHELL = """
[runtimes.shell]
argv = ["/bin/sh"]
ready = '(?m)^inside> $'
[runtimes.shell.env]
PS1 = "inside> "
"""


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    home.roost.mkdir(mode=0o700)
    (home.roost / "config.toml").write_text(SHELL)
    with roost_in(home) as made:
        made.add("b", "human", description="somebody to ask")
        yield made


Work = Callable[[ClientSession], Coroutine[Any, Any, None]]


def as_agent(roost: Roost, name: str, work: Work) -> None:
    """Call tools with the token of a peer's session, through the official library."""
    url, token = roost.call("status")["url"] + "/mcp", roost.token(name)

    async def run() -> None:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, trust_env=False) as web,
            streamable_http_client(url, http_client=web) as streams,
            ClientSession(streams[0], streams[1]) as client,
        ):
            await client.initialize()
            await work(client)

    asyncio.run(run())


def said(result: CallToolResult) -> str:
    """The text of a tool's answer."""
    return "".join(getattr(part, "text", "") for part in result.content)


def test_P13_the_tools_are_few_short_and_take_no_identity(roost: Roost) -> None:
    roost.add("a")
    roost.call("wake", name="a")

    async def look(client: ClientSession) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {"send_message", "list_peers", "read_inbox", "done", "watch", "unwatch"}
        parameters = {name: set(tool.input_schema.get("properties", {})) for name, tool in tools.items()}
        assert parameters == {
            "send_message": {
                "to",
                "body",
                "topic",
                "thread",
                "reply_to",
                "attachments",
                "key",
                "quote",
                "reply_within",
            },
            "list_peers": set(),
            "read_inbox": set(),
            "done": {"summary"},
            "watch": {"peer", "what", "topic", "file", "once", "seconds"},
            "unwatch": {"id"},
        }
        assert tools["send_message"].input_schema["required"] == ["body"]
        for tool in tools.values():
            assert 20 < len(tool.description or "") < 160
            for field in tool.input_schema.get("properties", {}).values():
                assert 5 < len(field["description"]) < 100

    as_agent(roost, "a", look)


def test_P13_list_peers_says_who_is_there_and_what_they_do_and_why(roost: Roost) -> None:
    for name in ("a", "c"):
        roost.add(name)
    roost.call("wake", name="a")
    roost.send("c", "@@silent@@\n@@ask@@")
    roost.until_state("c", "blocked")
    found: dict[str, dict[str, Any]] = {}

    async def look(client: ClientSession) -> None:
        result = await client.call_tool("list_peers", {})
        found.update({row["name"]: row for row in json.loads(said(result))})

    as_agent(roost, "a", look)
    assert {name: row["you"] for name, row in found.items()} == {"a": True, "b": False, "c": False}
    assert found["b"]["description"] == "somebody to ask"
    assert found["a"]["state"] == "idle"
    assert (found["c"]["state"], "Allow?" in found["c"]["why"]) == ("blocked", True)


def test_P13_attachments_are_copied_privately_and_named_in_the_envelope(roost: Roost) -> None:
    roost.add("a")
    roost.add("c")
    roost.call("wake", name="a")
    note = roost.home.work / "what I found.txt"
    note.write_text("the finding")
    ids: list[str] = []

    async def send(client: ClientSession) -> None:
        for _ in range(2):
            sent = await client.call_tool(
                "send_message", {"to": "c", "body": "@@silent@@\nlook", "attachments": [str(note)]}
            )
            ids.append(json.loads(said(sent))["id"])
        for wrong, why in (
            (["note.txt"], "absolute"),
            (["/no/such/file"], "not there"),
            (["/a\nb"], "line break"),
            ([str(note)] * 21, "at most 20"),
            ([str(roost.home.work)], "not a file"),
        ):
            refused = await client.call_tool("send_message", {"to": "c", "body": "x", "attachments": wrong})
            assert refused.is_error, wrong
            assert why in said(refused)

    as_agent(roost, "a", send)
    note.write_text("changed later")
    places: list[str] = []
    for message_id in ids:
        roost.until_message(message_id, "done")
        (prompt,) = roost.prompts(message_id)
        named = re.search(r", attached: (\S+): answer", prompt["text"])
        assert named
        places.append(named[1])
    assert places[0] == places[1], "the same content is kept once"
    copy = Path(places[0])
    assert copy.read_text() == "the finding"
    assert (stat.S_IMODE(copy.stat().st_mode), stat.S_IMODE(copy.parent.stat().st_mode)) == (0o600, 0o700)
    assert len(roost.call("messages", name="c")) == 2


def test_an_attachment_that_is_too_large_is_refused_and_leaves_nothing(roost: Roost) -> None:
    large = roost.home.work / "large"
    with large.open("wb") as file:
        file.truncate(ATTACHMENT_BYTES + 1)
    done = roost.cli("send", "b", "look", "--attach", str(large))
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "256 MiB" in done.stderr
    assert roost.call("inbox", name="b") == []
    assert [path for path in roost.places.attachments.rglob("*") if path.is_file()] == []


def test_P13_hostile_tool_inputs_are_refused_in_a_line_or_stored_as_they_are(roost: Roost) -> None:
    roost.add("a")
    roost.call("wake", name="a")
    roost.call("set", name="b", pairs=[["sender_limit", "10000"], ["queue_limit", "10000"]])

    @fuzzing(15)
    @given(
        body=BODIES, other=st.sampled_from(PIECES), field=st.sampled_from(["to", "topic", "reply_to", "key"])
    )
    @example(body="\n".join(PIECES), other="x", field="topic")
    def each(body: str, other: str, field: str) -> None:
        told: list[CallToolResult] = []

        async def send(client: ClientSession) -> None:
            told.append(await client.call_tool("send_message", {"to": "b", "body": body, field: other}))

        before = len(roost.call("inbox", name="b"))
        as_agent(roost, "a", send)
        mail = roost.call("inbox", name="b")[before:]
        if told[0].is_error:
            assert mail == []
            assert said(told[0]).count("\n") <= 3
        elif field != "key" or mail:
            (item,) = mail
            assert (item["from"], item["body"]) == ("a", body)

    each()
    assert roost.call("status")["version"]


def test_P13_the_agents_shell_sends_as_the_agent_and_as_nobody_else(roost: Roost) -> None:
    """A real shell in a session, typed into: the token in its environment is all it has and needs."""
    roost.add("a", "shell")
    roost.call("wake", name="a")
    program = shlex.join(roost.program())
    log = roost.home.work / "a" / "log"

    def type_in(command: str) -> str:
        """What the command says, with its exit code."""
        log.unlink(missing_ok=True)
        roost.keys("a", f"{{ {program} {command}; echo code $?; }} > .log 2>&1; mv .log log", "Enter")
        wait_until(
            log.exists, timeout=PATIENCE, why=f"{command} has ended", describe=lambda: roost.screen("a")
        )
        return log.read_text()

    assert "code 0" in type_in("send b from the shell")
    assert "code 1" in type_in("send b --from b as somebody else")
    for command in ("stop b", "restart a", "remove b --force", "down", "show b", "messages"):
        denied = type_in(command)
        assert "code 1" in denied, denied
        assert len(denied.splitlines()) == 2, denied
    assert "ROOST_TOKEN" not in type_in("list")
    mail = roost.call("inbox", name="b")
    assert [(item["from"], item["body"]) for item in mail] == [("a", "from the shell")]
    roost.keys("a", f"{program} done", "Enter")
    assert roost.until_death("a")["cause"] == "completed"
