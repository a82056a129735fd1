"""Requests for approvals of a Codex app-server as a person can answer them (0.171.0, measured).

A request has another number on each connection, so it is known here by the item that it is about. The answer
is one of the decisions that it offers, as far as that is a word; others, which change rules, are left out.
"""

from collections.abc import Mapping
from typing import Any, cast

from roost.core.vocabulary.question import Asking, Option, OptionKind

COMMAND = "item/commandExecution/requestApproval"
DECISIONS = (COMMAND, "item/fileChange/requestApproval")
"""The requests that are answered by one word."""
_KNOWN = {
    "accept": ("Yes, proceed", OptionKind.ALLOW_ONCE),
    "acceptForSession": ("Yes, and do not ask again in this session", OptionKind.ALLOW_ALWAYS),
    "decline": ("No, go on without it", OptionKind.REJECT_ONCE),
    "cancel": ("No, and end the turn", OptionKind.REJECT_ONCE),
}
_BASH = "/bin/bash -lc "


def name_of(number: object, params: Mapping[str, Any]) -> str:
    """By what a request is known, whichever connection it came over."""
    item, approval = params.get("itemId"), params.get("approvalId")
    return f"{item}/{approval}" if item and approval else str(item or number)


def asking(number: object, method: str, params: Mapping[str, Any], text: str) -> Asking:
    """One request; what takes more than a word has no options here."""
    name = name_of(number, params)
    if method not in DECISIONS:
        return Asking(name, text, ())
    offered: object = params.get("availableDecisions")
    given = cast("list[object]", offered) if isinstance(offered, list) else []
    decisions = [each for each in given if isinstance(each, str) and each in _KNOWN] or list(_KNOWN)
    options = tuple(Option(each, *_KNOWN[each]) for each in decisions)
    command = str(params.get("command") or "")
    tool = "command" if method == COMMAND else "file change"
    return Asking(name, text, options, tool=tool, command=_inner(command))


def _inner(command: str) -> str:
    """What the shell is given, where it is one that Codex wraps around a command."""
    inner = command.removeprefix(_BASH)
    quoted = len(inner) > 1 and inner[0] == inner[-1] == "'" and "'" not in inner[1:-1]
    return inner[1:-1] if inner != command and quoted else inner
