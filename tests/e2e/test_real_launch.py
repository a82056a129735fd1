"""The real CLIs with a user's own arguments, settings and environment (C3, C5, C6, C12)."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from roost.errors import RoostError
from roost.host.environment import child_environment
from roost.runtimes.claude import MOST, THRESHOLDS, ClaudeRuntime
from roost.runtimes.codex import CodexRuntime
from roost.runtimes.runtime import Runtime
from tests.support.daemon import environ_of
from tests.support.home import make_home
from tests.support.processes import kept
from tests.support.real import LONG, PATIENCE, Agents, agents_in, cleared_agents, shared_agents
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]


BELONGS = {
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "4321",
    "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-0123456789",
    "CLAUDE_CODE_SKIP_BEDROCK_AUTH": "1",
    "CLAUDE_CODE_USE_BEDROCK": "0",
}
"""What a user of another provider, with a login by a token, has in the environment."""
MARKS = {
    "CLAUDECODE": "1",
    "CLAUDE_CODE_ENTRYPOINT": "cli",
    "CLAUDE_CODE_SESSION_ID": "11111111-2222-4333-8444-555555555555",
    "CLAUDE_CODE_SSE_PORT": "9",
}
"""What a session of Claude Code adds to it."""


@pytest.fixture(scope="module")
def shared_claude() -> Iterator[Agents]:
    """The daemon of such a user, who started it inside a session."""
    environ = {**BELONGS, **MARKS}
    with make_home() as home, kept(home.mark), agents_in(home, "claude", environ=environ) as made:
        del made.settings["claude"]["env.ANTHROPIC_API_KEY"]
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


def test_c5_c6_their_settings_servers_and_instructions_stay_in_force_beside_ours(claude: Agents) -> None:
    """Their hook, their permission, their MCP server, our hooks, our tools without a question.

    C6: what belongs to the program comes from the daemon's environment; whatever a session adds to that of
    its commands, a daemon started there passes none of it on. C12: the thresholds are ours.
    C3: an arrow to the left leaves the prompt where it is, at rest and in a turn, and `/bg` is no command.
    """
    roost, work = claude.roost, claude.roost.home.work
    hook = {"hooks": [{"type": "command", "command": f"touch {work}/hook-ran"}]}
    mine = {"hooks": {"Stop": [hook]}, "permissions": {"allow": ["Bash"]}}
    (work / "mine.json").write_text(json.dumps(mine))
    servers = {"mcpServers": {"other": {"command": str(server_script(work))}}}
    (work / "mcp.json").write_text(json.dumps(servers))
    with_args(claude, f"--settings {work}/mine.json --mcp-config {work}/mcp.json")
    with_args(claude, "--append-system-prompt theirs-1234")
    claude.add("a", "claude", prompt="ours-5678")
    asked = f"@@bash touch {work}/a/permitted@@"
    assert roost.ask("a", asked) == f"echo: {asked}"
    for name in ("a/permitted", "hook-ran", "server-started"):
        until_there(work / name)
    assert json.loads(both_instruct(claude))["max_tokens"] == 4321
    seen = environ_of(roost.session("a")["agent_pid"])
    assert {name: seen.get(name) for name in BELONGS} == BELONGS
    assert not set(MARKS) & set(seen)
    assert {name: seen.get(name) for name in THRESHOLDS} == dict.fromkeys(THRESHOLDS, MOST), "C12"
    passes_no_mark_on(claude, ClaudeRuntime(), "CLAUDECODE", "Bash", "command")
    roost.keys("a", "Left")
    assert roost.ask("a", "at rest") == "echo: at rest"
    sent = roost.send("a", f"@@delay {LONG}@@\nslow")
    claude.arrived(sent["id"])
    roost.keys("a", "Left")
    claude.model.delays.end()
    assert roost.ask("a", "in a turn") == "echo: in a turn"
    roost.keys("a", "/bg", "Enter")
    assert roost.ask("a", "after it") == "echo: after it"


def test_c5_their_server_instructions_and_a_second_no_daemon_codex(codex: Agents) -> None:
    """C6: as for Claude Code."""
    work = codex.roost.home.work
    with_args(codex, f"""--no-daemon -c 'mcp_servers.other.command="{server_script(work)}"'""")
    with_args(codex, "-c developer_instructions=theirs-1234")
    codex.add("a", "codex", prompt="ours-5678")
    both_instruct(codex)
    until_there(work / "server-started")
    passes_no_mark_on(codex, CodexRuntime(), "CODEX_THREAD_ID", "exec_command", "cmd")


def both_instruct(agents: Agents) -> str:
    """The model is told what the user's arguments say, and what the peer's prompt does: in this request."""
    bodies = agents.roost.home.root / "bodies"
    bodies.mkdir()
    agents.model.journal._bodies = bodies
    sent = agents.roost.send("a", "hello")
    request = (bodies / f"{agents.arrived(sent['id']).number}.json").read_text()
    agents.model.journal._bodies = None
    agents.roost.until_message(sent["id"], "done")
    assert "theirs-1234" in request
    assert "ours-5678" in request
    return request


def passes_no_mark_on(agents: Agents, runtime: Runtime, mark: str, tool: str, word: str) -> None:
    """What the program adds to the environment of a command is told, and goes no further."""
    seen = agents.roost.home.work / "a" / "seen"
    arguments = {word: f"env > {seen}", "description": "look"}
    sent = agents.roost.send("a", f"@@tool {tool} {json.dumps(arguments)}@@")
    agents.roost.until_message(sent["id"], "done")
    pairs = (line.partition("=") for line in seen.read_text().splitlines())
    own = environ_of(agents.roost.session("a")["agent_pid"])
    added = {name: value for name, _, value in pairs if name not in own}
    assert mark in added
    passed = child_environment(added, {}, runtime.passes)
    assert sorted(set(passed) - {"TERM", "COLORTERM", "SHELL", "LC_ALL", "LC_CTYPE"}) == []


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
    request: pytest.FixtureRequest, runtime: str, args: str, way: str
) -> None:
    made: Agents = request.getfixturevalue(runtime)
    pairs = {"runtime": runtime, "dir": str(made.roost.home.work), **made.settings[runtime]}
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
