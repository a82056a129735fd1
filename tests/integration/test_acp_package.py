"""The client and the demo agent against the PyPI package for the protocol, which checks each message.

It takes a second to load, and only these tests need it: they load it themselves.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.acp_session import DEMO, AcpClient
from tests.support.home import Home
from tests.support.wait import eventually

pytestmark = pytest.mark.real
AGENT = (sys.executable, str(Path(__file__).parents[1] / "support/acp_packaged_agent.py"))


@pytest.fixture
def start(home: Home) -> Iterator[Callable[..., AcpClient]]:
    clients: list[AcpClient] = []

    def begin(*arguments: str, session: str = "s1") -> AcpClient:
        environ = {**os.environ, "ROOST_URL": "http://127.0.0.1:9", "ROOST_TOKEN": "t"}
        clients.append(AcpClient(home.work, environ, *arguments, agent=AGENT, session=session))
        return clients[-1].wait_ready()

    yield begin
    for client in clients:
        client.end()


def test_all_that_the_client_says_is_sound_to_the_package(start: Callable[..., AcpClient]) -> None:
    client = start()
    caller = client.caller()
    assert caller.call("submit", key="big", text="ä" * 51_200) == {}
    client.sees("< 102400 bytes")
    client.recorded("turn_end")
    assert caller.call("submit", key="ask", text="ask") == {}
    asked = client.recorded("permission")[0]
    assert caller.call("answer", request=asked["id"], option="a") == {}
    client.sees("outcome selected")
    client.recorded("turn_end", 2)
    assert caller.call("submit", key="wait", text="wait") == {}
    assert caller.call("interrupt") == {}
    assert client.recorded("turn_end", 3)[-1]["stop"] == "cancelled"
    assert caller.call("submit", key="cancelled", text="ask") == {}
    client.recorded("permission", 2)
    assert caller.call("interrupt") == {}
    client.sees("outcome cancelled")
    loaded = start("--load", "packaged", session="s2")
    assert [line["text"] for line in loaded.record("replayed")] == ["earlier"]


class Ear:
    """A client made with the package: it hears, and allows what it is asked."""

    def __init__(self) -> None:
        self.updates: list[Any] = []

    async def session_update(self, session_id: str, update: Any, **_: object) -> None:  # noqa: ANN401
        del session_id
        self.updates.append(update)

    async def request_permission(
        self,
        session_id: str,
        tool_call: object,
        options: list[Any],
        **_: object,
    ) -> Any:  # noqa: ANN401 -- the package's
        from acp import schema

        del session_id, tool_call
        outcome = schema.AllowedOutcome(outcome="selected", option_id=options[0].option_id)
        return schema.RequestPermissionResponse(outcome=outcome)

    def texts(self, kind: str) -> list[str]:
        return [each.content.text for each in self.updates if each.session_update == kind]


async def test_all_that_the_demo_agent_says_is_sound_to_the_package(home: Home) -> None:
    environ = {**os.environ, "ROOST_DEMO_STATE": str(home.work / "state")}
    ear: Any = Ear()
    import acp

    async with acp.spawn_agent_process(ear, *DEMO, env=environ) as (agent, _):
        opened = await agent.initialize(protocol_version=1)
        assert opened.agent_capabilities is not None
        session = await agent.new_session(cwd=str(home.work), mcp_servers=[])
        body = "@@ask@@\n@@delay 0.01@@\n@@reply hello@@"
        for prompt in (body, "again", "/compact"):
            ended = await agent.prompt(session_id=session.session_id, prompt=[acp.text_block(prompt)])
            assert ended.stop_reason == "end_turn"
        assert ear.texts("agent_message_chunk") == ["hello", "echo: again"]
        turn = asyncio.ensure_future(
            agent.prompt(
                session_id=session.session_id, prompt=[acp.text_block("@@reply go@@\n@@delay 600@@")]
            )
        )
        await eventually(lambda: "go" in ear.texts("agent_message_chunk"), timeout=30, why="its turn runs")
        await agent.cancel(session_id=session.session_id)
        assert (await turn).stop_reason == "cancelled"
    async with acp.spawn_agent_process(ear, *DEMO, env=environ) as (agent, _):
        await agent.initialize(protocol_version=1)
        await agent.load_session(cwd=str(home.work), session_id=session.session_id, mcp_servers=[])
        assert ear.texts("user_message_chunk") == ["@@reply go@@\n@@delay 600@@"], (
            "what was said since it was compacted"
        )
