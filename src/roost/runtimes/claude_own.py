"""Claude Code in a terminal of a person's own (2.1.332, measured).

Its hooks take mail. What PostToolUse and UserPromptSubmit answer as `additionalContext` goes to the model
with its next request, and stands in the transcript as an attachment `hook_additional_context`. A reason with
which Stop is blocked goes on with the turn, and stands there as `hook_blocking_error`; `turn_duration` comes
after the last Stop only. A hook of a sub-agent names it (`agent_id`). Its status file tells a prompt from a
turn and a dialog.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from roost.core.vocabulary.session import SessionState
from roost.runtimes import claude_plugin
from roost.runtimes.carrier import Moment
from roost.runtimes.claude_sensor import ClaudeSensor
from roost.runtimes.view import Reading

STOP = "Stop"
_WITHIN = frozenset({"PostToolUse", "UserPromptSubmit"})


class ClaudeCarrier:
    """The hooks of Claude Code. Its model gets 9,000 characters, of 20,000 a part (2.1.332)."""

    longest = 8192

    def moment(self, name: str, payload: Mapping[str, Any]) -> Moment | None:
        """After a tool, at a prompt, at the end of a turn; not in a sub-agent."""
        if payload.get("agent_id") or (name != STOP and name not in _WITHIN):
            return None
        return Moment(ends=name == STOP)

    def pipe(self, home: Path) -> Path:
        """Where its plugin waits."""
        return home / claude_plugin.PIPE

    def framed(self, text: str, claim: str) -> str:
        """The claim, the text, and a mark behind it: what was cut off is not submitted."""
        return f"{claim}\n{text}{claude_plugin.END}"

    def answer(self, name: str, text: str) -> Mapping[str, Any]:
        """Context for the model, or a reason to go on."""
        if name == STOP:
            return {"decision": "block", "reason": text}
        return {"hookSpecificOutput": {"hookEventName": name, "additionalContext": text}}


class OwnClaudeSensor(ClaudeSensor):
    """Without a screen: the status file tells what it does."""

    @property
    def watches_screen(self) -> bool:
        """There is none to watch."""
        return False

    def reading(self) -> Reading | None:
        """By the status file of its very process."""
        status = self._status.get("status") if self._status is not None else None
        match status:
            case "busy":
                return Reading(SessionState.WORKING, "in a turn")
            case "waiting":
                waits = self._status.get("waitingFor") if self._status is not None else None
                return Reading(SessionState.BLOCKED, str(waits or "it asks something"))
            case "idle" | "shell" if self._needs is not None:
                return Reading(SessionState.BLOCKED, self._needs)
            case "idle" | "shell":
                return replace(
                    Reading(SessionState.IDLE, "at its prompt"), background=self._background(status)
                )
            case _:
                return None
