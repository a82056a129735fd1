"""A shell around `decide` for tests: it stores, carries out and checks what every decision commands."""

from collections.abc import Callable
from typing import Any

from hypothesis.stateful import RuleBasedStateMachine, invariant

from roost.core.decide import decide
from roost.core.sessions.wake import wake_blocked_until
from roost.core.transition.ending import policy_end
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.identity import OPERATOR, ProcessId
from roost.core.vocabulary.message import Examination, Message, MessageState, Notice, Timing
from roost.core.vocabulary.peer import Peer, PeerState, WakePolicy
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Cause, ControlKind, Death, Processes, Session, SessionState
from roost.faults import Fault
from tests.support.core_world import Stored, Truth

Pick = Callable[..., Any]
"""Chooses one of its arguments."""
POLICY = Policy(
    {
        "demo": Traits(steers=True, asks_once=True),
        "human": Traits(mailbox=True),
        "plain": Traits(resumable=False, chooses_conversation=False),
        "late": Traits(chooses_conversation=False),
    }
)
COUNTS = {"crashed", "oom", "boot-failed", "server-exit", "shim-lost"}
PROCESS = ProcessId("boot", 1, 2)
LIVING = frozenset({MessageState.QUEUED, MessageState.OFFERED, MessageState.ACCEPTED, MessageState.UNKNOWN})
REQUESTS = (r.Wake, r.Restart)


def urgency(message: Message) -> int:
    """What was begun goes first, then what is urgent."""
    return 0 if message.cut else 1 + list(Timing).index(message.timing)


def leaves(session: Session) -> bool:
    """Whether it ends because its model refuses its conversation (C7)."""
    return session.ending is not None and session.ending.cause is Cause.CONVERSATION_REFUSED


class Shell(RuleBasedStateMachine):
    """One peer with its store and its effects, and what must hold after every decision."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.number = 0
        self.effects: list[c.Effect] = []
        self.facts: list[Event] = []
        self.order: list[str] = []
        self.first_offers: list[str] = []
        self.news: dict[tuple[str, str], str] = {}
        self.spares: set[str] = set()
        self.tasked: set[str] = set()
        self.conversations: set[str | None] = set()
        self.stored = Stored()
        self.truth = Truth()
        self.was_ephemeral = False
        self.state: PeerState | None = None

    def peer(self) -> Peer:
        assert self.state is not None
        return self.state.peer

    def add(
        self, topic: str | None, ttl: float | None, *, notice: bool, timing: Timing = Timing.NEXT
    ) -> None:
        self.number += 1
        self.tell(
            r.Submit(
                Message(
                    id=f"{self.number:032x}",
                    sender=["asker", "p", OPERATOR][self.number % 3],
                    to="p",
                    created_at=self.now,
                    size=4,
                    digest="d",
                    topic=topic,
                    expires_at=self.now + ttl if ttl else None,
                    notice=Notice("about", "done", "why") if notice else None,
                    timing=Timing.NEXT if notice else timing,
                )
            )
        )

    def tell(self, event: Event) -> tuple[c.Command, ...]:
        if self.state is None:
            return ()
        before = self.state
        after, commands = decide(before, event, self.now, POLICY)
        if any(isinstance(command, c.Refuse) for command in commands):
            assert after is before
            assert all(isinstance(command, c.Refuse) for command in commands)
            return commands
        self.truth.note(before, event)
        if isinstance(event, r.Submit) and before.message(event.message.id) is None:
            self.order.append(event.message.id)
        self.state = after
        for command in commands:
            self.stored.apply(command)
            self.check(command, before, event)
        self.effects += [command for command in commands if isinstance(command, c.Effect)]
        if not isinstance(event, r.Submit | r.Resend | r.Drop | f.Tick | r.Configure | r.Acknowledge):
            self.facts.append(event)
        if any(isinstance(command, c.Journal) and command.kind == "quarantined" for command in commands):
            assert not any(isinstance(command, c.Launch) for command in commands)
        self.one_is_handed_over()
        self.turn_is_over(event)
        self.truth.answered_is_over(before, event, self.state)
        if isinstance(event, f.TurnEnded):
            self.check_refusal(event, before)
        self.check_leaving(before)
        self.stored_is_remembered()
        self.tasks_end()
        return commands

    def check(self, command: c.Command, before: PeerState, event: Event) -> None:
        session = self.state.session if self.state else None
        match command:
            case c.Launch(Session(spare=True)):
                self.check_spare(command.session, event)
            case c.Launch():
                self.check_launch(command, before, event)
            case c.Offer():
                self.check_offer(command, session)
            case c.End(ended):
                session = self.state.find_session(ended.id) if self.state else None
                assert session is not None
                assert session.state is SessionState.STOPPING
                assert ended == session
                assert ended.processes is not None or isinstance(event, f.BootFailed | f.ConversationMissing)
            case c.CloseSession(death):
                session = before.find_session(death.session)
                assert session is not None
                counts = str(death.cause) in COUNTS
                # What ended with a task counts once, when the task is given up.
                assert death.counted == counts or (session.task is not None and not death.counted)
                if session.ending is not None:
                    assert death.cause is session.ending.cause
                if session.id in self.truth.unstarted:
                    self.truth.check_unstarted(session, before, self.state)
                if death.cause is Cause.CONVERSATION_REFUSED:
                    self.truth.left.add(self.truth.place(session))
            case c.Notify(ident, to, notice):
                known = self.stored.messages.get(notice.about) or self.stored.final[notice.about]
                assert known.notice is None, "a notice was answered by a notice"
                assert to == known.sender
                assert self.news.setdefault((notice.about, notice.outcome), ident) == ident
            case _:
                pass

    def check_refusal(self, event: f.TurnEnded, before: PeerState) -> None:
        """C7: the second message whose turn fails, with no answer in between, ends its conversation.

        A turn that held several is one failure. It is put down to the one that came into it last: before that
        one came the turn went on. A session that is ending anyway goes on to its end.
        """
        session = before.find_session(event.session)
        of = event.messages
        ended = [m.id for m in before.turn if m.session == event.session and (of is None or m.id in of)]
        charged = event.failed is None or event.fault is Fault.REQUEST
        if session is None or not ended or event.interrupted or not charged:
            return
        failed = self.truth.failed.setdefault(self.truth.place(session), set())
        if event.failed is None:
            failed.clear()
            return
        others = any(failed - {each} for each in ended)
        stopping = session.state is SessionState.STOPPING
        if not stopping or not failed:
            failed.update(ended if others else ended[-1:])
        if not others or stopping or before.peer.settings.wake is WakePolicy.EPHEMERAL:
            return
        now = self.state.find_session(session.id) if self.state else None
        assert now is None or now.ending is not None, "a conversation that is refused goes on"

    def check_leaving(self, before: PeerState) -> None:
        """C7: it is left when two messages have failed in it, or one, and an operator asked for a fresh one.

        What is decided then stands, whatever is found out about its last turn while it ends.
        """
        known = {session.id for session in before.sessions if leaves(session)}
        for session in self.state.sessions if self.state is not None else ():
            if session.ending is not None and leaves(session) and session.id not in known:
                failed = self.truth.failed.get(self.truth.place(session), ())
                asked = session.ending.by == "op"
                assert len(failed) >= (1 if asked else 2), "a conversation was left too soon"

    def may_steer(self, offered: Message) -> bool:
        """Whether the message asks to be typed into a running turn, and its program takes it in."""
        steers = POLICY.of(self.peer().settings.runtime).steers
        return steers and offered.timing is Timing.NOW and not offered.redriven

    def passed_over(self, offered: Message) -> list[Message]:
        """Earlier messages that wait; the next task of an ephemeral peer lets notices pass.

        The session of a task that may have been shown to it takes no other, however urgent.
        """
        assert self.state is not None
        again = offered.attempts > 1 or offered.notice is not None
        if self.state.peer.settings.wake is WakePolicy.EPHEMERAL and again:
            return []
        places = [message.id for message in self.state.messages]
        place = places.index(offered.id)
        return [
            m
            for at, m in enumerate(self.state.messages)
            if m.notice is None
            and (m.cut or m.state is MessageState.QUEUED)
            and (urgency(m), at) < (0 if offered.redriven else urgency(offered), place)
        ]

    def lets_sleep(self, message: Message) -> bool:
        """Whether the message waits for others to wake the peer."""
        assert self.state is not None
        ephemeral = self.state.peer.settings.wake is WakePolicy.EPHEMERAL
        sleeps = self.state.session is None and not ephemeral
        return sleeps and message.timing is Timing.IDLE and not message.cut

    def check_spare(self, spare: Session, event: Event) -> None:
        """B1: only for an ephemeral peer in use, when the host has said that there is room, up to N."""
        assert self.state is not None
        peer = self.state.peer
        assert isinstance(event, f.Spare)
        assert peer.settings.wake is WakePolicy.EPHEMERAL
        assert not peer.stopped
        assert not peer.removing
        assert wake_blocked_until(self.state) <= self.now
        assert not spare.resumed
        assert spare.conversation is None or spare.conversation not in self.conversations
        self.conversations.add(spare.conversation)
        self.spares.add(spare.id)
        assert len([s for s in self.state.pool if s.spare and s.ending is None]) <= peer.settings.pool

    def check_offer(self, command: c.Offer, session: Session | None) -> None:
        assert session is not None
        assert (session.id, session.ready) == (command.session, True)
        assert session.state in (SessionState.IDLE, SessionState.WORKING)
        assert command.steers or session.state is SessionState.IDLE, "typed into a running turn"
        assert not command.steers or self.may_steer(command.message)
        assert session.ending is None
        assert session.open_control is None
        if self.peer().settings.apart and command.message.notice is None:
            assert command.message.topic == session.topic, "a conversation was polluted (B1)"
        assert not self.passed_over(command.message), "a later message went first"
        assert self.stored.offers[command.message.id] == command.message.attempts, "not as in its story"
        if self.peer().settings.wake is WakePolicy.EPHEMERAL and command.message.notice is None:
            self.tasked.add(command.key)
        if command.message.attempts == 1 and command.message.id not in self.first_offers:
            self.first_offers.append(command.message.id)

    def check_launch(self, launch: c.Launch, before: PeerState, event: Event) -> None:
        """P6: the guard stops new sessions, not one that was begun before another of the pool tripped it."""
        assert self.state is not None
        peer = self.state.peer
        assert not peer.stopped
        assert not peer.removing
        if before.session is not None and before.session.id == launch.session.id:
            assert isinstance(event, f.ConversationMissing)
            return
        loose = isinstance(event, r.Wake | r.Restart | r.Start)
        assert loose or before.peer.quarantine is None or before.peer.quarantine.until <= self.now
        mended = isinstance(event, r.Configure) and before.peer.hindered is not None
        assert loose or mended or before.peer.pending or (before.peer.backoff_until or 0.0) <= self.now
        asked = before.peer.pending is not None or isinstance(event, REQUESTS)
        awake = peer.settings.wake is WakePolicy.EPHEMERAL or before.session is not None
        waiting = [
            m
            for m in (*before.messages, *self.state.messages)
            if m.notice is None and (m.cut or m.state is MessageState.QUEUED)
            if awake or m.cut or m.timing is not Timing.IDLE
        ]
        assert asked or waiting or peer.settings.wake is WakePolicy.ALWAYS, (
            "launched for nothing, or a notice"
        )
        if not launch.session.resumed and launch.session.conversation is not None:
            assert launch.session.conversation not in self.conversations, (
                "a fresh session in an old conversation"
            )
        self.conversations.add(launch.session.conversation)
        if before.session is None:
            self.truth.past[launch.session.id] = before
        if peer.settings.wake is WakePolicy.EPHEMERAL and launch.session.wake != "operator-resume":
            assert not launch.session.resumed
            assert launch.session.armed_at is None
        if launch.session.resumed:
            assert self.truth.place(launch.session) not in self.truth.left, "a refused conversation came back"

    def pooled(self) -> list[Session]:
        """Pooled sessions whose processes run."""
        return [s for s in self.state.pool if s.id in self.truth.running] if self.state else []

    def live(self) -> Session | None:
        session = self.state.session if self.state else None
        return session if session is not None and session.id in self.truth.running else None

    def reap(self, session: Session, cause: Cause, *, kept: bool = True) -> None:
        self.truth.running.discard(session.id)
        if not kept:
            self.truth.gone.add(self.truth.place(session))
        kept = self.truth.place(session) not in self.truth.gone
        self.tell(f.Died(Death(session.id, "p", session.generation, self.now, cause, 1), kept))

    def run(self, effect: c.Effect, pick: Pick) -> None:
        """Carry an effect out; whoever picks the first of all has no failures and no person at a terminal."""
        if self.state is None:
            return
        match effect:
            case c.Launch(session):
                self.run_launch(session, pick)
            case c.Offer():
                self.run_offer(effect, pick)
            case c.Examine():
                self.run_examine(effect, pick)
            case c.End(session):
                current = self.state.find_session(session.id)
                if current is None or current.state is not SessionState.STOPPING:
                    return
                if effect.guarded and pick(False, True):
                    self.tell(f.EndVetoed(session.id, "a person types", self.now + 3.0))
                else:
                    self.reap(current, pick(Cause.UNKNOWN, Cause.CRASHED))
            case c.Perform():
                self.run_control(effect, pick)
            case c.Notify():
                pass

    def run_control(self, asked: c.Perform, pick: Pick) -> None:
        session = self.live()
        if session is None or session.id != asked.session.id:
            return
        flight = self.state.in_flight if self.state else ()
        failed = pick(None, None, "it hangs")
        if asked.control.kind is ControlKind.INTERRUPT and flight and failed is None:
            self.tell(f.TurnEnded(session.id, "record", "interrupted", interrupted=True))
        self.tell(f.Performed(session.id, asked.control.at, failed))

    def run_launch(self, session: Session, pick: Pick) -> None:
        if self.state is None or self.state.find_session(session.id) is None:
            return
        if session.resumed and self.truth.place(session) in self.truth.gone:
            self.tell(f.ConversationMissing(session.id))
        elif pick(True, True, True, False):
            self.truth.running.add(session.id)
            self.tell(f.Launched(session.id, Processes(PROCESS, PROCESS, PROCESS, "/s")))
        else:
            blame = pick(*Blame)
            current = self.state.find_session(session.id)
            if blame is not Blame.PROGRAM and current is not None and current.ending is None:
                self.truth.unstarted.add(session.id)
            self.tell(f.BootFailed(session.id, "no such program", blame))

    def run_offer(self, offer: c.Offer, pick: Pick) -> None:
        session, message = self.live(), offer.message
        how = pick("taken", "taken", "refused", "a person types", "unclear", "unclear, pasted", "rejected")
        if session is not None and self.found_before(offer, session):
            verdict = pick(Examination.FOUND, Examination.ENDED)
            self.tell(f.Examined(message.id, verdict, "found before it was pasted again", message.attempts))
            return
        if session is None or session.id != offer.session or session.state is SessionState.STOPPING:
            how = "refused"
        if session is not None and how in ("taken", "unclear, pasted"):
            self.truth.paste(offer, session)
            self.check_task(offer, session)
        if how == "taken":
            self.tell(f.Taken(offer.session, message.id, "record"))
        elif how == "rejected":
            self.tell(f.Rejected(offer.session, message.id, "a hook stopped it"))
        else:
            certain, person = how in ("refused", "a person types"), how == "a person types"
            self.tell(f.OfferFailed(offer.session, message.id, certain, how, message.attempts, person))

    def check_task(self, offer: c.Offer, session: Session) -> None:
        """P4 M1 M3: a task is shown to a session that was shown no other message before, but for notices.

        What a session was given before its peer became ephemeral is its past: a note about that goes on with
        it, and it is given no task.
        """
        message = offer.message
        if message.notice is not None:
            return
        given = self.truth.given.setdefault(session.id, set())
        if offer.key in self.tasked:
            assert not given or message.id in given, "two tasks in one session"
            if session.id in self.spares:
                held = self.truth.holds[self.truth.place(session)]
                notices = {m.id for m in self.state.messages if m.notice} if self.state else set()
                assert held <= {message.id} | notices, "P4 M1: a spare was not fresh"
        given.add(message.id)

    def found_before(self, offer: c.Offer, session: Session) -> bool:
        """Whether the record shows that a message which is sent again was taken before."""
        held = self.truth.holds.get(self.truth.place(session), ())
        return bool(self.truth.resent[offer.message.id]) and not offer.redrive and offer.message.id in held

    def run_examine(self, examine: c.Examine, pick: Pick) -> None:
        assert self.state is not None
        message = examine.message
        place = examine.conversation or f"c-{message.session}"
        held = message.id in self.truth.holds.get(place, ())
        verdict = pick(Examination.FOUND, Examination.ENDED) if held else Examination.ABSENT
        if pick(False, False, True):
            verdict = Examination.UNCLEAR
        self.tell(f.Examined(message.id, verdict, "looked", message.attempts))

    @invariant()
    def stored_is_remembered(self) -> None:
        state = self.state
        if state is None:
            assert self.stored.peer is None
            return
        assert self.stored.peer == state.peer
        assert {s.id: s for s in state.sessions} == self.stored.sessions
        assert (
            tuple(self.stored.messages[m] for m in self.order if m in self.stored.messages) == state.messages
        )
        assert all(message.state in LIVING for message in state.messages)

    @invariant()
    def parked_means_ending(self) -> None:
        """P7: whatever else happens, a peer that was parked has no session that is not about to end."""
        if self.state is not None and self.state.peer.stopped:
            assert all(session.state is SessionState.STOPPING for session in self.state.sessions)

    @invariant()
    def pool_is_bounded(self) -> None:
        """B1: beside the active session at most N stay, but for one that a person holds."""
        if self.state is None:
            return
        ephemeral = self.peer().settings.wake is WakePolicy.EPHEMERAL
        staying = [s for s in self.state.pool if s.ending is None and s.spare is ephemeral]
        idle = [s for s in staying if s.state is SessionState.IDLE and s.held_until is None]
        assert not idle or len(staying) <= self.peer().settings.pool
        assert all(session.pooled for session in self.state.pool)

    @invariant()
    def one_session_for_each_conversation(self) -> None:
        """B1: no conversation is run by two sessions."""
        if self.state is None:
            return
        sessions = [s for s in self.state.sessions if s.state is not SessionState.STOPPING]
        running = [s.conversation for s in sessions if s.conversation is not None]
        assert len(set(running)) == len(running)
        if self.peer().settings.apart:
            topics = [s.topic for s in sessions if not s.spare]
            assert len(set(topics)) == len(topics)

    @invariant()
    def nothing_is_dropped(self) -> None:
        known = self.stored.final.keys() | ({m.id for m in self.state.messages} if self.state else set())
        assert known >= set(self.order)

    @invariant()
    def one_is_handed_over(self) -> None:
        """N4: one offer at a time; a turn holds the message that began it and what was steered into it."""
        if self.state is not None:
            flying = [m for m in self.state.messages if m.in_flight and not m.cut]
            assert sum(m.state is MessageState.OFFERED for m in flying) <= 1
            assert sum(m.timing is not Timing.NOW for m in flying) <= 1
            if self.state.session is not None:
                assert all(m.session == self.state.session.id for m in flying)
            assert all(self.state.session is not None for m in flying if m.state is MessageState.ACCEPTED)

    def turn_is_over(self, event: Event) -> None:
        """What a turn held ends with it."""
        if isinstance(event, f.TurnEnded) and self.state is not None:
            left = [m.id for m in self.state.turn if m.session == event.session]
            named = left if event.messages is None else event.messages
            assert not set(left) & set(named), "a message outlived its turn"

    @invariant()
    def tasks_end(self) -> None:
        """P4 M2: an ephemeral session that has come up has an end in store."""
        session = self.state.session if self.state else None
        if self.state is None or session is None or self.state.peer.settings.wake is not WakePolicy.EPHEMERAL:
            return
        if session.task is None and (session.state is not SessionState.IDLE or self.state.messages):
            return
        if session.open_control is not None:
            return
        if session.state not in (SessionState.STARTING, SessionState.STOPPING):
            assert policy_end(self.state) is not None
