"""The loopback port: tools over MCP, hooks, health, metrics."""
