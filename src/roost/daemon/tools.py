"""The agents' tools over MCP. Who calls is proven by the bearer token of the request, never an argument."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

import roost
from roost.core.identity import SYSTEM
from roost.daemon.api import Api
from roost.daemon.callers import Caller
from roost.daemon.sender import Draft
from roost.errors import RoostError

T = TypeVar("T")

INSTRUCTIONS = (
    "You are one of several named agents. A message to you starts with a line `[roost message <id> from"
    " <peer> ...]`. Answer it with send_message(to=<peer>, body=..., reply_to=<id>): the sender does not see"
    " your terminal. Use list_peers to find others."
)


def build_tools(api: Api, caller_of: Callable[[Any], Awaitable[Caller]]) -> MCPServer:
    """The MCP server with its four tools; `caller_of` proves who sent a request."""
    # Claude Code 2.1.328 drops the tools for good when its subscription stream stays broken for 20 s, as in a
    # long restart of ours; without subscriptions it calls again and the tools are there.
    server = MCPServer(
        "roost",
        version=roost.__version__,
        instructions=INSTRUCTIONS,
        log_level="WARNING",
        subscriptions=False,
    )

    async def who(context: Context) -> Caller:
        return await caller_of(context.request_context.request)

    @server.tool()
    async def send_message(
        context: Context,
        to: Annotated[str, Field(description="Name of the peer to send to, as in list_peers.")],
        body: Annotated[str, Field(description="The message.")],
        topic: Annotated[str | None, Field(description="A short subject that groups messages.")] = None,
        reply_to: Annotated[str | None, Field(description="Id of the message that this answers.")] = None,
        attachments: Annotated[
            list[str] | None, Field(description="Absolute paths of files to send along.")
        ] = None,
        key: Annotated[
            str | None, Field(description="Chosen by you: sending again with the same key sends only once.")
        ] = None,
    ) -> dict[str, str]:
        """Send a message to another agent or person. It is stored at once and wakes the receiver."""

        async def send(caller: Caller) -> dict[str, str]:
            draft = Draft(to, body, None, topic, reply_to, attachments or (), key=key)
            sent = await api.sender.send(caller, draft, lambda _event: None)
            return {"id": sent.message.id, "note": " ".join(sent.advice)}

        return await _said(who(context), send)

    @server.tool()
    async def list_peers(context: Context) -> list[dict[str, Any]]:
        """List the agents and people you can send messages to, with what they are doing and why."""

        async def rows(caller: Caller) -> list[dict[str, Any]]:
            keys = ("name", "description", "runtime", "state", "why", "queued")
            return [
                {key: row[key] for key in keys} | {"you": row["name"] == caller.peer} for row in api.rows()
            ]

        return await _said(who(context), rows)

    @server.tool()
    async def read_inbox(context: Context) -> list[dict[str, Any]]:
        """Show the messages that wait for you. They are delivered to you one by one; this only looks."""

        async def waiting(caller: Caller) -> list[dict[str, Any]]:
            return api.waiting(caller.peer or SYSTEM)

        return await _said(who(context), waiting)

    @server.tool()
    async def done(
        context: Context,
        summary: Annotated[str | None, Field(description="One line on what was done.")] = None,
    ) -> str:
        """Say that your work is finished; your session ends after this turn and keeps its conversation."""

        async def finish(caller: Caller) -> str:
            await api.done(caller, summary or "")
            return "your session ends after this turn"

        return await _said(who(context), finish)

    return server


async def _said(caller: Awaitable[Caller], work: Callable[[Caller], Awaitable[T]]) -> T:
    """Run a tool; our errors reach the model as their sentence (mcp 2.3 hides other exceptions)."""
    try:
        return await work(await caller)
    except RoostError as error:
        raise ToolError(error.message) from error
