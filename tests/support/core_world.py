"""What a store and an agent's conversations hold, beside what the core believes."""

from collections import Counter
from dataclasses import dataclass, field

from msgspec.structs import replace

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.events import Event
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import Peer, PeerState
from roost.core.vocabulary.session import FORGETS, Session
from roost.faults import Fault


@dataclass
class Stored:
    """What a store holds after the commands of all decisions."""

    peer: Peer | None = None
    sessions: dict[str, Session] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    final: dict[str, Message] = field(default_factory=dict)
    closed: Counter[str] = field(default_factory=Counter)
    stopped: Counter[str] = field(default_factory=Counter)
    offers: Counter[str] = field(default_factory=Counter)

    def apply(self, command: c.Command) -> None:
        self._count(command)
        match command:
            case c.SavePeer(peer):
                self.peer = peer
            case c.SaveSession(session):
                others = [other for other in self.sessions.values() if other.id != session.id]
                assert session.pooled or all(other.pooled for other in others), "two active sessions"
                assert session.id not in self.closed, "a closed session came back"
                self.sessions[session.id] = session
            case c.CloseSession(death):
                assert death.session in self.sessions
                del self.sessions[death.session]
                self.closed[death.session] += 1
            case c.Journal(kind="stopped", session=session):
                self.stopped[session or ""] += 1
            case c.SaveMessage(message):
                assert message.id not in self.final, (
                    f"a final message changed: {self.final[message.id].state}"
                )
                if message.final:
                    self.messages.pop(message.id, None)
                    self.final[message.id] = message
                else:
                    self.messages[message.id] = message
            case c.Rename(old, new):
                assert not self.sessions, "renamed while it lives"
                assert self.peer is not None
                self.peer = replace(self.peer, name=new)
                for key, message in self.messages.items():
                    sender = new if message.sender == old else message.sender
                    self.messages[key] = replace(message, to=new, sender=sender)
            case c.Purge():
                assert not self.sessions
                assert not self.messages, "messages purged without an end"
                self.peer = None
            case _:
                pass

    def _count(self, command: c.Command) -> None:
        """The offers that a message's story tells of."""
        if isinstance(command, c.SaveAttempt) and command.outcome == "offered":
            self.offers[command.message_id] += 1


@dataclass
class Truth:
    """What the conversations really hold, whatever anybody believes.

    `failed`: for each conversation the messages that its failed turns are put down to, since the last answer.
    `past`: for each session the peer as it was before its launch, where no other session was there.
    `given`: for each session the messages that were pasted into it, notices apart. `answered`: by which
    session each message was.
    """

    holds: dict[str, set[str]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    running: set[str] = field(default_factory=set)
    unstarted: set[str] = field(default_factory=set)
    failed: dict[str, set[str]] = field(default_factory=dict)
    left: set[str] = field(default_factory=set)
    past: dict[str, PeerState] = field(default_factory=dict)
    given: dict[str, set[str]] = field(default_factory=dict)
    pastes: Counter[str] = field(default_factory=Counter)
    pasted: set[str] = field(default_factory=set[str])
    resent: Counter[str] = field(default_factory=Counter)
    outages: Counter[str] = field(default_factory=Counter)
    answered: set[tuple[str | None, str]] = field(default_factory=set)

    def note(self, before: PeerState, event: Event) -> None:
        """What an event tells that may be done once more, or that is over."""
        known = before.message(event.message_id) if isinstance(event, r.Resend | f.Replied) else None
        if isinstance(event, r.Resend) and known is not None and known.state is MessageState.UNKNOWN:
            self.resent[known.id] += 1
        if isinstance(event, f.Replied) and known is not None:
            self.answered.add((known.session, known.id))
        if isinstance(event, f.TurnEnded) and event.fault is Fault.SERVICE:
            self.outages.update(message.id for message in before.turn)

    def answered_is_over(self, before: PeerState, event: Event, after: PeerState | None) -> None:
        """N3: what a session has answered is done with its end, or that of its turn by a person."""
        interrupted = isinstance(event, f.TurnEnded) and event.interrupted and event.session
        ended = event.death.session if isinstance(event, f.Died) else interrupted
        for message in before.in_flight if ended and after is not None else ():
            if message.session == ended and (ended, message.id) in self.answered:
                assert after is not None
                assert message.cut or after.message(message.id) is None, "what was answered is driven again"

    @staticmethod
    def place(session: Session) -> str:
        return session.conversation or f"c-{session.id}"

    def check_unstarted(self, session: Session, before: PeerState, state: PeerState | None) -> None:
        """What never ran is nobody's crash, and the past of the peer is what it was."""
        if state is None:
            return
        after, known = state.peer, before.peer
        counts = (after.deaths, after.failures, after.quarantine, after.conversations)
        assert counts == (known.deaths, known.failures, known.quarantine, known.conversations)
        past = self.past.get(session.id)
        if past is None or state.sessions or after.settings.runtime != past.peer.settings.runtime:
            return
        if session.wake not in FORGETS and not after.settings.apart:
            assert after.conversation == past.peer.conversation, "what never ran took the conversation away"
            cut = {message.id for message in past.messages if message.cut}
            assert not any(m.id in cut and m.state is MessageState.QUEUED for m in state.messages)

    def paste(self, offer: c.Offer, session: Session) -> None:
        assert offer.key not in self.pasted, "two pastes that the record cannot tell apart (N4)"
        self.pasted.add(offer.key)
        self.pastes[offer.message.id] += 1
        most = 2 + self.resent[offer.message.id] + self.outages[offer.message.id]
        assert self.pastes[offer.message.id] <= most, "a message was driven again more than once"
        held = self.holds.setdefault(self.place(session), set())
        if offer.redrive:
            assert offer.message.id in held, "a note about a body that the conversation does not hold"
        else:
            assert offer.message.id not in held, "a body was shown twice to one conversation"
            held.add(offer.message.id)
