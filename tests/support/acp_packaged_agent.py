"""An agent made with the PyPI package `agent-client-protocol`, which checks each message of its client."""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import Any, cast

import acp
from acp import schema


class Echo:
    """It says what it was told. A prompt `ask` asks first, `wait` waits until it is cancelled."""

    def __init__(self) -> None:
        self._client: Any = None
        self._cancelled = asyncio.Event()

    def on_connect(self, conn: Any) -> None:  # noqa: ANN401
        self._client = conn

    async def initialize(self, protocol_version: int, **_: object) -> schema.InitializeResponse:
        can = schema.AgentCapabilities(
            load_session=True, mcp_capabilities=schema.McpCapabilities(http=True, sse=False)
        )
        return schema.InitializeResponse(protocol_version=protocol_version, agent_capabilities=can)

    async def new_session(
        self, cwd: str, mcp_servers: Sequence[Any] = (), **_: object
    ) -> schema.NewSessionResponse:
        sys.stderr.write(json.dumps([cwd, [each.model_dump(mode="json") for each in mcp_servers]]) + "\n")
        return schema.NewSessionResponse(session_id="packaged")

    async def load_session(self, session_id: str, **_: object) -> schema.LoadSessionResponse:
        await self._client.session_update(
            session_id=session_id, update=acp.update_user_message_text("earlier")
        )
        return schema.LoadSessionResponse()

    async def prompt(self, prompt: list[Any], session_id: str, **_: object) -> schema.PromptResponse:
        text = prompt[-1].text
        if text == "ask":
            answer = await self._client.request_permission(
                session_id=session_id,
                tool_call=schema.ToolCallUpdate(tool_call_id="1", title="Do it"),
                options=[schema.PermissionOption(option_id="a", name="Allow", kind="allow_once")],
            )
            text = f"outcome {answer.outcome.outcome}"
        elif text == "wait":
            await self._cancelled.wait()
            return schema.PromptResponse(stop_reason="cancelled")
        update = acp.update_agent_message_text(f"{len(text.encode())} bytes: {text[:40]}")
        await self._client.session_update(session_id=session_id, update=update)
        return schema.PromptResponse(stop_reason="end_turn")

    async def cancel(self, session_id: str, **_: object) -> None:
        del session_id
        self._cancelled.set()


if __name__ == "__main__":
    asyncio.run(acp.run_agent(cast("Any", Echo())))
