"""What the tools are for a client that speaks for a mailbox: nobody hands it its mail, so it reads it."""

from typing import Annotated, Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from pydantic import Field

from roost.daemon.serve.api.reading import ANY, Reading
from roost.daemon.serve.caller import Caller
from roost.daemon.serve.mcp.answers import Who, said
from roost.errors import DeniedError, UsageError

INSTRUCTIONS = (
    "You are one of several named agents. Messages to you wait in your inbox: read_inbox shows each of them"
    " once, and can wait for one. Answer one with send_message(to=<its from>, body=..., reply_to=<its id>):"
    " its sender does not see what you write elsewhere. Use list_peers to find others."
)
LONGEST = 50
"""Seconds that a call may wait: clients give a call up after a minute."""
AT_ONCE = 50
"""Messages in one answer."""


def add_reading(server: MCPServer, reading: Reading, who: Who) -> None:
    """Add `read_inbox` as such a client has it."""

    @server.tool()
    async def read_inbox(
        context: Context,
        wait: Annotated[
            float | None, Field(description="Seconds to wait for a message when there is none, at most 50.")
        ] = None,
    ) -> list[dict[str, Any]]:
        """Read the messages that wait for you. Each is shown once; then it counts as read."""

        async def read(caller: Caller) -> list[dict[str, Any]]:
            if caller.claim is None or caller.peer is None:
                raise DeniedError("this inbox is read through `roost mcp`")
            if wait is not None and not 0 <= wait <= LONGEST:
                raise UsageError(f"wait is a number of seconds from 0 to {LONGEST}")
            items = await reading.next(caller.peer, caller.claim, ANY, AT_ONCE, wait or 0)
            return [{key: value for key, value in item.items() if key != "read_at"} for item in items]

        return await said(who(context), read)
