"""Codex's hooks in a person's own terminal, by options of this one run (0.171.0, measured).

Codex runs no hook that a person has not trusted, and keeps a hash of each that they have. `hooks.state` as an
option vouches for ours alone, for this run: nothing is asked and nothing written, and the person's own hooks
are as they were. The hash is of the command, so that is the same for everybody and names its program by
variables. Should another version count otherwise, Codex asks the person, who may trust them or not.

What PostToolUse and UserPromptSubmit answer as `additionalContext` stands in the rollout as a message of role
`developer` (`hooks.additional_context`); the reason with which Stop is blocked as an item `HookPrompt`. The
turn goes on under the same id then, and `task_complete` comes at its end.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from roost.runtimes.carrier import Moment

HOOK = Path(__file__).parents[1] / "host" / "hook.py"
STOP = "Stop"
_TRUSTED = {
    "PostToolUse": ("post_tool_use", "9c1d0801a1d45f60d205950519c768319b539b63c82db108e1e3f6f9a8595f5d"),
    "UserPromptSubmit": (
        "user_prompt_submit",
        "6dd195c3e8c179ff4218953d438f7e942368f626c6d186f99ce2bd22b01c164d",
    ),
    STOP: ("stop", "23063c248d45d29e8d6a02c3f430ae78d36942c57ad4293f2d70a0b057fc8c1e"),
}
"""Codex's name of each hook that is ours, and the hash of its command."""
NAMES = tuple(_TRUSTED)
PLAIN = ("-S", "-E", "-I")
"""How Python starts quickest, and takes nothing from where it is started."""
BLOCKS = "test $? -ne 75 || exit 2"
"""Makes what keeps a turn going of our hook's exit code, and of any other nothing."""
_PLACE = "/<session-flags>/config.toml"


class CodexCarrier:
    """The hooks of Codex. A title's thread has none."""

    longest = 8192

    def moment(self, name: str, payload: Mapping[str, Any]) -> Moment | None:
        """After a tool, at a prompt, at the end of a turn."""
        if payload.get("agent_id") or name not in _TRUSTED:
            return None
        return Moment(ends=name == STOP)

    def pipe(self, home: Path) -> None:
        """None: it takes no prompt at rest but a person's."""
        del home

    def framed(self, text: str, claim: str) -> str:
        """As it is: nothing waits for it."""
        del claim
        return text

    def answer(self, name: str, text: str) -> Mapping[str, Any]:
        """Context for the model, or a reason to go on, which the hook's program tells in Codex's way."""
        if name == STOP:
            return {"decision": "block", "reason": text}
        return {"hookSpecificOutput": {"hookEventName": name, "additionalContext": text}}


def options() -> list[str]:
    """Options that run our hooks and vouch for them."""
    hooks = [
        word
        for name in _TRUSTED
        for word in (
            "-c",
            f"hooks.{name}=[{{ hooks = [{{ type = 'command', command = {_command(name)} }}] }}]",
        )
    ]
    states = (
        f"{json.dumps(f'{_PLACE}:{known}:0:0')} = {{ trusted_hash = 'sha256:{digest}' }}"
        for known, digest in _TRUSTED.values()
    )
    return ["-c", "features.hooks=true", *hooks, "-c", f"hooks.state={{ {', '.join(states)} }}"]


def environ() -> dict[str, str]:
    """What the hooks' commands name."""
    return {"ROOST_PYTHON": sys.executable, "ROOST_HOOK": str(HOOK)}


def _command(name: str) -> str:
    """The command as a string of TOML, which a JSON string is, too. Another text has another hash.

    A hook that cannot be run any more, as its roost is gone, holds up nothing.
    """
    return json.dumps(f'"$ROOST_PYTHON" {" ".join(PLAIN)} "$ROOST_HOOK" {name}; {BLOCKS}')
