"""Codex that a person has started by themselves, and that joins while it runs (0.171.0, measured).

It reads hooks at its start alone. So it reads its mail itself, unless a person had added ours before, for all
of their sessions, and has trusted them as Codex asked: then it is handed its mail from the first of them on
that calls. Its shell tool names the thread that it is in, whose lock the process has open. Where that process
is an app-server, as it is unless it was told otherwise, the thread joins through it.
"""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from roost.runtimes import codex_hooks
from roost.runtimes.codex_rollout import THREAD_VARIABLE, codex_home
from roost.runtimes.codex_server.listening import listening
from roost.runtimes.context import Context
from roost.runtimes.joining import HookSettings, Served

THREADS = "codex-thread"
"""The runtime of a thread of an app-server."""
SECONDS = 10
"""Seconds that a hook may take; it gives up by itself before that."""


class CodexJoining:
    """Codex, joined."""

    variable = THREAD_VARIABLE
    reads = True
    takes_up = 0.0

    def served(self, words: Sequence[str], environ: Mapping[str, str]) -> Served | None:
        """The server that Codex starts by itself, or a person, runs the conversations of all terminals."""
        address = listening(words, environ)
        return Served(THREADS, address) if address is not None else None

    def folder(self, context: Context, pid: int) -> None:
        """Nothing tells but where its shell tool is."""
        del context, pid

    def hooks(self, context: Context, token: str) -> None:
        """None while it runs."""
        del context, token

    def lasting(self, environ: Mapping[str, str], folder: Path) -> HookSettings:
        """In the file of hooks of the person's own, which all of their sessions read."""
        hooks: dict[str, list[Mapping[str, Any]]] = {
            name: [{"hooks": [_asks(name, folder)]}] for name in codex_hooks.NAMES
        }
        return HookSettings(codex_home(environ) / "hooks.json", hooks)


def _asks(name: str, folder: Path) -> Mapping[str, Any]:
    """The shell answers while nobody has joined; one that cannot be run any more holds up nothing.

    Codex has its person trust each text anew.
    """
    place = shlex.quote(str(folder))
    words = shlex.join([sys.executable, *codex_hooks.PLAIN, str(codex_hooks.HOOK), name])
    command = f"test ! -d {place} || {words} {place}; {codex_hooks.BLOCKS}"
    return {"type": "command", "command": command, "timeout": SECONDS}
