"""The fake model serves the real CLIs: turns, tool calls, permission dialogs, resumed conversations."""

import json
import os
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from roost.fake_model import Arrival, FakeModel
from roost.host.environment import child_environment
from roost.probe import homes
from tests.support import clis
from tests.support.fake_hub import FakeHub
from tests.support.home import Home
from tests.support.pane import Pane
from tests.support.real import LONG, PATIENCE
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]

TOKEN = "token-of-this-session"
TEXT = "quotes ' \" $(id) `id` ; -- \\ 😀 مرحبا\n"


@dataclass(frozen=True, slots=True)
class Agent:
    """One CLI with everything it talks to."""

    name: str
    home: Home
    model: FakeModel
    hub: FakeHub
    seed: homes.Seed
    path: Path
    conversation: str
    ready: str
    busy: str = "esc to interrupt"

    def start(self, *, resume: str | None = None) -> Pane:
        argv = claude_argv(self, resume) if self.name == "claude" else codex_argv(self, resume)
        environ = child_environment(os.environ, {**self.seed.environ, "ROOST_TOKEN": TOKEN})
        pane = Pane(self.home.root, argv, environ=environ, directory=self.home.work)
        pane.wait_for(self.ready)
        return pane

    def turn(self, text: str) -> Arrival:
        return self.model.journal.wait_for(
            lambda arrival: arrival.kind == "turn" and text in arrival.user_texts[-1],
            timeout=PATIENCE,
        )


def claude_argv(agent: Agent, resume: str | None) -> list[str]:
    settings = agent.home.root / "settings.json"
    servers = agent.home.root / "mcp.json"
    hook = {
        "type": "http",
        "url": f"{agent.hub.url}/hooks/UserPromptSubmit",
        "headers": {"Authorization": "Bearer $ROOST_TOKEN"},
        "allowedEnvVars": ["ROOST_TOKEN"],
        "timeout": 5,
    }
    hooks = {"UserPromptSubmit": [{"hooks": [hook]}]}
    settings.write_text(json.dumps({"hooks": hooks, "permissions": {"allow": ["mcp__roost"]}}))
    server = {
        "type": "http",
        "url": f"{agent.hub.url}/mcp",
        "headers": {"Authorization": "Bearer ${ROOST_TOKEN}"},
    }
    servers.write_text(json.dumps({"mcpServers": {"roost": server}}))
    conversation = ["--resume", resume] if resume else ["--session-id", agent.conversation]
    return [str(agent.path), "--settings", str(settings), "--mcp-config", str(servers), *conversation]


def codex_argv(agent: Agent, resume: str | None) -> list[str]:
    flags = [
        "-c",
        f'mcp_servers.roost.url="{agent.hub.url}/mcp"',
        "-c",
        'mcp_servers.roost.bearer_token_env_var="ROOST_TOKEN"',
        "-c",
        'mcp_servers.roost.default_tools_approval_mode="approve"',
        *agent.seed.argv,
    ]
    return [str(agent.path), *(["resume", resume] if resume else []), *flags]


@pytest.fixture(params=["claude", "codex"])
def agent(request: pytest.FixtureRequest, home: Home) -> Iterator[Agent]:
    cli = clis.require(request.param)
    with FakeModel() as model, FakeHub() as hub:
        if cli.name == "claude":
            seed = homes.seed_claude(home.user, model.url, home.work)
            ready = r"manual mode on"
        else:
            seed = homes.seed_codex(home.user, model.url, home.work)
            ready = r"› Ask Codex to do anything"
        yield Agent(cli.name, home, model, hub, seed, cli.path, str(uuid.uuid4()), ready)


def turn_recorded(agent: Agent) -> bool:
    """Whether the end of a turn is on disk. Claude Code 2.1.328 writes some 0.1 s after it shows."""
    if agent.name == "claude":
        folder, end = ".claude/projects", '"turn_duration"'
    else:
        folder, end = ".codex/sessions", '"task_complete"'
    return any(end in path.read_text() for path in (agent.home.user / folder).rglob("*.jsonl"))


def message(number: str, body: str) -> str:
    return (
        f"[roost message {number} from boss topic t at 2026-01-02T03:04:05Z boundary 5f1c]\n"
        f"{body}\n"
        f"[end of roost message {number}: answer with send_message reply_to={number}]"
    )


def test_P1_a_message_arrives_whole_and_is_answered_by_mcp_without_a_dialog(agent: Agent) -> None:
    body = "first line\n" + TEXT * 150 + "last line"
    with agent.start() as pane:
        pane.submit(message("m-1", body), r"\[Pasted |m-1")
        arrival = agent.turn("m-1")
        assert body in arrival.user_texts[-1]
        wait_until(lambda: agent.hub.named("send_message"), timeout=PATIENCE, why="the reply")
        pane.wait_for(r"done", without=agent.busy)
    (reply,) = agent.hub.named("send_message")
    assert reply.content == {"to": "boss", "body": "echo: first line", "reply_to": "m-1"}
    assert reply.token == TOKEN
    if agent.name == "claude":
        (hook,) = agent.hub.named("UserPromptSubmit")
        assert hook.token == TOKEN
        assert "roost message m-1" in hook.content["prompt"]


def test_a_command_that_needs_permission_opens_the_dialog_and_can_be_refused(agent: Agent) -> None:
    forbidden = agent.home.root / "made-by-the-agent"
    with agent.start() as pane:
        pane.submit(f"@@bash touch {forbidden}@@", "@@bash")
        dialog = r"Do you want to proceed\?|Would you like to run the following command\?"
        pane.wait_for(dialog)
        pane.dismiss(["Escape", "3"], dialog)
        pane.wait_for(r"Interrupted|interrupted", without=agent.busy)
    assert not forbidden.exists()


def test_a_resumed_conversation_reaches_the_model_after_sigkill(agent: Agent) -> None:
    with agent.start() as pane:
        pane.submit("@@reply remembered@@", "@@reply")
        arrival = agent.turn("@@reply remembered@@")
        wait_until(lambda: turn_recorded(agent), timeout=PATIENCE, why="the end of the turn is on disk")
        pane.kill()
    assert arrival.session
    if agent.name == "claude":
        assert arrival.session == agent.conversation
    with agent.start(resume=arrival.session) as pane:
        pane.submit("@@recall@@", "@@recall")
        resumed = agent.turn("@@recall@@")
        pane.wait_for(r"[●•] 1\n", without=agent.busy)
    assert resumed.user_texts == ["@@reply remembered@@", "@@recall@@"]
    assert resumed.session == arrival.session


def test_a_delayed_answer_shows_as_busy_and_can_be_interrupted(agent: Agent) -> None:
    with agent.start() as pane:
        pane.submit(f"@@delay {LONG}@@\n@@reply too late@@", "@@delay")
        pane.wait_for(agent.busy)
        agent.turn(f"@@delay {LONG}@@")
        pane.keys("Escape")
        pane.wait_for(r"❯\s@@delay|interrupted", without=agent.busy)
        assert not re.search("[●•] too late", pane.screen())
