"""One notification: what happened, in facts and in words that can be shown anywhere."""

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from roost.core.vocabulary.identity import derive
from roost.core.vocabulary.view import iso
from roost.local.notify import Happening

TITLE = 120
"""Characters of a title."""
EXCERPT = 500
"""Characters of what was said, where a rule lets it go along."""
_EXAMPLES = 5
"""Peers that a summary names."""


class Notification(Struct, frozen=True):
    """What a rule tells of one line of the journal, or of many (`counts`).

    `seq`: the journal's number of it, of the last one for many; 0: it is not in the journal. `at`: Unix
    seconds. `said`: words of agents and people, which only a rule with `body` lets go along. `about`: the
    id of a message.
    """

    id: str
    happening: Happening | None
    at: float
    seq: int
    peer: str = ""
    session: str | None = None
    about: str | None = None
    sender: str | None = None
    topic: str | None = None
    question: str | None = None
    cause: str | None = None
    why: str = ""
    said: str = ""
    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    peers: tuple[str, ...] = ()
    test: bool = False

    @property
    def title(self) -> str:
        """What happened, in one line."""
        return harmless(self._title(), TITLE)

    def _title(self) -> str:
        if self.counts:
            return f"roost: {sum(self.counts.values())} more: {_counted(self.counts)}"
        if self.test:
            return "roost: a test notification"
        match self.happening:
            case Happening.QUESTION:
                return f"{self.peer} asks ({self.question})"
            case Happening.BLOCKED:
                return f"{self.peer} needs a person"
            case Happening.DEAD_LETTER:
                return f"{self.peer} will not deal with a message of {self.sender or 'somebody'}"
            case Happening.QUARANTINED:
                return f"{self.peer} is not woken for a while"
            case Happening.MAIL:
                return f"{self.peer} has mail from {self.sender}"
            case Happening.RESTARTED:
                return "roost: the daemon was started"
            case _:
                return f"{self.peer or 'roost'}: something is wrong"

    @property
    def text(self) -> str:
        """What belongs to the title, in one paragraph; it may be empty."""
        if self.counts:
            more = "" if len(self.peers) <= _EXAMPLES else " and others"
            return harmless(
                f"peers: {', '.join(self.peers[:_EXAMPLES])}{more}" if self.peers else "", EXCERPT
            )
        topic = f"[{self.topic}]" if self.topic else ""
        return harmless(" ".join(each for each in (topic, self.why, self.said) if each), EXCERPT)

    def payload(self, rule: str, host: str) -> dict[str, Any]:
        """As JSON: what a webhook is sent and a command reads."""
        facts = {
            "rule": rule,
            "host": host,
            "seq": self.seq or None,
            "peer": self.peer or None,
            "session": self.session,
            "message": self.about,
            "sender": self.sender,
            "topic": harmless(self.topic or "", EXCERPT) or None,
            "question": self.question,
            "cause": self.cause,
            "title": self.title,
            "text": self.text,
            "counts": dict(self.counts) or None,
            "test": self.test or None,
        }
        known = {key: value for key, value in facts.items() if value is not None}
        return {"id": self.id, "type": self.kind, "timestamp": iso(self.at), "data": known}

    @property
    def kind(self) -> str:
        """Its happening, or that it sums up several."""
        return "summary" if self.counts else "test" if self.happening is None else str(self.happening)


def notification_id(store: str, rule: str, *parts: object) -> str:
    """The id of a notification, the same whenever it is made: receivers know a repeated one by it."""
    return f"ntf_{derive(store, 'notification', rule, *parts)}"


def harmless(text: str, most: int) -> str:
    """In one line of at most so many characters, none of which moves, hides or turns others."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * most])
    line = " ".join(shown.split())
    return line if len(line) <= most and len(text) <= 4 * most else f"{line[: most - 1].rstrip()}…"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
