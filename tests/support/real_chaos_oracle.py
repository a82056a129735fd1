"""What must be true after the chaos with real programs; the ground truth is what the fake model was asked."""

import itertools
import re
import signal
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from roost.core.transition.ending import VETOABLE
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.session import Cause, Death
from roost.fake_model import Arrival, Journal
from roost.store.interfaces import JournalRow, StoredMessage
from tests.support.chaos_oracle import Oracle, read, states
from tests.support.real_chaos_acts import RealActs
from tests.support.real_chaos_fleet import PEERS, REFUSED_WORD
from tests.support.real_chaos_person import EDITED, ENTER, ESCAPE

_HEADER = re.compile(r"\[roost message ([0-9a-f]{32}) from [^\n]*? boundary ([0-9a-f]+)\]")
_CUT = ("cut", "failed", "toolless")
_AGAIN = "offered again in a fresh conversation"
_NOTE = "was cut off. The message is above in this conversation;"
_POLICY = VETOABLE | {Cause.ORPHAN, Cause.UNKNOWN}
_REFUSED = re.compile(r"\bhook\b|house rules")
_INTERRUPTED = re.compile(r"interrupted")
_BAD_REQUEST = re.compile(r"\b400\b|invalid_request|asked for 400")
HANDS = 20.0
"""Seconds before an end within which a person's key may be what caused it."""
SLACK = 2.0


@dataclass(frozen=True, slots=True)
class Begun:
    """A turn of the model that began with a message's body (not with a note about it)."""

    message: str
    boundary: str
    peer: str
    conversation: str
    at: float
    number: int


def beginnings(arrivals: Iterable[Arrival]) -> list[Begun]:
    """Every turn that began with a message, unless the model refused it or a person had edited it.

    A program asks again for each tool result and after each error: only the first answered request of a turn
    counts. A body may also come while another turn runs; then it is the last text of a request as well.
    """
    found: list[Begun] = []
    for each in arrivals:
        if (
            each.kind != "turn"
            or not each.user_texts
            or not each.waiting
            or each.results_since
            or each.failed
        ):
            continue
        text = each.user_texts[-1]
        match = _HEADER.search(text)
        if match is None or _NOTE in text or EDITED in text:
            continue
        peer = each.headers.get("x-peer", "?")
        found.append(Begun(match[1], match[2], peer, each.session, each.at, each.number))
    return found


def shown(arrivals: Iterable[Arrival]) -> dict[str, float]:
    """When the model was first asked with each message (Unix seconds)."""
    first: dict[str, float] = {}
    for each in arrivals:
        if each.kind == "turn":
            for text in each.user_texts:
                for match in _HEADER.finditer(text):
                    first.setdefault(match[1], each.at)
    return first


def _held_once(message: str, before: Begun, after: Begun, arrivals: list[Arrival]) -> bool:
    """Whether the later turn is of the same conversation, and that holds the body once."""
    if (before.boundary, before.conversation) != (after.boundary, after.conversation):
        return False
    header = f"[roost message {message} from "
    (asked,) = (arrival for arrival in arrivals if arrival.number == after.number)
    return sum(text.count(header) for text in asked.user_texts) == 1


class RealOracle(Oracle):
    """Collects what is wrong as sentences. The daemon is up and at rest."""

    def __init__(self, acts: RealActs, last_work: Mapping[str, float]) -> None:
        """`last_work`: when each work in the background was last seen alive (Unix seconds)."""
        super().__init__(acts.roost, acts.sent, acts.removed)
        self._acts = acts
        self._last_work = last_work
        self.doubts: list[str] = []
        """What is no violation and worth a look."""

    def _showings(self, stored: dict[str, StoredMessage], rows: list[JournalRow]) -> None:
        journal = self._acts.fleet.model.journal
        arrivals = journal.all()
        reader = read(self._roost)
        try:
            queued = {row.message for row in rows if row.kind in ("queued", "notice") and row.message}
            known = stored | {each: found for each in queued if (found := reader.message(each))}
            deaths = [death for death in reader.deaths(None, 100_000) if death.peer in PEERS]
        finally:
            reader.close()
        mine = {each: found for each, found in known.items() if found.message.to in PEERS}
        self._doubled(mine, arrivals)
        self._proven(mine, shown(arrivals))
        self._ends(mine, arrivals)
        for death in deaths:
            self._innocent(death, journal)
        self._work(deaths)
        self._told()

    def _told(self) -> None:
        """The operator hears of a wait once in each life of the peer, not again and again."""
        mailbox = states(self._roost).get("operator")
        notices = [each.notice for each in mailbox.messages if each.notice] if mailbox else []
        often = Counter((each.about, each.outcome, each.why) for each in notices)
        self.doubts += [f"[told {count} times] {about}" for about, count in often.items() if count > 1]

    def _doubled(self, known: dict[str, StoredMessage], arrivals: list[Arrival]) -> None:
        """A body begins one turn; another only in a fresh conversation when the first was cut, and told."""
        each_of: dict[str, list[Begun]] = defaultdict(list)
        for each in beginnings(arrivals):
            each_of[each.message].append(each)
        for message, turns in each_of.items():
            for before, after in itertools.pairwise(turns):
                keys = self._acts.memory.keys(after.peer, before.at, after.at + 0.5)
                deeds = self._acts.memory.during(after.peer, before.at, after.at)
                if before.boundary == after.boundary and (ENTER in keys or "an edit" in deeds):
                    continue  # sent again by a person's hand
                if _held_once(message, before, after, arrivals):
                    continue  # its program goes on in the conversation that holds it, as after a notification
                if self._cut(known.get(message), before, after, arrivals):
                    self.doubts.append(f"[begun again] {message}: {_story(known.get(message))}")
                    continue
                self.wrong.append(
                    f"[doubled] {message} began the turns {before.number}"
                    f" ({before.conversation}, {before.boundary})"
                    f" and {after.number} ({after.conversation}, {after.boundary}) of {after.peer},"
                    f" {after.at - before.at:.1f} s apart; people: {deeds}; {_story(known.get(message))}"
                )

    def _cut(self, each: StoredMessage | None, before: Begun, after: Begun, arrivals: list[Arrival]) -> bool:
        """Whether a turn had no answer yet, and its message's story says that a death cut it off."""
        journal = self._acts.fleet.model.journal
        same = (before.conversation, before.boundary) == (after.conversation, after.boundary)
        first = journal.ended(before.number)
        if same and first is not None and not first[1]:
            return True  # the program gave up the answer and asked again by itself
        for one in arrivals:
            if before.at <= one.at < after.at and one.session == before.conversation and "Say(" in one.answer:
                ended = journal.ended(one.number)
                if (
                    not one.failed
                    and ended is not None
                    and ended[1]
                    and any(before.message in text for text in one.user_texts)
                ):
                    return False
        cut = [step for step in each.attempts if step.outcome in _CUT or _AGAIN in step.why] if each else []
        return before.conversation != after.conversation and bool(cut)

    def _proven(self, known: dict[str, StoredMessage], first: Mapping[str, float]) -> None:
        """What was taken or done was asked of the model, after it was sent and before it was told."""
        for message, each in known.items():
            at, told = first.get(message), each.message
            done = told.state is MessageState.DONE
            if at is None and (
                done or (told.accepted_at is not None and told.state is MessageState.ACCEPTED)
            ):
                self.wrong.append(
                    f"[done-unasked] {message} is {told.state}, and no model saw it; {_story(each)}"
                )
            elif done and at is not None and told.done_at is not None and at > told.done_at + SLACK:
                late = at - told.done_at
                self.wrong.append(
                    f"[done-early] {message} was done {late:.1f} s before the model saw it; {_story(each)}"
                )
            elif told.state is MessageState.UNKNOWN:
                self.doubts.append(
                    f"[doubt] {message} is unknown; the model saw it: {at is not None}; {_story(each)}"
                )

    def _ends(self, known: dict[str, StoredMessage], arrivals: list[Arrival]) -> None:
        """A message that ended without an answer says truly why."""
        reader = read(self._roost)
        try:
            bodies = {each: reader.body(each) or b"" for each in known}
        finally:
            reader.close()
        seen, poisoned = shown(arrivals), Counter[str]()
        for message, each in known.items():
            if each.message.state in (MessageState.DEAD_LETTER, MessageState.REFUSED):
                refused = REFUSED_WORD.encode() in bodies[message]
                false = self._false_end(each, refused=refused, asked=message in seen)
                if false:
                    self.wrong.append(f"[false-end] {false}: {message} to {each.message.to}: {_story(each)}")
                elif _BAD_REQUEST.search(each.message.why):
                    poisoned[f"{each.message.to} {each.attempts[-1].session if each.attempts else '?'}"] += 1
                else:
                    self.doubts.append(f"[dead-letter] {message} to {each.message.to}: {_story(each)}")
        self.wrong += [
            f"[poisoned] {count} messages were given up to a conversation that is refused: {where}"
            for where, count in poisoned.items()
            if count > 2
        ]

    def _false_end(self, each: StoredMessage, *, refused: bool, asked: bool) -> str:
        """What is not true of the reason that is told; empty when it may be true."""
        told = each.message
        ended = max((attempt.at for attempt in each.attempts), default=told.created_at)
        if _INTERRUPTED.search(told.why):
            return "" if self._interrupted(told.to, told.created_at) else "nobody interrupted"
        if _REFUSED.search(told.why):
            return "" if refused else "no hook refused"
        return "a hook refused" if refused and not asked and self._was_refused(ended) else ""

    def _was_refused(self, at: float) -> bool:
        """Whether the user's hook refused prompts then."""
        return any(begin <= at <= end + SLACK for begin, end in self._acts.refusals)

    def _interrupted(self, peer: str, since: float) -> bool:
        """Whether a person or an operator may have interrupted a turn of that peer."""
        asked = any(name == peer and at > since - SLACK for name, at in self._acts.interrupts)
        keys = self._acts.memory.keys(peer, since - SLACK, float("inf"))
        return asked or any(key in (ESCAPE, b"Escape", b"\x03", b"q") for key in keys)

    def _innocent(self, death: Death, journal: Journal) -> None:
        """No policy ended a session in a turn or under a person's hands; no absence is a peer's fault."""
        runtime = PEERS[death.peer][0]
        if death.cause is Cause.BOOT_FAILED and death.counted and death.signal != signal.SIGKILL:
            away = [each for each in self._acts.aways
                    if each.runtime == runtime and each.begin - SLACK < death.at < each.end + 15]  # fmt: skip
            if away:
                self.wrong.append(
                    f"[charged] {death.peer} was charged, its program was {away[0].how}: {death.evidence}"
                )
        if death.cause not in _POLICY:
            return
        for each in journal.all():
            ended = journal.ended(each.number)
            if each.headers.get("x-peer") != death.peer or each.kind != "turn" or ended is None:
                continue
            if each.at < death.at - SLACK and not ended[1] and abs(ended[0] - death.at) < SLACK + 1:
                self.wrong.append(
                    f"[ended-in-turn] {death.peer} ended ({death.cause}) while the model answered"
                    f" {each.number} ({each.answer[:80]}): {death.evidence}"
                )
        before, last = (self._acts.memory.during(death.peer, at, at) for at in (death.at - 1, death.at - 0.3))
        deeds = [each for each in before if each in last]  # who had just come or gone was not under its hands
        if "a draft" in deeds or "an edit" in deeds:
            self.wrong.append(
                f"[ended-under-hands] {death.peer} ended ({death.cause}) while a person did: {deeds}"
            )

    def _work(self, deaths: list[Death]) -> None:
        """Nothing that runs in the background is ended by a policy."""
        for work in self._acts.works:
            begun = self._acts.fleet.folder(work.peer) / f"{work.name}.begun"
            if not begun.exists() or begun.with_suffix(".done").exists():
                continue
            at = begun.stat().st_mtime
            death = min((each for each in deaths if each.peer == work.peer and each.at > at),
                        key=lambda each: each.at, default=None)  # fmt: skip
            seen = self._last_work.get(work.name, 0.0)
            if (
                death is not None
                and death.cause in _POLICY
                and seen > death.at - 3
                and at + work.seconds > death.at + 1
            ):
                self.wrong.append(
                    f"[ended-at-work] {death.peer} ended ({death.cause}) {death.at - at:.0f} s into"
                    f" {work.name} of {work.seconds:g} s: {death.evidence}"
                )

    def live(self) -> dict[str, str]:
        """What each live session says, for people."""
        return {name: str(state.session) for name, state in states(self._roost).items() if state.session}


def _story(each: StoredMessage | None) -> str:
    if each is None:
        return "not in the store"
    attempts = [((attempt.session or "-")[:8], attempt.outcome, attempt.why) for attempt in each.attempts]
    return f"{each.message.state}: {each.message.why}; attempts {attempts}"
