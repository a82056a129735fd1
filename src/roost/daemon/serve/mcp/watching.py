"""The tools by which an agent is told what happens to others."""

from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from pydantic import Field

from roost.daemon.serve.api.watches import WatchList
from roost.daemon.serve.caller import Caller
from roost.daemon.serve.mcp.answers import Who, said


def add_watching(server: MCPServer, watches: WatchList, who: Who) -> None:
    """Add the tools by which an agent is told of others."""

    @server.tool()
    async def watch(
        context: Context,
        peer: Annotated[str | None, Field(description="Name of the peer to watch, as in list_peers.")] = None,
        what: Annotated[
            str | None, Field(description="What to be told of that peer: ended, idle or blocked.")
        ] = None,
        topic: Annotated[
            str | None, Field(description="Instead of a peer: a topic whose messages you are told of.")
        ] = None,
        file: Annotated[
            str | None,
            Field(description="Instead: a path, or a pattern of paths with *, that two peers may write."),
        ] = None,
        once: Annotated[
            bool | None, Field(description="True: the watch ends with what it tells first.")
        ] = None,
        seconds: Annotated[float | None, Field(description="How long it lasts; a day if not given.")] = None,
    ) -> dict[str, Any]:
        """Be told by a message when a peer has ended, is idle or blocked, or two peers write one file.

        What is so already is told at once.
        """

        async def add(caller: Caller) -> dict[str, Any]:
            kind, subject = watches.chosen(peer, what, topic, file)
            return await watches.add(caller, kind, subject, once=bool(once), ttl=seconds)

        return await said(who(context), add)

    @server.tool()
    async def unwatch(
        context: Context,
        id: Annotated[str, Field(description="Id of the watch, as watch gave it.")],  # noqa: A002 -- a name for models
    ) -> dict[str, Any]:
        """End a watch of yours."""

        async def end(caller: Caller) -> dict[str, Any]:
            return await watches.remove(caller, id)

        return await said(who(context), end)
