"""The fake model serves OpenCode and Gemini CLI in a terminal: whole prompts, tools, permissions, answers."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from roost.fake_model import Arrival, FakeModel
from roost.host.environment import child_environment
from roost.probe import homes
from tests.support import clis
from tests.support.fake_hub import FakeHub
from tests.support.home import Home
from tests.support.lookups import lookups
from tests.support.pane import Pane
from tests.support.real import PATIENCE
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]

TOKEN = "token-of-this-session"
SIZES = (607, 8 * 1024)
"""Long ones are those of the probe (test_real_probe): Gemini CLI 0.61.0 works 15 s on a paste of 100 KiB."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a person knows who looks at one of these programs."""

    name: str
    ready: str
    dialog: str
    refused: str
    server: Callable[[Home, str], dict[str, str]]
    """Environment variables that add the MCP server at this address to what the user has configured."""
    taken: str | None = None
    """Shows when Enter was taken; None where it always is."""
    tail: str = ""
    """What the program puts behind a text."""


def opencode_server(_home: Home, url: str) -> dict[str, str]:
    """OpenCode 1.18.33: OPENCODE_CONFIG_CONTENT is merged into the user's configuration."""
    headers = {"Authorization": "Bearer {env:ROOST_TOKEN}"}
    server = {"type": "remote", "url": url, "headers": headers}
    return {"OPENCODE_CONFIG_CONTENT": json.dumps({"mcp": {"roost": server}})}


def gemini_server(home: Home, url: str) -> dict[str, str]:
    """Gemini CLI 0.61.0: only root can give it settings for one run; a trusted server's tools ask nothing."""
    headers = {"Authorization": "Bearer $ROOST_TOKEN"}
    server = {"httpUrl": url, "headers": headers, "trust": True}
    settings = home.user / ".gemini/settings.json"
    settings.write_text(json.dumps({**json.loads(settings.read_text()), "mcpServers": {"roost": server}}))
    return {}


PROGRAMS = {
    "opencode": Program(
        name="opencode",
        ready=r"Ask anything",
        dialog=r"Permission required",
        refused=r"ctrl\+p commands",
        server=opencode_server,
        tail=" ",
    ),
    "gemini": Program(
        name="gemini",
        # The input line may show before pastes are told from typing (tabs are lost then), the banner after.
        ready=r"Authenticated with(.|\n)*Type your message",
        dialog=r"Allow execution of \[Shell\]\?",
        refused=r"Request cancelled",
        server=gemini_server,
        taken=r"Type your message|Allow execution",
    ),
}


def message(number: int, size: int) -> str:
    """A roost message of about this many bytes, of which no line is like another."""
    lines = (f"{line}: ' \" $(id) `id` ; -- \\ \t 😀 مرحبا {line * 7919}\n" for line in range(size // 40))
    body = "".join(lines).encode()[: size - 154].decode(errors="ignore")
    return (
        f"[roost message m-{number} from boss topic t at 2026-01-02T03:04:05Z boundary 5f1c]\n"
        f"first line\n{body}\n"
        f"[end of roost message m-{number}: answer with send_message reply_to=m-{number}]"
    )


@pytest.mark.parametrize("name", PROGRAMS)
def test_P1_a_program_in_a_terminal_takes_whole_prompts_calls_tools_and_asks(name: str, home: Home) -> None:
    program, cli = PROGRAMS[name], clis.require(name)
    with lookups(home.root) as seen, FakeModel() as model, FakeHub() as hub:
        seed = homes.HOMES[name](home.user, model.url, home.work)
        added = program.server(home, f"{hub.url}/mcp")
        environ = child_environment(os.environ, {**seed.environ, **added, "ROOST_TOKEN": TOKEN})
        argv = seen.watched([str(cli.path), *seed.argv])

        def turn(text: str) -> Arrival:
            return model.journal.wait_for(
                lambda arrival: arrival.kind == "turn" and arrival.user_texts[-1].startswith(text),
                timeout=PATIENCE,
            )

        with Pane(home.root, argv, environ=environ, directory=home.work) as pane:
            pane.wait_for(program.ready, timeout=PATIENCE)
            for number, size in enumerate(SIZES):
                text = message(number, size)
                assert size - 8 < len(text.encode()) <= size
                pane.submit(text, rf"\[Pasted |roost message m-{number}", program.taken)
                arrival = turn(text[:60])
                assert arrival.user_texts[-1] == text + program.tail
                assert len(arrival.user_texts) == number + 1
                wait_until(
                    lambda at=number: len(hub.named("send_message")) > at,
                    timeout=PATIENCE,
                    why="the reply by MCP",
                )
                pane.wait_for(r"done")
            replies = [call.content for call in hub.named("send_message")]
            assert replies == [
                {"to": "boss", "body": "echo: first line", "reply_to": f"m-{number}"}
                for number in range(len(SIZES))
            ]
            assert {call.token for call in hub.named("send_message")} == {TOKEN}

            pane.submit("@@bash touch made-by-the-agent@@\na command", "a command", program.taken)
            pane.wait_for(program.dialog)
            pane.dismiss(["Escape"], program.dialog)
            pane.wait_for(program.refused)
            assert not (home.work / "made-by-the-agent").exists()

            pane.submit("@@reply as it was asked@@\nan answer", "an answer", program.taken)
            turn("@@reply as it was asked@@")
            pane.wait_for(r"(?m)^\W*as it was asked")
    assert seen.names == []
    others = [arrival for arrival in model.journal.all() if arrival.kind != "turn"]
    assert others
    assert {arrival.kind for arrival in others} == {"auxiliary"}
