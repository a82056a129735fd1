"""Claude Code's PermissionRequest hook, held open until somebody answers (2.1.332, measured).

Its dialog shows within a second while the hook is open, and whoever answers first counts: an answer of the
hook takes the dialog away, an answer at the keys goes on at once. It does not hang up on the hook then, and
what the hook answers later is passed over. A hook that ends without a decision leaves the dialog as it is, be
it that the daemon was killed.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from roost.core.vocabulary.question import Asking, Option, OptionKind, Source
from roost.runtimes.hook import HookAsks

EVENT = "PermissionRequest"
HELD = 600.0
"""Seconds for which the hook is held open."""
LONGEST = 630
"""Seconds after which Claude Code gives it up by itself."""
_TAKES_MORE = frozenset({"AskUserQuestion", "ExitPlanMode"})
"""Tools whose dialogs are no choice between yes and no."""
_OPTIONS = (
    Option("allow", "Allow once", OptionKind.ALLOW_ONCE),
    Option("deny", "Deny", OptionKind.REJECT_ONCE, text=True),
)


def asks(payload: Mapping[str, Any]) -> HookAsks | None:
    """What is asked by one call of the hook; None: its dialog takes more than a choice."""
    tool, given = payload.get("tool_name"), payload.get("tool_input")
    if not isinstance(tool, str) or not tool or tool in _TAKES_MORE:
        return None
    known = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    command = known.get("command")
    said = command if isinstance(command, str) else ""
    rest = {name: value for name, value in known.items() if name != "command" or not said}
    text = f"{tool}: {said}" if said else tool
    if rest:
        text = f"{text}\n{json.dumps(rest, ensure_ascii=False)}"
    asking = Asking("", text, _OPTIONS, Source.HOOK, tool=tool, command=said)
    return HookAsks(asking, _reply, HELD)


def _reply(option: str, text: str) -> Mapping[str, Any]:
    decision = {"behavior": option, **({"message": text} if text else {})}
    return {"hookSpecificOutput": {"hookEventName": EVENT, "decision": decision}}
