"""What OpenCode asks as a person can answer it (1.18.33, measured).

A permission is answered by `once`, `always` or `reject`; words go along with the last, and its model is told
them. A question of its model is answered by the label of one of its options, or rejected.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from roost.core.vocabulary.question import Asking, Option, OptionKind
from roost.runtimes.opencode_events import permission_text

REJECT = "reject"
_REJECT = Option(REJECT, "Reject", OptionKind.REJECT_ONCE)


def asking(request: Mapping[str, Any]) -> Asking:
    """One request of its API."""
    name = str(request.get("id"))
    if "questions" in request:
        return _question(name, _tables(request.get("questions")))
    data: object = request.get("metadata")
    command = cast("dict[str, object]", data).get("command") if isinstance(data, dict) else None
    said = command if isinstance(command, str) else ""
    tool = str(request.get("permission", ""))
    options = (
        Option("once", "Allow once", OptionKind.ALLOW_ONCE),
        Option("always", _always(request.get("always")), OptionKind.ALLOW_ALWAYS),
        Option(REJECT, "Reject", OptionKind.REJECT_ONCE, text=True),
    )
    text = f"{tool}: {said}" if said else permission_text(request)
    return Asking(name, text, options, tool=tool, command=said)


def _always(patterns: object) -> str:
    covered = ", ".join(map(str, cast("list[object]", patterns))) if isinstance(patterns, list) else ""
    return f"Allow always: {covered}" if covered else "Allow always"


def _question(name: str, questions: Sequence[Mapping[str, Any]]) -> Asking:
    """One that asks for several things at once can be rejected from here, and answered in its terminal."""
    text = "\n".join(str(each.get("question", "")) for each in questions)
    single = questions[0] if len(questions) == 1 and not questions[0].get("multiple") else None
    labels = [str(each.get("label")) for each in _tables(single.get("options"))] if single is not None else []
    return Asking(name, text, (*(Option(label, label) for label in labels), _REJECT))


def _tables(value: object) -> Sequence[Mapping[str, Any]]:
    found = cast("list[object]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", each) for each in found if isinstance(each, dict)]
