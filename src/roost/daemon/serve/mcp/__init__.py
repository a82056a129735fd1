"""The tools that agents call over MCP."""
