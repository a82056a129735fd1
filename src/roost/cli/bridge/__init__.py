"""The bridge between an MCP client's pipes and the daemon's socket."""
