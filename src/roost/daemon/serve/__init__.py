"""Everything that answers somebody: the socket, HTTP, MCP, hooks, tokens, the journal feed, logs."""
