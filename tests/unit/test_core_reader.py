"""A session that has joined and reads its mail itself, in the core (17, H6, N1)."""

import pytest

from roost.core.decide import deadline, decide
from roost.core.messages.delays import due_at
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.message import READ, STEERED, TO_READ, Message, MessageState, Timing
from roost.core.vocabulary.peer import Peer, PeerState, Settings, WakePolicy
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Cause, Death, SessionState
from roost.core.vocabulary.view import shown

PEER = Peer("p", "5eed", Settings("/w", "codex", wake=WakePolicy.NEVER), 0.0)
POLICY = Policy(traits={"codex": Traits(steers=True, hooks=True)})
JOIN = r.Join("operator", "conv", ProcessId("b", 7, 1), reads=True)


def after(state: PeerState, *events: object, now: float = 1.0) -> tuple[PeerState, list[c.Command]]:
    commands: list[c.Command] = []
    for event in events:
        made, new = decide(state, event, now, POLICY)  # type: ignore[arg-type] -- one of the events
        assert made is not None
        state, commands = made, [*commands, *new]
    return state, commands


def message(ident: str = "m1", timing: Timing = Timing.NOW) -> Message:
    return Message(id=ident, sender="bob", to="p", created_at=1.0, size=1, digest="d", timing=timing)


def reader(state: SessionState = SessionState.IDLE) -> PeerState:
    """It has joined, and was seen in that state."""
    joined, _ = after(PeerState(PEER), JOIN)
    assert joined.session is not None
    seen = f.Observed(joined.session.id, SessionState.IDLE, "at its prompt")
    return after(joined, seen, f.Observed(joined.session.id, state, "as seen"))[0]


def final(commands: list[c.Command]) -> list[tuple[MessageState, str]]:
    return [
        (each.message.state, each.message.why)
        for each in commands
        if isinstance(each, c.SaveMessage) and each.message.final
    ]


@pytest.mark.parametrize("state", [SessionState.IDLE, SessionState.WORKING, SessionState.UNKNOWN])
def test_17_nobody_hands_it_its_mail_and_the_reason_is_said(state: SessionState) -> None:
    kept, commands = after(reader(state), r.Submit(message()), f.Tick(), now=90.0)
    assert not [command for command in commands if isinstance(command, c.Offer)]
    (waits,) = kept.messages
    assert (waits.state, waits.why) == (MessageState.QUEUED, TO_READ)
    (advice,) = [command.text for command in commands if isinstance(command, c.Advise)]
    assert "reads its mail itself" in advice
    assert TO_READ in shown(kept, 90.0).why
    # Its sender has heard why it waits, and is not told again.
    assert not [command for command in commands if isinstance(command, c.Notify)]
    assert due_at(kept) is None
    assert deadline(kept, 90.0, POLICY) is None


def test_17_what_it_has_read_is_done_and_what_waited_before_it_joined_waits_to_be_read() -> None:
    waiting, _ = after(PeerState(PEER), r.Submit(message()), r.Submit(message("m2")))
    joined, _ = after(waiting, JOIN)
    assert [each.why for each in joined.messages] == [TO_READ, TO_READ]
    read, commands = after(joined, r.Acknowledge(("m1", "?")), now=5.0)
    assert final(commands) == [(MessageState.DONE, READ)]
    assert [each.id for each in read.messages] == ["m2"]
    assert read.session is not None
    assert read.session.active_at == 5.0
    # An answer shows that it was read, too.
    answered, commands = after(read, f.Replied("m2", "m3"), now=6.0)
    assert final(commands) == [(MessageState.DONE, READ)]
    assert answered.messages == ()


def test_17_from_the_first_hook_that_calls_on_it_is_handed_its_mail_also_what_waited() -> None:
    state, _ = after(reader(SessionState.WORKING), r.Submit(message()))
    assert state.session is not None
    hooked = r.Hooked(state.session.id)
    handed, commands = after(state, hooked)
    (offer,) = [command for command in commands if isinstance(command, c.Offer)]
    assert (offer.message.id, offer.steers) == ("m1", True)
    assert handed.session is not None
    assert (handed.session.reads, handed.messages[0].why) == (False, STEERED)
    assert after(handed, hooked) == (handed, [])
    # At rest it waits for a hook of the next turn.
    rests, commands = after(reader(), r.Submit(message()), hooked)
    assert not [command for command in commands if isinstance(command, c.Offer)]
    assert (rests.messages[0].state, rests.messages[0].why) == (MessageState.QUEUED, "")


def test_17_hooks_of_a_session_that_is_over_change_nothing() -> None:
    state = reader()
    assert after(state, r.Hooked("another")) == (state, [])


def test_17_nobody_reads_the_mail_of_a_session_that_is_handed_it() -> None:
    handed = r.Join("operator", "conv", ProcessId("b", 7, 1))
    state, _ = after(PeerState(PEER), handed, r.Submit(message()))
    same, commands = after(state, r.Acknowledge(("m1",)))
    assert (same.messages, final(commands)) == (state.messages, [])


def test_N1_who_has_sent_what_it_did_not_read_before_its_end_hears_of_that() -> None:
    state, _ = after(reader(), r.Submit(message()))
    assert state.session is not None
    death = Death(state.session.id, "p", 1, 2.0, Cause.PROGRAM_ENDED)
    left, commands = after(state, f.Died(death), now=2.0)
    (told,) = [command for command in commands if isinstance(command, c.Notify)]
    assert (told.to, told.notice.outcome) == ("bob", "waits")
    assert "ended with its program before it read the message" in told.notice.why
    (kept,) = left.messages
    assert (kept.state, kept.why) == (MessageState.QUEUED, "")
    stopped, _ = after(state, r.Stop("operator"))
    _, commands = after(stopped, f.Died(death), now=2.0)
    assert not [command for command in commands if isinstance(command, c.Notify)]  # it heard of the stop
