"""The agents' tools over MCP. Who calls is proven by the bearer token of the request, never an argument."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any, NoReturn

from mcp.server import MCPServer
from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.transport_security import TransportSecuritySettings
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult, InputRequiredResult, TextContent
from msgspec.structs import replace
from pydantic import Field
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

import roost
from roost.core.vocabulary.identity import SYSTEM
from roost.core.vocabulary.trace_context import TRACEPARENT
from roost.daemon.serve.api.api import Api
from roost.daemon.serve.caller import Caller
from roost.daemon.serve.mcp.answers import Who, said
from roost.daemon.serve.mcp.arguments import understood
from roost.daemon.serve.mcp.mailbox import INSTRUCTIONS as MAILBOX_INSTRUCTIONS
from roost.daemon.serve.mcp.mailbox import add_reading
from roost.daemon.serve.mcp.sends import Sends
from roost.daemon.serve.mcp.watching import add_watching
from roost.daemon.serve.sending.draft import Draft
from roost.errors import UsageError

CallerOf = Callable[[Any], Awaitable[Caller]]
"""Proves who sent a request."""
INSTRUCTIONS = (
    "You are one of several named agents. A message to you starts with a line `[roost message <id> from"
    " <peer> ...]`. Answer it with send_message(to=<peer>, body=..., reply_to=<id>): the sender does not see"
    " your terminal. Use list_peers to find others."
)


class _Server(MCPServer):
    """Takes arguments as they are meant, and answers in one block."""

    def __init__(self, api: Api, instructions: str) -> None:
        # Claude Code 2.1.328 drops the tools for good when its subscription stream stays broken for 20 s, as
        # in a long restart of ours; without subscriptions it calls again and the tools are there.
        super().__init__(
            "roost",
            version=roost.__version__,
            instructions=instructions,
            log_level="WARNING",
            subscriptions=False,
            middleware=[_note_told],
        )
        self._api = api

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call one tool. Raises ToolError in words for a model."""
        tools = {tool.name: tool.input_schema for tool in await self.list_tools()}
        if name in tools:
            schema = tools[name]
            try:
                arguments = understood(
                    name, arguments, list(schema.get("properties", {})), schema.get("required", [])
                )
            except UsageError as error:
                raise ToolError(error.message) from error
        result = await super().call_tool(name, arguments, context)
        if isinstance(result, CallToolResult) and name == "send_message" and not result.is_error:
            return await self._traced(result)
        if isinstance(result, CallToolResult) and name in _LISTS and not result.is_error:
            return result.model_copy(update={"content": [_block(name, result.structured_content)]})
        return result

    async def _traced(self, result: CallToolResult) -> CallToolResult:
        """With the span of the message that was sent, in `_meta`; of several, each has a span of its own."""
        told: dict[str, Any] = result.structured_content or {}
        if "id" not in told:
            return result
        sent = await self._api.messages.get(told["id"])
        return result.model_copy(update={"meta": {TRACEPARENT: str(sent.message.trace)}})

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Any, Any] | None = None
    ) -> NoReturn:
        """There are no prompts. Raises MCPError: mcp 2.3 logs its own error with a traceback."""
        _ = arguments, context
        raise MCPError(INVALID_PARAMS, f"there is no prompt '{name}'")


_TOLD = "told"
"""What a request's state holds once the tools were told of, or used."""


async def _note_told(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Note at the request what shows that its client has the tools."""
    result = await call_next(ctx)
    request: Any = ctx.request
    if ctx.method in ("tools/list", "tools/call"):
        request.scope["state"][_TOLD] = True
    return result


_LISTS = {"list_peers": "there is nobody else yet", "read_inbox": "no message waits for you"}
"""Tools that answer with a list, and what an empty one says."""


def _block(tool: str, structured: dict[str, Any] | None) -> TextContent:
    """The whole list as one text: a client that shows blocks one by one would show a hundred."""
    rows: list[Any] = (structured or {}).get("result") or []
    return TextContent(type="text", text=json.dumps(rows, indent=1) if rows else _LISTS[tool])


def tools_app(api: Api, caller_of: CallerOf, body: int) -> Starlette:
    """The HTTP application that serves them; a request's body has at most `body` bytes.

    Agents have their tools; who speaks for a mailbox, or reads its mail itself, those for that.
    """
    agents, mailboxes = (
        _build(api, caller_of, mailbox=mailbox).streamable_http_app(
            json_response=True,
            stateless_http=True,
            max_request_body_size=body,
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),
        )
        for mailbox in (False, True)
    )

    async def theirs(scope: Scope, receive: Receive, send: Send) -> None:
        caller = await caller_of(Request(scope))
        reads = caller.session is None or caller.claim is not None
        await (mailboxes if reads else agents)(scope, receive, send)
        if scope["state"].get(_TOLD):  # once the answer is on its way: it may be our last
            await api.own_session.given_tools(caller)

    @asynccontextmanager
    async def both(_app: Starlette) -> AsyncGenerator[None]:
        async with agents.router.lifespan_context(agents), mailboxes.router.lifespan_context(mailboxes):
            yield

    return Starlette(routes=[Mount("/", theirs)], lifespan=both)


def _build(api: Api, caller_of: CallerOf, *, mailbox: bool) -> MCPServer:
    """The MCP server with its tools; `caller_of` proves who sent a request."""
    server = _Server(api, MAILBOX_INSTRUCTIONS if mailbox else INSTRUCTIONS)
    sends = Sends(api)

    async def who(context: Context) -> Caller:
        return await caller_of(context.request_context.request)

    @server.tool()
    async def send_message(  # noqa: PLR0913 -- one for each argument
        context: Context,
        *,
        to: Annotated[
            str | None, Field(description="Peer to send to, as in list_peers, or several: a,b or @group.")
        ] = None,
        body: Annotated[str, Field(description="The message.")],
        topic: Annotated[str | None, Field(description="A short subject that groups messages.")] = None,
        thread: Annotated[
            str | None,
            Field(description="A topic: sends to all who have written or were written to under it."),
        ] = None,
        reply_to: Annotated[str | None, Field(description="Id of the message that this answers.")] = None,
        attachments: Annotated[
            list[str] | None, Field(description="Absolute paths of files to send along.")
        ] = None,
        key: Annotated[
            str | None, Field(description="Chosen by you: sending again with the same key sends only once.")
        ] = None,
        quote: Annotated[
            str | None, Field(description="Turns of your own conversation to put into it: NAME:N-M.")
        ] = None,
        reply_within: Annotated[
            float | None, Field(description="Seconds: you are told once if no answer has come by then.")
        ] = None,
    ) -> dict[str, Any]:
        """Send a message to another agent or person. It is stored at once and wakes the receiver."""

        async def send(caller: Caller) -> dict[str, Any]:
            files = attachments or ()
            span = _traceparent(context)
            if thread and topic:
                raise UsageError("a thread is a topic: give one of thread and topic")
            about = thread or topic
            draft = Draft(to or "", body, None, about, reply_to, files, key=key, traceparent=span)
            draft = replace(draft, reply_within=reply_within, to_thread=thread is not None)
            return await sends.send(caller, draft, [quote] if quote else [])

        return await said(who(context), send)

    @server.tool()
    async def list_peers(context: Context) -> list[dict[str, Any]]:
        """List the agents and people you can send messages to, with what they do and why.

        NAME@HOST lives on another machine; @group means all in it.
        """

        async def rows(caller: Caller) -> list[dict[str, Any]]:
            keys = ("name", "description", "runtime", "state", "why", "queued")
            return [
                {key: row[key] for key in keys}
                | {"you": row["name"] == caller.peer}
                | sends.groups_of(row["name"])
                for row in api.peers.everywhere()
            ]

        return await said(who(context), rows)

    if mailbox:
        add_reading(server, api.reading, who)
    else:
        _add_own(server, api, who)
        add_watching(server, api.watches, who)
    return server


def _add_own(server: MCPServer, api: Api, who: Who) -> None:
    """Add the tools about an agent's own session."""

    @server.tool()
    async def read_inbox(context: Context) -> list[dict[str, Any]]:
        """Show the messages that wait for you. They are delivered to you one by one; this only looks."""

        async def waiting(caller: Caller) -> list[dict[str, Any]]:
            return api.messages.waiting(caller.peer or SYSTEM)

        return await said(who(context), waiting)

    @server.tool()
    async def done(
        context: Context,
        summary: Annotated[str | None, Field(description="One line on what was done.")] = None,
    ) -> str:
        """Say that your work is finished; your session ends after this turn and keeps its conversation."""

        async def finish(caller: Caller) -> str:
            await api.own_session.done(caller, summary or "")
            return "your session ends after this turn"

        return await said(who(context), finish)


def _traceparent(context: Context) -> str | None:
    """The span in which a tool is called: as `_meta` says it, else the header of the request."""
    asked = context.request_context
    given: object = (asked.meta or {}).get(TRACEPARENT)
    if given is None and asked.request is not None:
        given = asked.request.headers.get(TRACEPARENT)
    return given if isinstance(given, str) else None
