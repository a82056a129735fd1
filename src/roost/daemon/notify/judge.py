"""Which lines of the journal are happenings that a rule tells of. Pure: lines in, happenings out."""

from collections.abc import Collection

from roost.core.vocabulary.identity import SYSTEM
from roost.core.vocabulary.patterns import matches
from roost.core.vocabulary.phrases import ENDED
from roost.daemon.notify.notification import EXCERPT, Notification, harmless, notification_id
from roost.local.notify import Happening, NotifyRule
from roost.store.interfaces import JournalRow

STARTED = "daemon-started"
"""The kind of the journal line at a daemon's start, where a rule asks for it."""
KINDS = {
    "alarm": Happening.ALARM,
    "blocked": Happening.BLOCKED,
    "dead-letter": Happening.DEAD_LETTER,
    "notice": Happening.MAIL,
    "quarantined": Happening.QUARANTINED,
    "question": Happening.QUESTION,
    "queued": Happening.MAIL,
    STARTED: Happening.RESTARTED,
}
"""What a line of this kind can be. Mail is told from other messages by its recipient."""
_SETTLED = frozenset({"answered", "question-gone", "stopped"})
_ENDED = {str(cause): words for cause, words in ENDED.items()}


def kinds_for(wanted: Collection[Happening]) -> frozenset[str]:
    """The kinds of lines that have to be judged where these are wanted."""
    settled = _SETTLED | {"question"} if Happening.QUESTION in wanted else frozenset[str]()
    return frozenset(kind for kind, happening in KINDS.items() if happening in wanted) | settled


class Judge:
    """Judges the lines of one journal in their order."""

    def __init__(self) -> None:
        """Nobody is known to ask anything."""
        self._asking: set[str] = set()

    def happening(self, row: JournalRow, *, mailbox: bool) -> Happening | None:
        """What the line is; `mailbox`: its peer is a person's. Each line once, in their order."""
        session = row.session or ""
        if row.kind == "question":
            self._asking.add(session)
        elif row.kind in _SETTLED:
            self._asking.discard(session)
        found = KINDS.get(row.kind)
        if found is Happening.MAIL and not (mailbox and "sender" in row.data):
            return None  # of an agent, or only back in its queue
        if found is Happening.ALARM and row.cause == "over":
            return None
        return found

    def wanted(self, rule: NotifyRule, happening: Happening, row: JournalRow) -> bool:
        """Whether the rule tells of it. A session that asks is blocked as well, which is told once."""
        if happening not in rule.on:
            return False
        if (
            happening is Happening.BLOCKED
            and Happening.QUESTION in rule.on
            and (row.session or "") in self._asking
        ):
            return False
        return row.peer == SYSTEM or is_about(rule, row.peer)

    def notification(
        self, store: str, rule: NotifyRule, happening: Happening, row: JournalRow
    ) -> Notification:
        """What the rule tells of the line. Words of agents stay out of it, unless the rule lets them."""
        why = str(row.data.get("why", ""))
        if happening is Happening.QUESTION:
            why = str(row.data.get("text", ""))
        own = why if happening is Happening.ALARM else ""
        if happening is Happening.QUARANTINED:
            own = f"{_ENDED.get(row.cause or '', row.cause)}, until {row.data.get('until')}"
        return Notification(
            notification_id(store, rule.name, row.seq, row.ts),
            happening,
            row.ts,
            row.seq,
            "" if row.peer == SYSTEM else row.peer,
            row.session,
            row.message,
            row.data.get("sender"),
            question=row.data.get("id"),
            cause=row.cause,
            why=own,
            said=harmless(why, EXCERPT) if rule.body and not own else "",
        )


def is_about(rule: NotifyRule, peer: str) -> bool:
    """Whether the rule is about this peer."""
    return not rule.peers or matches(peer, rule.peers)
