"""A question as it is shown."""

from typing import Any

from roost.core.vocabulary.question import Option, Question
from roost.core.vocabulary.session import Session
from roost.core.vocabulary.view import iso


def question_object(session: Session, question: Question) -> dict[str, Any]:
    """One object of `questions --json`."""
    asking = question.asking
    return {
        "id": question.id,
        "peer": session.peer,
        "session": session.id,
        "text": asking.text,
        "options": [_option(option) for option in asking.options],
        "since": iso(question.since),
        "source": str(asking.source),
        "state": str(question.state),
        "why": question.why,
        "tool": asking.tool or None,
        "command": asking.command or None,
        "answer": question.option,
        "by": question.by or None,
    }


def _option(option: Option) -> dict[str, Any]:
    return {"id": option.id, "label": option.label, "kind": option.kind or None, "message": option.text}
