"""Codex that a person has started by themselves, and that joins while it runs (0.171.0, measured).

It reads hooks at its start alone, so it reads its mail itself. Its shell tool names the thread that it is in,
whose lock the process has open.
"""

from roost.runtimes.context import Context


class CodexJoining:
    """Codex, joined."""

    variable = "CODEX_THREAD_ID"
    reads = True
    takes_up = 0.0

    def folder(self, context: Context, pid: int) -> None:
        """Nothing tells but where its shell tool is."""
        del context, pid

    def hooks(self, context: Context, token: str) -> None:
        """None while it runs."""
        del context, token
