"""`mcp`: the tools of a peer for a client that speaks MCP by stdin and stdout."""

import sys

from roost.cli.app import App
from roost.cli.command import Option, command
from roost.cli.output import warn


@command(
    "mcp",
    Option("--as", "peer", metavar="NAME", help="The mailbox that the client speaks for."),
    data=False,
)
def mcp_command(app: App, peer: str | None) -> int:
    """Serve roost's tools to the MCP client that starts this.

    It speaks MCP on standard input and output. The client speaks for NAME, a mailbox made by
    `roost add NAME --runtime human`; in an agent's own session it is that agent, without --as. It goes on
    through restarts of the daemon, and ends when its input does.
    """
    from roost.cli.bridge.bridge import Bridge

    if sys.stdin.isatty():
        warn("this speaks MCP and is started by an MCP client; Ctrl-D ends it")
    return Bridge(app.socket, app.token, peer, warn).run()
