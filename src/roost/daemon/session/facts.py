"""What the agent's own record says of its session, told to the fleet fact by fact, in the record's order."""

from roost.core.vocabulary import facts as f
from roost.core.vocabulary.commands import offer_key
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.question import QuestionState, Source
from roost.core.vocabulary.session import COUNTED
from roost.daemon.session.known_session import KnownSession
from roost.daemon.session.live_sessions import Broken, LiveSession
from roost.host.interfaces.clock import Clock
from roost.runtimes.facts import (
    Answered,
    Compacted,
    ConversationSeen,
    Fact,
    Prompted,
    Rejected,
    TurnOver,
    Wrote,
)

ASKED = "the turn was interrupted as the operator asked"
AT_ONCE = 5.0
"""Seconds after which a turn that is ended has not ended because of the answer to its question."""


class Facts:
    """Turns the facts of one live session into events about its messages."""

    def __init__(self, live: LiveSession, known: KnownSession, clock: Clock) -> None:
        """Tell of this session."""
        self._live = live
        self._known = known
        self._clock = clock

    async def note(self, fact: Fact) -> None:
        """Tell the fleet of one fact."""
        live = self._live
        match fact:
            case Prompted(text, source, joins):
                await self._prompted(text, source, joins=joins)
            case Answered():
                live.answered = True
            case Rejected():
                await self._rejected(fact)
            case TurnOver():
                await self._turn_over(fact)
            case Compacted(_, at):
                live.compacted_at = max(live.compacted_at, at)
            case ConversationSeen(conversation, anew):
                await self._runs(conversation, anew)
            case Wrote(path, at):
                self._known.wrote(path, at or self._clock.now())

    async def _prompted(self, text: str, source: str, *, joins: bool) -> None:
        """A prompt was taken: one of ours, or somebody else's, which is of no message."""
        live, message = self._live, self._known.named(text)
        live.free.taken(self._clock.now())
        await self.settle_broken()
        if not joins:
            live.prompted, live.answered, live.worked, live.put_back = set(), False, False, False
        if message is not None:
            live.prompted = live.prompted | {message.id}
            await self._taken(message, f"it stands in {source}")

    async def settle_broken(self) -> None:
        """Its program lives on: who broke the turn off was somebody at its terminal."""
        broken, self._live.broken = self._live.broken, None
        if broken is not None:
            await self._known.tell(broken.end)

    async def left(self) -> None:
        """Its program has ended: what it wrote as it left tells of nobody, and the death of it is told.

        A turn that was broken off before somebody had roost end the session was so by a person.
        """
        session, broken = self._known.session(), self._live.broken
        ending = session.ending if session is not None else None
        asked = ending is not None and ending.cause not in COUNTED
        if asked and broken is not None and not broken.ending:
            await self.settle_broken()

    async def _turn_over(self, over: TurnOver) -> None:
        """The turn of the messages that were recorded since it began has ended."""
        live, failed, interrupted = self._live, over.failed, over.interrupted
        live.free.ended(self._clock.now())
        await self.settle_broken()
        over_now = [message for message in self._known.flight() if message.id in live.prompted]
        ended = tuple(message.id for message in over_now)
        live.prompted = set()
        if not ended:
            return
        asked = not live.interrupting.isdisjoint(ended)
        if asked and (interrupted or not live.runtime.controls.tells):
            failed, interrupted = ASKED, True
        elif interrupted:
            failed = self._denied(since=min(message.accepted_at or 0.0 for message in over_now)) or failed
        evidence = f"the end of the turn stands in {over.source}"
        end = f.TurnEnded(live.session.id, evidence, failed, interrupted, over.fault, ended)
        if over.leaves and not asked:
            session = self._known.session()
            live.broken = Broken(end, ending=session is not None and session.ending is not None)
        else:
            await self._known.tell(end)

    def _denied(self, *, since: float) -> str | None:
        """That a question of the turn, begun then, was just answered with no through roost, and by whom.

        Codex 0.171.0 ends its turn at that, in the words of an Escape. What a hook answers ends no turn.
        """
        session, now = self._known.session(), self._clock.now()
        for question in session.questions if session is not None else ():
            given = question.state in (QuestionState.ANSWERING, QuestionState.ANSWERED)
            at_once = given and 0 <= now - question.at < AT_ONCE and question.at >= since
            if at_once and question.denied and question.asking.source is not Source.HOOK:
                return f"its question was denied by {question.by}, which ended the turn: '{question.label}'"
        return None

    async def _runs(self, conversation: str, anew: float | None) -> None:
        """The session runs another conversation than was known, or more is known of it."""
        live, session = self._live, self._known.session()
        if session is None or (session.conversation == conversation and anew is None):
            return
        if session.conversation != conversation:
            live.runs(conversation)
        seen = f.Observed(session.id, session.state, session.why, conversation, anew=anew)
        await self._known.tell(seen)

    async def _rejected(self, rejected: Rejected) -> None:
        """The program kept a prompt from its model: by its text one of ours, or the latest."""
        live, text = self._live, rejected.text
        named = self._known.named(text) if text is not None else None
        ended = self._latest() if text is None else {named.id} if named is not None else set[str]()
        live.prompted = live.prompted - ended
        for message in self._known.flight():
            if message.id in ended:
                live.rejected = message.id
                live.offers.discard(offer_key(message))
                settles = offer_key(message) if message.state is MessageState.OFFERED else None
                told = f.Rejected(live.session.id, message.id, rejected.why, rejected.by)
                await self._known.tell(told, settles=settles)

    def _latest(self) -> set[str]:
        """The messages that were recorded as prompts last, or else the one that was entered last."""
        handover = self._live.handover
        if self._live.prompted or handover is None or not handover.enters:
            return self._live.prompted
        return {handover.message}

    async def _taken(self, message: Message, evidence: str) -> None:
        """The message was taken; if it is the one that is being handed over, its offer has ended."""
        live, key = self._live, offer_key(message)
        settles = key if key in live.offers else None
        live.offers.discard(key)
        entered = self._entered(message)
        taken = f.Taken(live.session.id, message.id, evidence, entered, message.attempts)
        await self._known.tell(taken, settles=settles)

    def _entered(self, message: Message) -> str:
        """How the message was handed over, if this daemon did it."""
        handover = self._live.handover
        if handover is None or (handover.message, handover.attempt) != (message.id, message.attempts):
            return ""
        return handover.words(self._clock.monotonic())
