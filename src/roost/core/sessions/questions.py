"""The questions of a session: opened as they are seen, answered once, gone when they are asked no more.

Nobody but a person answers, unless the operator has written a rule for it (`[questions]` in the config file).
An answer is an effect. While it is on its way nobody else's is taken; what it has come to is one event.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from roost.core.sessions.allowing import allowed_by
from roost.core.transition.step import Step
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import SYSTEM, derive
from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.policy import Policy
from roost.core.vocabulary.question import (
    ALLOW,
    DENY,
    Asking,
    Option,
    Question,
    QuestionState,
)
from roost.core.vocabulary.session import Session, SessionState
from roost.core.vocabulary.view import iso
from roost.errors import NotFoundError, RefusedError, UsageError

KEPT = 16
"""Questions that are over and remembered with their session: who answers one hears what it came to."""
ELSEWHERE = "it is asked no more: it was answered in the program itself, or its turn has ended"
EXPIRED = "[questions] expire"
_DIGITS = 6
"""Bytes of an id: it is typed by people."""


def seen(step: Step, asks: Sequence[Asking]) -> None:
    """All that the session asks now: what is new is opened, what is missing is over."""
    session = step.session
    if session is None or session.asks == tuple(asks):
        return
    left = list(asks)
    kept: list[Question] = []
    for question in session.questions:
        if question.standing and question.asking in left:
            left.remove(question.asking)
            kept.append(question)
        elif question.standing:
            kept.append(_missing(step, question))
        else:
            kept.append(question)
    for number, asking in enumerate(left, session.asked + 1):
        name = derive(step.peer.seed, "question", session.id, number, size=_DIGITS)
        kept.append(Question(name, asking, since=step.now))
        told = [{"id": each.id, "label": each.label} for each in asking.options]
        step.journal("question", id=name, text=asking.text, options=told, source=str(asking.source))
    _save(step, kept, asked=session.asked + len(left))
    for question in kept[len(kept) - len(left) :]:
        _allow(step, question)


def _missing(step: Step, question: Question) -> Question:
    """It is asked no more; an answer that is on its way tells by itself what it has come to."""
    if question.state is not QuestionState.OPEN:
        return replace(question, standing=False)
    why = f"{ELSEWHERE}; {question.why}" if question.why else ELSEWHERE
    step.journal("question-gone", id=question.id, why=why)
    return replace(question, standing=False, state=QuestionState.GONE, why=why)


def _save(step: Step, questions: Iterable[Question], **changes: int) -> None:
    """Of those that are over the latest are kept."""
    kept = list(questions)
    over = [question for question in kept if not question.pending and not question.standing]
    for question in over[: max(len(over) - KEPT, 0)]:
        kept.remove(question)
    step.set_session(questions=tuple(kept), **changes)


def _change(step: Step, question: Question) -> None:
    assert step.session is not None  # noqa: S101 -- callers hold a live session
    _save(step, (question if each.id == question.id else each for each in step.session.questions))


def _allow(step: Step, question: Question) -> None:
    """What a rule of the operator allows is answered at once, for this once."""
    rule = allowed_by(step.policy.allow, question.asking, step.peer.name)
    option = question.option_of(ALLOW)
    if rule is not None and option is not None:
        _give(step, question, option, rule.name)


def on_answer(step: Step, event: r.Answer) -> None:
    """A person answers a question."""
    question = _open(step, event.question)
    if question is None:
        return
    option = _chosen(question.asking.options, event.option)
    if option is None:
        known = ", ".join(f"{each.id} ({each.label})" for each in question.asking.options) or "none"
        why = f"question {question.id} cannot be answered by '{event.option}'; its options are {known}"
        step.emit(c.Refuse(UsageError(why)))
    else:
        _answer(step, question, option, event.by, event.text)


def on_deny(step: Step, event: r.Deny) -> None:
    """A person denies what a question asks for."""
    question = _open(step, event.question)
    if question is None:
        return
    option = question.option_of(DENY)
    if option is None:
        why = f"none of the options of question {question.id} is known to deny it; `roost answer` takes one"
        step.emit(c.Refuse(RefusedError(why)))
    else:
        _answer(step, question, option, event.by, event.text)


def _answer(step: Step, question: Question, option: Option, by: str, text: str) -> None:
    """Give a person's answer, unless it has words that cannot go along: that is refused aloud."""
    if text and not option.text:
        why = f"its program takes no words with '{option.label}'; answer without --message"
        step.emit(c.Refuse(RefusedError(why)))
        return
    with step.about(_asker(step, question).id):
        _give(step, question, option, by, text)


def _asker(step: Step, question: Question) -> Session:
    return next(session for session in step.state.sessions if question in session.questions)


def _open(step: Step, name: str) -> Question | None:
    """The question, if an answer can be given; refused aloud otherwise."""
    found = next(
        (each for session in step.state.sessions for each in session.questions if each.id == name), None
    )
    if found is None:
        why = f"'{step.peer.name}' asks no question '{name}'; `roost questions` lists those that are open"
        step.emit(c.Refuse(NotFoundError(why)))
        return None
    answer = f"'{found.label}', by {found.by} at {iso(found.at)}"
    match found.state:
        case QuestionState.ANSWERING:
            why = f"question {name} is being answered already: {answer}"
        case QuestionState.ANSWERED:
            why = f"question {name} was answered already: {answer}"
        case QuestionState.GONE:
            why = f"question {name} cannot be answered any more: {found.why}"
        case QuestionState.OPEN:
            return found
    step.emit(c.Refuse(RefusedError(why)))
    return None


def _chosen(options: Sequence[Option], word: str) -> Option | None:
    """The option that a person means: by its id, by its words, or by its number from 1 on."""
    for found in (
        [each for each in options if each.id == word],
        [each for each in options if each.label.casefold() == word.casefold()],
    ):
        if len(found) == 1:
            return found[0]
    numbers = [str(number) for number, _ in enumerate(options, 1)]
    return options[numbers.index(word)] if word in numbers else None


def _give(step: Step, question: Question, option: Option, by: str, text: str = "") -> None:
    """Have an answer given to the session that asks, which is the one that the step is about."""
    given = replace(
        question,
        state=QuestionState.ANSWERING,
        option=option.id,
        by=by,
        text=text,
        at=step.now,
        why="",
    )
    _change(step, given)
    step.journal("answering", id=given.id, option=option.id, label=option.label, by=by)
    assert step.session is not None  # noqa: S101 -- it asks
    step.emit(c.GiveAnswer(step.session, given))


def on_answer_given(step: Step, event: f.AnswerGiven) -> None:
    """What an answer has come to."""
    session = step.live(event.session)
    found = next((each for each in session.questions if each.id == event.question), None) if session else None
    if found is None or found.state is not QuestionState.ANSWERING or found.at != event.at:
        return None
    facts = {"id": found.id, "option": found.option, "label": found.label, "by": found.by}
    if event.failed is None:
        _change(step, replace(found, state=QuestionState.ANSWERED))
        return step.journal("answered", **facts, **({"text": found.text} if found.text else {}))
    step.journal("not-answered", **facts, why=event.failed)
    why = f"the answer '{found.label}' by {found.by} was not given: {event.failed}"
    if event.doubt:
        why = f"whether the answer '{found.label}' by {found.by} arrived is not known: {event.failed}"
    if found.standing:
        return _change(step, replace(found, state=QuestionState.OPEN, why=why))
    step.journal("question-gone", id=found.id, why=f"{ELSEWHERE}; {why}")
    return _change(step, replace(found, state=QuestionState.GONE, why=f"{ELSEWHERE}; {why}"))


def expire(step: Step) -> None:
    """Deny what nobody has answered for as long as the operator has said; without that nothing expires."""
    for session in step.state.sessions:
        for question in session.questions:
            at = _due(question, session, step.policy)
            if at is None or step.now < at:
                continue
            overdue = replace(question, overdue=True)
            option = overdue.option_of(DENY)
            with step.about(session.id):
                if option is None:
                    _change(step, replace(overdue, why=f"{EXPIRED}: no option is known to deny it"))
                else:
                    _give(step, overdue, option, f"{SYSTEM} ({EXPIRED})")


def due_at(state: PeerState, policy: Policy) -> float | None:
    """When the next question expires (Unix seconds); None: none does."""
    times = (_due(each, session, policy) for session in state.sessions for each in session.questions)
    return min((at for at in times if at is not None), default=None)


def _due(question: Question, session: Session, policy: Policy) -> float | None:
    if policy.expire is None or question.overdue or question.state is not QuestionState.OPEN:
        return None
    return None if session.state is SessionState.STOPPING else question.since + policy.expire
