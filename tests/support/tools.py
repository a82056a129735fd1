"""The agents' tools as an agent calls them: with the token of its session, through the official library."""

import asyncio
from typing import Any

import httpx2
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult

from tests.support.daemon import Roost


def call_tool(roost: Roost, peer: str, name: str, arguments: dict[str, Any]) -> CallToolResult:
    """Call one tool as a peer that has a session."""
    url, token = roost.call("status")["url"] + "/mcp", roost.token(peer)

    async def run() -> CallToolResult:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, trust_env=False) as web,
            streamable_http_client(url, http_client=web) as streams,
            ClientSession(streams[0], streams[1]) as client,
        ):
            await client.initialize()
            return await client.call_tool(name, arguments)

    return asyncio.run(run())


def text_of(result: CallToolResult) -> str:
    """Its one block."""
    (block,) = result.content
    assert block.type == "text"
    return block.text
