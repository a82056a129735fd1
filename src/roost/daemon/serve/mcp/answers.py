"""What a tool answers: what its work returns, or its error in words for a model."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError

from roost.daemon.serve.caller import Caller
from roost.daemon.serve.mcp.arguments import in_words_of_tools
from roost.errors import RoostError

T = TypeVar("T")
Who = Callable[[Context], Awaitable[Caller]]


async def said(caller: Awaitable[Caller], work: Callable[[Caller], Awaitable[T]]) -> T:
    """Run a tool; our errors reach the model as their sentence (mcp 2.3 hides other exceptions)."""
    try:
        return await work(await caller)
    except RoostError as error:
        raise ToolError(in_words_of_tools(error.message)) from error
