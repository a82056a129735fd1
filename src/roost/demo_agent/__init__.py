"""The demo agent: a small, honest terminal program that behaves like a coding-agent CLI.

It stands alone (the standard library, and of this package `roost.console`) and starts fast, so that tests and
the demo exercise the real path: a raw-mode terminal, bracketed paste, a permission dialog, a conversation
file to resume from, and answers through MCP.
"""
