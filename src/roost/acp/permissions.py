"""Permissions that the agent asks for: shown, recorded, answered by a person or a call, never by itself."""

from collections.abc import Mapping
from typing import Any, cast

from roost.acp.questions import Option, Question, Questions
from roost.acp.record import Record
from roost.acp.rpc import BAD_PARAMETERS, Rpc
from roost.acp.updates import permission_detail, permission_text

WITHDRAWN = "cancel"
"""Who resolved a permission whose turn was to end."""


class Permissions:
    """Turns the agent's requests into questions, and their answers into its answers."""

    def __init__(self, rpc: Rpc, questions: Questions, record: Record) -> None:
        """Nothing is asked."""
        self._rpc = rpc
        self._questions = questions
        self._record = record
        self._by = WITHDRAWN

    def ask(self, request: object, params: Mapping[str, Any]) -> None:
        """Open a question for a request of the agent."""
        options = _options(params.get("options"))
        if not options:
            self._rpc.refuse(request, BAD_PARAMETERS, "a permission without options cannot be answered")
            return
        text = permission_text(params)
        opened: list[Question] = []

        def resolve(option: str | None) -> None:
            outcome = {"outcome": "selected", "optionId": option} if option else {"outcome": "cancelled"}
            self._record.note("resolved", id=opened[0].id, option=option, by=self._by)
            self._rpc.answer(request, {"outcome": outcome})

        detail, tool, command = permission_detail(params)
        opened.append(self._questions.ask(text, options, resolve, detail, tool, command))
        listed = [{"id": each.id, "name": each.name} for each in options]
        self._record.note("permission", id=opened[0].id, text=text, options=listed)

    def answer(self, question: str, option: str, by: str) -> str | None:
        """Answer an open question; returns why that cannot be."""
        self._by = by
        try:
            return self._questions.answer(question, option)
        finally:
            self._by = WITHDRAWN


def _options(value: object) -> list[Option]:
    found: list[Option] = []
    for each in cast("list[object]", value) if isinstance(value, list) else []:
        if isinstance(each, dict):
            option = cast("dict[str, Any]", each)
            if isinstance(option.get("optionId"), str) and option["optionId"]:
                name, kind = str(option.get("name") or option["optionId"]), str(option.get("kind") or "")
                found.append(Option(option["optionId"], name, kind))
    return found
