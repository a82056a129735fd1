"""The real CLIs with a user's own arguments, settings and environment (C3, C5, C6, C12)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.errors import RoostError
from roost.host.environment import child_environment
from roost.runtimes.claude import MOST, THRESHOLDS, ClaudeRuntime
from roost.runtimes.codex import CodexRuntime
from tests.support.daemon import environ_of
from tests.support.home import Home
from tests.support.real import LONG, PATIENCE, Agents, agents_in, cleared_agents, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]


@pytest.fixture(scope="module")
def shared_claude() -> Iterator[Agents]:
    with shared_agents("claude") as made:
        yield made


@pytest.fixture(scope="module")
def shared_codex() -> Iterator[Agents]:
    with shared_agents("codex") as made:
        yield made


@pytest.fixture
def claude(shared_claude: Agents) -> Iterator[Agents]:
    with cleared_agents(shared_claude) as made:
        yield made


@pytest.fixture
def codex(shared_codex: Agents) -> Iterator[Agents]:
    with cleared_agents(shared_codex) as made:
        yield made


@pytest.fixture(params=["claude", "codex"])
def agents(request: pytest.FixtureRequest) -> Agents:
    made: Agents = request.getfixturevalue(request.param)
    return made


def with_args(agents: Agents, args: str) -> None:
    """Give these arguments to every peer that is made from now on."""
    settings = agents.settings[agents.runtime]
    settings["args"] = f"{settings.get('args', '')} {args}".strip()


def server_script(folder: Path) -> Path:
    """A stdio MCP server that leaves a file when it is started."""
    script = folder / "server.sh"
    script.write_text(f"#!/bin/sh\n: > {folder}/server-started\ncat >/dev/null\n")
    script.chmod(0o700)
    return script


def until_there(path: Path) -> None:
    """Wait for a file."""
    wait_until(path.exists, timeout=PATIENCE, why=f"{path.name} is there")


def test_c5_their_settings_and_servers_stay_in_force_beside_ours(claude: Agents) -> None:
    """Their hook, their permission, their MCP server, our hooks, our tools without a question."""
    work = claude.roost.home.work
    hook = {"hooks": [{"type": "command", "command": f"touch {work}/hook-ran"}]}
    mine = {"hooks": {"Stop": [hook]}, "permissions": {"allow": ["Bash"]}}
    (work / "mine.json").write_text(json.dumps(mine))
    servers = {"mcpServers": {"other": {"command": str(server_script(work))}}}
    (work / "mcp.json").write_text(json.dumps(servers))
    with_args(claude, f"--settings {work}/mine.json --mcp-config {work}/mcp.json")
    claude.add("a", "claude")
    asked = f"@@bash touch {work}/a/permitted@@"
    assert claude.roost.ask("a", asked) == f"echo: {asked}"
    until_there(work / "a/permitted")
    for name in ("hook-ran", "server-started"):
        until_there(work / name)


def test_c5_their_server_and_a_second_no_daemon_codex(codex: Agents) -> None:
    work = codex.roost.home.work
    script = server_script(work)
    with_args(codex, f"""--no-daemon -c 'mcp_servers.other.command="{script}"'""")
    codex.add("a", "codex")
    assert codex.roost.ask("a", "hello") == "echo: hello"
    until_there(work / "server-started")


def test_c5_their_instructions_are_joined_with_the_peers(agents: Agents) -> None:
    bodies = agents.roost.home.root / "bodies"
    bodies.mkdir()
    agents.model.journal._bodies = bodies
    option = {
        "claude": "--append-system-prompt theirs-1234",
        "codex": "-c developer_instructions=theirs-1234",
    }
    with_args(agents, option[agents.runtime])
    agents.add("a", agents.runtime, prompt="ours-5678")
    sent = agents.roost.send("a", "hello")
    request = (bodies / f"{agents.arrived(sent['id']).number}.json").read_text()
    assert "theirs-1234" in request
    assert "ours-5678" in request


@pytest.mark.parametrize(
    ("runtime", "args", "way"),
    [
        ("claude", "--session-id 11111111-2222-4333-8444-555555555555", "roost wake NAME --resume"),
        ("claude", "--settings missing.json", "cannot be read"),
        ("codex", "resume --last", "roost send NAME TEXT"),
        ("codex", "-c mcp_servers={}", "mcp_servers.NAME.url"),
    ],
)
def test_c5_what_cannot_be_merged_is_refused_when_it_is_said(
    home: Home, runtime: str, args: str, way: str
) -> None:
    with agents_in(home, runtime) as made:
        settings = made.settings[runtime]
        folder = home.work / "a"
        folder.mkdir()
        pairs = {"runtime": runtime, "dir": str(folder), **settings}
        with pytest.raises(RoostError, match=way):
            made.roost.call("add", name="a", settings={**pairs, "args": args})
        made.roost.call("add", name="a", settings=pairs)
        refused = made.roost.cli("set", "a", f"args={args}")
        assert refused.returncode == 2
        assert way in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1


def test_c5_a_settings_file_that_went_away_is_named_at_the_launch(claude: Agents) -> None:
    mine = claude.roost.home.work / "mine.json"
    mine.write_text("{}")
    with_args(claude, f"--settings {mine}")
    claude.add("a", "claude")
    mine.unlink()
    refused = claude.roost.cli("wake", "a")
    assert refused.returncode == 1
    assert f"the file of '--settings' cannot be read: {mine}: No such file or directory" in refused.stderr


def marks_of_tools(agents: Agents) -> tuple[dict[str, str], dict[str, str]]:
    """The agent's own environment, and that of a command which it runs."""
    seen = agents.roost.home.work / "a" / "seen"
    if agents.runtime == "claude":
        with_args(agents, """--settings '{"permissions":{"allow":["Bash"]}}'""")
        tool, arguments = "Bash", {"command": f"env > {seen}", "description": "look"}
    else:
        tool, arguments = "exec_command", {"cmd": f"env > {seen}"}
    agents.add("a", agents.runtime)
    sent = agents.roost.send("a", f"@@tool {tool} {json.dumps(arguments)}@@")
    agents.roost.until_message(sent["id"], "done")
    pairs = (line.partition("=") for line in seen.read_text().splitlines())
    return environ_of(agents.roost.session("a")["agent_pid"]), {name: value for name, _, value in pairs}


def test_c6_no_mark_that_a_session_leaves_to_its_commands_reaches_a_child(agents: Agents) -> None:
    """Whatever the program adds to the environment of its commands, a daemon started there passes none on."""
    runtime = {"claude": ClaudeRuntime(), "codex": CodexRuntime()}[agents.runtime]
    own, given = marks_of_tools(agents)
    added = {name: value for name, value in given.items() if name not in own}
    assert {"claude": "CLAUDECODE", "codex": "CODEX_THREAD_ID"}[agents.runtime] in added
    passed = child_environment(added, {}, runtime.passes)
    assert sorted(set(passed) - {"TERM", "COLORTERM", "SHELL", "LC_ALL", "LC_CTYPE"}) == []


def test_c6_what_belongs_to_the_program_comes_from_the_daemons_environment(home: Home) -> None:
    """A daemon that was started inside a session, by a user of another provider."""
    belongs = {
        "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "4321",
        "CLAUDE_CODE_SKIP_BEDROCK_AUTH": "1",
        "CLAUDE_CODE_USE_BEDROCK": "0",
    }
    marks = {
        "CLAUDECODE": "1",
        "CLAUDE_CODE_ENTRYPOINT": "cli",
        "CLAUDE_CODE_SESSION_ID": "11111111-2222-4333-8444-555555555555",
        "CLAUDE_CODE_SSE_PORT": "9",
    }
    with agents_in(home, "claude", environ={**belongs, **marks}) as made:
        bodies = home.root / "bodies"
        bodies.mkdir()
        made.model.journal._bodies = bodies
        made.add("a", "claude")
        sent = made.roost.send("a", "hello")
        request = json.loads((bodies / f"{made.arrived(sent['id']).number}.json").read_text())
        assert request["max_tokens"] == 4321
        seen = environ_of(made.roost.session("a")["agent_pid"])
        assert {name: seen.get(name) for name in belongs} == belongs
        assert not set(marks) & set(seen)
        assert {name: seen.get(name) for name in THRESHOLDS} == dict.fromkeys(THRESHOLDS, MOST), "C12"


def test_c6_a_login_by_a_token_of_the_daemons_environment_is_used(home: Home) -> None:
    """`CLAUDE_CODE_OAUTH_TOKEN` instead of a key: the peer is logged in and answers."""
    with agents_in(home, "claude", environ={"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-0123456789"}) as made:
        del made.settings["claude"]["env.ANTHROPIC_API_KEY"]
        made.add("a", "claude")
        assert made.roost.ask("a", "hello") == "echo: hello"


def test_c3_an_arrow_to_the_left_leaves_the_prompt_where_it_is(claude: Agents) -> None:
    """At rest and in a turn; `/bg` is no command any more."""
    claude.add("a", "claude")
    assert claude.roost.ask("a", "hello") == "echo: hello"
    claude.roost.keys("a", "Left")
    assert claude.roost.ask("a", "at rest") == "echo: at rest"
    sent = claude.roost.send("a", f"@@delay {LONG}@@\nslow")
    claude.arrived(sent["id"])
    claude.roost.keys("a", "Left")
    claude.model.delays.end()
    assert claude.roost.ask("a", "in a turn") == "echo: in a turn"
    claude.roost.keys("a", "/bg", "Enter")
    assert claude.roost.ask("a", "after it") == "echo: after it"
