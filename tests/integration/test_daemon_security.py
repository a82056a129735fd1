"""Who may do what: tokens, agents' and operators' tools, HTTP, file modes, environments (P13)."""

import asyncio
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from roost.client.connection import RemoteError
from tests.support.daemon import Roost, environ_of, roost_in
from tests.support.home import Home
from tests.support.posting import LISTING, post
from tests.support.wait import wait_until

PATIENCE = 30.0


@pytest.fixture
def roost(home: Home) -> Iterator[Roost]:
    with roost_in(home) as made:
        yield made


def test_wrong_foreign_and_ended_tokens_are_refused(roost: Roost) -> None:
    roost.add("a")
    roost.call("wake", name="a")
    token = roost.token("a")
    assert post(roost, "/mcp", LISTING, Authorization=f"Bearer {token}")[0] == 200
    for wrong in (
        "",
        "Bearer ",
        "Bearer wrong",
        f"Basic {token}",
        f"Bearer {token}x",
        f"Bearer {token[:-1]}",
    ):
        assert post(roost, "/mcp", LISTING, Authorization=wrong)[0] == 401, wrong
        assert post(roost, "/hooks/Stop", {}, Authorization=wrong)[0] == 401, wrong
    assert post(roost, "/mcp", LISTING)[0] == 401
    for wrong in ("wrong", token + "x"):
        with pytest.raises(RemoteError) as caught:
            roost.call("list", token=wrong)
        assert (caught.value.remote_code, caught.value.status) == ("denied", 1)
    stranger = roost.cli("send", "a", "hi", environ={"ROOST_TOKEN": "wrong", "ROOST_SESSION": "x"})
    assert stranger.returncode == 1
    assert len(stranger.stderr.splitlines()) == 1
    roost.call("stop", name="a")
    assert post(roost, "/mcp", LISTING, Authorization=f"Bearer {token}")[0] == 401
    with pytest.raises(RemoteError):
        roost.call("list", token=token)
    roost.call("start", name="a")
    roost.call("wake", name="a")
    assert roost.token("a") != token
    with pytest.raises(RemoteError):
        roost.call("list", token=token)


def test_P13_an_agent_is_who_its_token_says_and_no_operator(roost: Roost) -> None:
    roost.add("a")
    roost.add("b", "human")
    roost.call("wake", name="a")
    token = roost.token("a")
    operators = {
        "add": {"name": "x", "settings": {}},
        "set": {"name": "a", "pairs": []},
        "show": {"name": "a"},
        "messages": {},
        "wake": {"name": "a"},
        "restart": {"name": "a"},
        "stop": {"all": True},
        "start": {"all": True},
        "remove": {"name": "b", "force": True},
        "attach": {"name": "a"},
        "screen": {"name": "a"},
        "logs": {"name": "a"},
        "events": {},
        "deaths": {},
        "doctor": {},
        "down": {"agents": True},
    }
    for method, params in operators.items():
        with pytest.raises(RemoteError) as caught:
            roost.call(method, token=token, **params)
        assert caught.value.remote_code == "denied", method
    with pytest.raises(RemoteError) as caught:
        roost.call("send", token=token, to="b", body="as another", from_="b")
    assert caught.value.remote_code == "denied"
    with pytest.raises(RemoteError):
        roost.call("inbox", token=token, name="b")
    inside = {"ROOST_TOKEN": token, "ROOST_SESSION": "whatever", "ROOST_PEER": "b"}
    assert roost.cli("send", "b", "from the shell", environ=inside).returncode == 0
    foreign = roost.send("b", "operator's own")["id"]
    with pytest.raises(RemoteError):
        roost.call("message", token=token, id=foreign)
    mail = roost.call("inbox", name="b")
    assert [(item["from"], item["body"]) for item in mail] == [
        ("a", "from the shell"),
        ("operator", "operator's own"),
    ]
    assert [row["name"] for row in roost.call("list", token=token)] == ["a", "b"]


def test_http_takes_only_our_host_and_origin_and_listens_on_loopback(roost: Roost) -> None:
    roost.add("a")
    roost.call("wake", name="a")
    good = {"Authorization": f"Bearer {roost.token('a')}"}
    place = urlsplit(roost.call("status")["url"]).netloc
    assert post(roost, "/mcp", LISTING, **good, Origin=f"http://{place}")[0] == 200
    for origin in ("http://evil.example", "null", f"https://{place}", "http://127.0.0.1:1"):
        assert post(roost, "/mcp", LISTING, **good, Origin=origin)[0] == 403, origin
    for host in ("evil.example", "127.0.0.1", f"{place}.evil.example"):
        assert post(roost, "/mcp", LISTING, **good, Host=host)[0] == 421, host
    assert post(roost, "/mcp", LISTING, Host="evil.example")[0] == 421
    port = int(place.rpartition(":")[2])
    rows = Path("/proc/net/tcp").read_text().splitlines() + Path("/proc/net/tcp6").read_text().splitlines()
    local = [row.split()[1] for row in rows if row.split()[3] == "0A"]
    assert [each for each in local if each.endswith(f":{port:04X}")] == [f"0100007F:{port:04X}"]


def test_everything_in_the_home_is_private(roost: Roost) -> None:
    roost.add("a")
    roost.ask("a", "long " * 30_000)
    roost.send("a", "@@silent@@\n@@kill 9@@")
    roost.until_death("a")
    for path in (
        roost.places.home,
        *roost.places.home.rglob("*"),
        roost.places.run,
        *roost.places.run.rglob("*"),
    ):
        if path.name == "a" and path.parent == roost.home.work:
            continue
        status = path.lstat()
        # A tmux server that has just bound its socket has not taken the right to execute away yet.
        owners = stat.S_ISDIR(status.st_mode) or stat.S_ISSOCK(status.st_mode)
        wanted = 0o700 if owners else 0o600
        assert stat.S_IMODE(status.st_mode) & ~wanted & 0o777 == 0, (path, oct(status.st_mode))
    assert stat.S_IMODE(roost.places.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(roost.places.home.stat().st_mode) == 0o700


def test_an_agent_gets_its_own_environment_and_no_other(home: Home) -> None:
    foreign = {
        "CLAUDECODE": "1",
        "CLAUDE_CODE_ENTRYPOINT": "cli",
        "TMUX": "/tmp/other,1,0",
        "TMUX_PANE": "%1",
        "ROOST_TOKEN": "foreign",
        "ROOST_SESSION": "foreign",
        "SECRET_KEY": "secret",
    }
    roost = Roost(home, {**os.environ, **foreign})
    try:
        roost.start()
        roost.add("a", **{"env.MINE": "yes"})
        roost.add("b")
        for name in ("a", "b"):
            roost.call("wake", name=name)
        seen = {name: environ_of(roost.session(name)["agent_pid"]) for name in ("a", "b")}
        for name, environ in seen.items():
            assert not set(environ) & {
                "CLAUDECODE",
                "CLAUDE_CODE_ENTRYPOINT",
                "SECRET_KEY",
                "TMUX",
                "TMUX_PANE",
            }
            assert environ["ROOST_PEER"] == name
            assert environ["ROOST_SESSION"] == roost.session(name)["id"]
            assert environ["ROOST_HOME"] == str(roost.places.home)
        assert seen["a"]["MINE"] == "yes"
        assert "MINE" not in seen["b"]
        assert seen["a"]["ROOST_TOKEN"] != seen["b"]["ROOST_TOKEN"]
        session = roost.session("a")
        for pid in (session["server_pid"], session["shim_pid"]):
            assert "ROOST_TOKEN" not in environ_of(pid)
        for token in (seen["a"]["ROOST_TOKEN"], seen["b"]["ROOST_TOKEN"]):
            assert not [
                path
                for path in roost.places.home.rglob("*")
                if path.is_file() and token.encode() in path.read_bytes()
            ]
    finally:
        roost.finish()


async def by_mcp(url: str, token: str) -> None:
    """What an agent's own MCP client does, with the official library."""
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, trust_env=False) as web,
        streamable_http_client(url, http_client=web) as streams,
        ClientSession(streams[0], streams[1]) as client,
    ):
        await client.initialize()
        tools = (await client.list_tools()).tools
        own = {"send_message", "list_peers", "read_inbox", "done", "watch", "unwatch"}
        assert {tool.name for tool in tools} == own
        sent = await client.call_tool("send_message", {"to": "b", "body": "by MCP", "topic": "t"})
        assert not sent.is_error
        missed = await client.call_tool("send_message", {"to": "nobody", "body": "x"})
        assert missed.is_error
        assert "nobody" in str(missed.content)
        peers = await client.call_tool("list_peers", {})
        assert "human" in str(peers.content)


def test_P13_the_official_client_finds_the_tools_and_sends(roost: Roost) -> None:
    roost.add("a")
    roost.add("b", "human")
    roost.call("wake", name="a")
    asyncio.run(by_mcp(roost.call("status")["url"] + "/mcp", roost.token("a")))
    (item,) = roost.call("inbox", name="b")
    assert (item["from"], item["body"], item["topic"]) == ("a", "by MCP", "t")


def test_P13_two_agents_answer_each_other(roost: Roost) -> None:
    roost.add("a")
    roost.add("b")
    roost.send("a", "@@silent@@\n@@send b how are you@@", wait="done", timeout=PATIENCE)
    wait_until(lambda: len(roost.happened("turn_end")) >= 3, timeout=PATIENCE, why="question and answer")
    stories = roost.call("messages")
    question = next(each for each in stories if each["from"] == "a")
    answer = next(each for each in stories if each["from"] == "b")
    assert (question["to"], answer["to"], answer["reply_to"]) == ("b", "a", question["id"])
    for each in (question, answer):
        roost.until_message(each["id"], "done")
        assert len(roost.prompts(each["id"])) == 1
