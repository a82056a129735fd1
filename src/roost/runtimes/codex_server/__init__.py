"""A Codex app-server of somebody else: one connection to each, and a view of it for each thread."""
