"""The fake model serves agents that speak ACP: OpenCode, Gemini CLI and the adapter of Claude Code."""

import os
from dataclasses import dataclass

import pytest

from roost.fake_model import FakeModel
from roost.host.environment import child_environment
from roost.probe import homes
from tests.support import clis
from tests.support.acp_client import AcpAgent
from tests.support.fake_hub import FakeHub
from tests.support.home import Home
from tests.support.lookups import lookups

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]

TOKEN = "token-of-this-session"
SIZES = (607, 8 * 1024, 100 * 1024)


@dataclass(frozen=True, slots=True)
class Speaker:
    """A program and how it is told to speak ACP."""

    runtime: str
    program: str
    argv: tuple[str, ...]
    asks_for_tools: bool
    """Whether a tool of an MCP server needs a permission."""


SPEAKERS = [
    Speaker("opencode-acp", "opencode", ("acp",), asks_for_tools=False),
    Speaker("gemini-acp", "gemini", ("--acp",), asks_for_tools=True),
    Speaker("claude-acp", "claude-agent-acp", (), asks_for_tools=True),
]


def prompt(size: int) -> str:
    """A text of about this many bytes, of which no line is like another."""
    lines = (f"{line}: ' \" $(id) `id` ; -- \\ \t 😀 مرحبا {line * 7919}\n" for line in range(size // 40))
    return "first line\n" + "".join(lines).encode()[: size - 14].decode(errors="ignore") + "end"


@pytest.mark.parametrize("speaker", SPEAKERS, ids=lambda speaker: speaker.runtime)
def test_P1_an_agent_over_acp_takes_whole_prompts_calls_tools_and_asks(speaker: Speaker, home: Home) -> None:
    cli = clis.require(speaker.program)
    with lookups(home.root) as seen, FakeModel() as model, FakeHub() as hub:
        seed = homes.HOMES[speaker.runtime](home.user, model.url, home.work)
        argv = seen.watched([str(cli.path), *speaker.argv])
        server = {
            "type": "http",
            "name": "roost",
            "url": f"{hub.url}/mcp",
            "headers": [{"name": "Authorization", "value": f"Bearer {TOKEN}"}],
        }
        environ = child_environment(os.environ, seed.environ)
        with AcpAgent(argv, environ=environ, directory=home.work) as agent:
            assert agent.initialize()["protocolVersion"] == 1
            session = agent.new_session([server])
            for number, size in enumerate(SIZES, 1):
                text = prompt(size)
                assert size - 8 < len(text.encode()) <= size
                end, asked = agent.turn(session, text)
                assert (end["stopReason"], asked) == ("end_turn", [])
                turns = [arrival for arrival in model.journal.all() if arrival.kind == "turn"]
                assert turns[-1].user_texts[-1] == text
                assert len(turns) == number
            assert agent.said(session) == "echo: first line" * len(SIZES)

            end, asked = agent.turn(session, "@@send bob hi there@@\n@@reply sent@@")
            assert end["stopReason"] == "end_turn"
            assert len(asked) == speaker.asks_for_tools
            (call,) = hub.named("send_message")
            assert (call.content, call.token) == ({"to": "bob", "body": "hi there"}, TOKEN)
            assert agent.said(session).endswith("sent")

            end, (question,) = agent.turn(session, "@@bash touch made-by-the-agent@@", "reject_once")
            assert "touch made-by-the-agent" in str(question["params"]["toolCall"])
            assert not (home.work / "made-by-the-agent").exists()
            _, (question,) = agent.turn(session, "@@bash touch made-by-the-agent@@\n@@reply made@@")
            assert (home.work / "made-by-the-agent").exists()
            assert agent.said(session).endswith("made")
            assert agent.close() == 0
    assert seen.names == []
    assert {arrival.kind for arrival in model.journal.all()} >= {"turn", "auxiliary"}
