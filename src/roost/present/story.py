"""One message's story in sentences: what was done with it, when, and why not."""

from collections.abc import Iterator
from typing import Any

from roost.core.vocabulary.identity import host_of
from roost.core.vocabulary.message import HANDED, STEERED
from roost.core.vocabulary.view import iso
from roost.store.records import Attempt, StoredMessage

STEPS = frozenset({"woke", "fresh", "ready", "entered"})
"""Outcomes that are steps on the way of an offer, not what became of one."""
_SESSION, _MESSAGE = 8, 16
"""Digits of ids that people are shown: they tell them apart, and commands take them."""
_SENTENCES = {
    "woke": "woke {to} {why}",
    "fresh": "{to} begins a fresh conversation: {why}",
    "ready": "{to} came to its prompt after {why}",
    "entered": "{why}",
    "not pasted": "not pasted: {why}",
    "held": "held: {why}",
    "released": "goes on: {why}",
    "unclear": "not known whether it was taken: {why}",
    "examined: found": "looked, and found it: {why}",
    "examined: ended": "looked, and found it with the end of its turn: {why}",
    "examined: absent": "looked, and it was not taken: {why}",
    "examined: unclear": "looked, and cannot tell whether it was taken: {why}",
    "cut": "cut off: {why}",
    "failed": "the turn failed: {why}",
    "toolless": "the turn ended, and it may have been without its tools: {why}",
    "interrupted": "{why}",
    "resent": "{why}",
    "dead-letter": "dead letter: {why}",
}


def story(stored: StoredMessage, unanswered_at: float | None = None) -> list[dict[str, Any]]:
    """The steps in order: `at`, `what`, and `took`, the seconds since the step before.

    `unanswered_at`: when its sender was told that no answer has come in time (Unix seconds).
    """
    told: list[dict[str, Any]] = []
    before: float | None = None
    steps = [*_steps(stored)]
    if unanswered_at is not None:
        steps.append((unanswered_at, f"no answer in time: {stored.message.sender} was told"))
    for at, what in sorted(steps, key=lambda step: step[0]):
        took = round(at - before, 3) if before is not None else None
        told.append({"at": iso(at), "what": what, "took": took})
        before = at
    return told


def _steps(stored: StoredMessage) -> Iterator[tuple[float, str]]:
    message = stored.message
    topic = f", topic {message.topic}" if message.topic else ""
    yield message.created_at, f"stored: {message.size} bytes from {message.sender}{topic}"
    for attempt in stored.attempts:
        yield attempt.at, _sentence(message.to, attempt)
    for reply in stored.replies:
        yield reply.created_at, f"answered by {reply.sender} with message {reply.id[:_MESSAGE]}"


def _sentence(to: str, attempt: Attempt) -> str:
    if attempt.outcome == "offered":
        session, why = f"session {(attempt.session or '')[:_SESSION]}", attempt.why
        if attempt.session is None:  # its host tells of it
            host = host_of(to)
            session = f"its session on {host}" if host is not None else "its session"
            why = why.removeprefix(f"{host}: ")
        if why == STEERED:
            return f"handed over into the running turn of {session}"
        again = "" if why == HANDED else f": {why}"
        return f"handed over to {session}{again}"
    shape = _SENTENCES.get(attempt.outcome)
    if shape is not None:
        return shape.format(to=to, why=attempt.why)
    return f"{attempt.outcome}: {attempt.why}" if attempt.why else attempt.outcome
