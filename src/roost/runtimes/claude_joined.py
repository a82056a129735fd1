"""Claude Code that a person has started by themselves, and that joins while it runs (2.1.332, measured).

It reads `.claude/settings.local.json` of its folder anew when that changes, and runs the hooks that stand
there from then on; so do others in that folder, which are told apart by the session's id in what they send.
At rest it is woken by a hook of its own that waits in the background (`asyncRewake`): when that ends with 2,
what it wrote to standard error begins a turn, as the notification of a task in the background, and a draft in
the input line stays. The transcript has it as a line `user`.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from roost.runtimes import claude_plugin
from roost.runtimes.claude_transcript import config_folder
from roost.runtimes.context import Context
from roost.runtimes.joining import HookSettings
from roost.runtimes.lines import status_object

ASKING = ("UserPromptSubmit", "PostToolUse", "Stop", "StopFailure", "SubagentStart", "SubagentStop")
"""The hooks that tell, and those of them that take mail."""
WAITING = ("Stop", "StopFailure")
"""The hooks after which one waits at the pipe."""
SECONDS = 2
LONGEST = 7 * 86400
"""Seconds that a hook may take, and that one waits for mail at rest."""
WAITER = Path(__file__).parents[1] / "host" / "waiter.py"


class ClaudeJoining:
    """Claude Code, joined."""

    variable = "CLAUDE_CODE_SESSION_ID"
    reads = False
    takes_up = 2.0
    """It reads a file that has rested for a second, and looks twice a second."""

    def served(self, words: Sequence[str], environ: Mapping[str, str]) -> None:
        """A process is one session."""
        del words, environ

    def folder(self, context: Context, pid: int) -> str | None:
        """By its status file."""
        path = config_folder(context.environ) / "sessions" / f"{pid}.json"
        try:
            status = status_object(path.read_bytes())
        except OSError:
            return None
        folder = status.get("cwd") if status is not None else None
        return folder if isinstance(folder, str) else None

    def hooks(self, context: Context, token: str) -> HookSettings:
        """In the personal settings of its folder."""
        hooks: dict[str, list[Mapping[str, Any]]] = {
            name: [{"hooks": [_asks(context.url, name, token)]}] for name in ASKING
        }
        for name in WAITING:
            hooks[name].append({"hooks": [_waits(context.home)]})
        return HookSettings(context.directory / ".claude/settings.local.json", hooks)

    def lasting(self, environ: Mapping[str, str], folder: Path) -> None:
        """None: it takes them as it joins."""
        del environ, folder


def _asks(url: str, name: str, token: str) -> Mapping[str, Any]:
    headers = {"Authorization": f"Bearer {token}"}
    return {"type": "http", "url": f"{url}/hooks/{name}", "headers": headers, "timeout": SECONDS}


def _waits(home: Path) -> Mapping[str, Any]:
    args = ["-S", "-E", "-I", str(WAITER), str(home / claude_plugin.PIPE)]
    return {
        "type": "command",
        "command": sys.executable,
        "args": args,
        "asyncRewake": True,
        "timeout": LONGEST,
    }
