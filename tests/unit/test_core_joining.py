"""A session that somebody else started joins and leaves, in the core (17, P5, H6)."""

import pytest
from msgspec.structs import replace

from roost.core.decide import deadline, decide
from roost.core.sessions.evidence import Fact, Patience, Sight, Source
from roost.core.sessions.sweep import Action, Row, plan
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.message import Message, MessageState
from roost.core.vocabulary.peer import AwayPolicy, Peer, PeerState, Settings, WakeMode, WakePolicy
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Cause, Death, Processes, SessionState, WakeCause

SETTINGS = Settings("/w", "claude", wake=WakePolicy.NEVER)
PEER = Peer("p", "5eed", SETTINGS, 0.0)
PROCESS, OTHER = ProcessId("b", 7, 1), ProcessId("b", 8, 1)
POLICY = Policy(traits={"claude": Traits(steers=True, hooks=True, piped=True), "human": Traits(mailbox=True)})
JOIN = r.Join("operator", "conv", PROCESS)


def after(state: PeerState, *events: object, now: float = 1.0) -> tuple[PeerState, list[c.Command]]:
    commands: list[c.Command] = []
    for event in events:
        made, new = decide(state, event, now, POLICY)  # type: ignore[arg-type] -- one of the events
        assert made is not None
        state, commands = made, [*commands, *new]
    return state, commands


def joined(peer: Peer = PEER) -> PeerState:
    return after(PeerState(peer), JOIN)[0]


def session_of(state: PeerState) -> str:
    assert state.session is not None
    return state.session.id


def idle(state: PeerState) -> PeerState:
    return after(state, f.Observed(session_of(state), SessionState.IDLE, "at its prompt"))[0]


def refused(commands: list[c.Command]) -> list[str]:
    return [command.error.message for command in commands if isinstance(command, c.Refuse)]


def message(ident: str = "m1") -> Message:
    return Message(id=ident, sender="bob", to="p", created_at=1.0, size=1, digest="d")


def test_H6_who_joins_is_a_session_with_its_conversation_and_nothing_is_launched() -> None:
    state, commands = after(PeerState(PEER), JOIN)
    session = state.session
    assert session is not None
    assert session.joined is not None
    assert (session.conversation, session.agent, session.own_terminal) == ("conv", PROCESS, True)
    assert (session.wake, session.launched, session.guest) == (WakeCause.JOINED, True, True)
    assert state.peer.conversation == "conv"
    assert not [command for command in commands if isinstance(command, c.Launch)]


def test_17_it_takes_mail_at_rest_and_in_a_turn() -> None:
    state, commands = after(idle(joined()), r.Submit(message()))
    assert [command.message.id for command in commands if isinstance(command, c.Offer)] == ["m1"]
    assert state.offered is not None


def test_17_once_more_changes_nothing_and_another_process_of_it_is_refused() -> None:
    state = joined()
    same, commands = after(state, JOIN)
    assert (same, commands) == (state, [])
    (why,) = refused(after(state, r.Join("operator", "conv", OTHER))[1])
    assert "process 7" in why


@pytest.mark.parametrize(
    ("peer", "why"),
    [
        (replace(PEER, conversation="theirs"), "roost rename p OTHER"),
        (replace(PEER, settings=replace(SETTINGS, wake=WakePolicy.WARM)), "starts and ends itself"),
        (replace(PEER, settings=replace(SETTINGS, runtime="human")), "mailbox"),
        (replace(PEER, removing=True), "being removed"),
        (replace(PEER, renaming="q"), "being renamed"),
    ],
)
def test_17_a_name_is_not_taken_over_by_saying_it(peer: Peer, why: str) -> None:
    state, commands = decide(PeerState(peer), JOIN, 1.0, POLICY)
    (said,) = refused(list(commands))
    assert state == PeerState(peer)
    assert why in said


def test_17_a_name_of_somebody_live_is_refused() -> None:
    (why,) = refused(after(joined(), r.Join("operator", "other", OTHER))[1])
    assert "who is live" in why


def test_P5_no_policy_ends_it_and_it_is_neither_woken_nor_restarted() -> None:
    state = idle(joined(replace(PEER, settings=replace(SETTINGS, idle=1.0))))
    assert deadline(state, 1.0, POLICY) is None
    assert after(state, f.Tick(), now=1e6)[0].session is not None
    assert refused(after(state, r.Restart("operator"))[1])
    assert refused(after(state, r.Wake(WakeMode.FRESH, "operator"))[1])
    assert after(state, r.Rest("operator"))[0].session == state.session
    assert after(state, f.Completed(session_of(state), "x"))[0].session == state.session


def test_17_it_leaves_and_the_same_conversation_comes_back_to_its_mail() -> None:
    state, commands = after(idle(joined()), r.Leave("?", "operator"))
    assert refused(commands)
    state, commands = after(state, r.Leave(session_of(state), "operator"))
    (end,) = [command for command in commands if isinstance(command, c.End)]
    assert (end.cause, end.guarded) == (Cause.LEFT, False)
    death = Death(session_of(state), "p", 1, 2.0, Cause.UNKNOWN)
    state, commands = after(state, f.Died(death), now=2.0)
    assert state.session is None
    assert not [command for command in commands if isinstance(command, c.Clear)]
    state, _ = after(state, r.Submit(message()), now=3.0)
    assert state.message("m1") is not None
    again, commands = after(state, JOIN, now=4.0)
    assert session_of(again) != death.session
    assert idle(again).offered is not None


def test_17_a_turn_that_its_end_cut_off_waits_for_the_conversation() -> None:
    state = idle(joined())
    state, _ = after(state, r.Submit(message()))
    taken = f.Taken(session_of(state), "m1", "its transcript")
    state, _ = after(state, taken)
    death = Death(session_of(state), "p", 1, 2.0, Cause.PROGRAM_ENDED)
    state, _ = after(state, f.Died(death), now=2.0)
    kept = state.message("m1")
    assert kept is not None
    assert (kept.state, kept.cut) == (MessageState.ACCEPTED, True)
    assert state.peer.deaths == ()


def test_N5_a_row_is_closed_by_its_process_alone() -> None:
    session = joined().session
    assert session is not None

    def action(sight: Sight) -> Action:
        fact = Fact(sight, Source.PROCESS, 9.0, session.id, "seen")
        return plan([Row(session, (fact,))], None, 9.0, Patience()).findings[0].action

    assert [action(sight) for sight in (Sight.RUNS, Sight.FAILED, Sight.ENDED)] == [
        Action.KEEP,
        Action.KEEP,
        Action.CLOSE,
    ]


ADOPTED = replace(PEER, settings=replace(SETTINGS, away=AwayPolicy.RESUME))


def ended(peer: Peer = ADOPTED) -> PeerState:
    """One that has joined, and whose program has ended."""
    state = idle(joined(peer))
    death = Death(session_of(state), "p", 1, 2.0, Cause.PROGRAM_ENDED)
    return after(state, f.Died(death), now=2.0)[0]


def launches(commands: list[c.Command]) -> list[tuple[str | None, bool, WakeCause]]:
    return [
        (each.session.conversation, each.session.own_terminal, each.session.wake)
        for each in commands
        if isinstance(each, c.Launch)
    ]


def here(state: PeerState) -> PeerState:
    """A message has gone on with the conversation in a session of ours, which is at its prompt."""
    state, _ = after(state, r.Submit(message()), now=3.0)
    processes = Processes(ProcessId("b", 9, 1), ProcessId("b", 10, 1), None, "")
    return idle(after(state, f.Launched(session_of(state), processes), now=3.0)[0])


def test_17_away_resume_goes_on_with_its_conversation_in_a_session_of_ours() -> None:
    _, commands = after(ended(), r.Submit(message()), now=3.0)
    assert launches(commands) == [("conv", False, WakeCause.AWAY_RESUME)]
    assert not [command for command in commands if isinstance(command, c.Advise)]
    assert here(ended()).offered is not None
    woken = after(ended(), r.Wake(WakeMode.NATURAL, "operator"))[1]
    assert launches(woken) == [("conv", False, WakeCause.AWAY_RESUME)]


def test_17_without_away_resume_nothing_wakes_it() -> None:
    _, commands = after(ended(PEER), r.Submit(message()), now=3.0)
    assert launches(commands) == []
    assert refused(after(ended(PEER), r.Wake(WakeMode.NATURAL, "operator"))[1])


@pytest.mark.parametrize("mark", [{"resume_failed": True}, {"fresh_next": True}, {"refusals": 3}])
def test_17_no_fresh_conversation_ever_begins_in_its_place(mark: dict[str, object]) -> None:
    state = ended()
    state = replace(state, peer=replace(state.peer, **mark))  # type: ignore[arg-type] -- marks of a peer
    assert launches(after(state, r.Submit(message()), now=3.0)[1]) == [("conv", False, WakeCause.AWAY_RESUME)]
    asked = (r.Wake(WakeMode.FRESH, "operator"), r.Restart("operator"), r.Refresh("operator"))
    for event in asked:
        assert "away=resume" in refused(after(state, event)[1])[0]
    live = here(state)
    assert "away=resume" in refused(after(live, r.FreshAsked(session_of(live)))[1])[0]
    missing, commands = after(
        after(state, r.Submit(message()), now=3.0)[0], f.ConversationMissing(f"{session_of(live)}")
    )
    assert launches(commands) == []
    assert missing.peer.conversation == "conv"
    assert missing.queued == 1


def test_17_a_session_of_ours_sleeps_as_any_other_and_the_person_has_it_again() -> None:
    state = here(ended())
    (why,) = refused(after(state, JOIN, now=4.0)[1])
    assert "roost stop p" in why
    assert "join again" in why
    other = refused(after(state, r.Join("operator", "other", OTHER), now=4.0)[1])
    assert "somebody else" in other[0]
    taken = f.Taken(session_of(state), "m1", "its transcript")
    state, _ = after(state, taken, f.TurnEnded(session_of(state), "its transcript"), now=5.0)
    state = idle(state)
    due = deadline(state, 5.0, POLICY)
    assert due is not None
    state, commands = after(state, f.Tick(), now=due)
    assert [command.cause for command in commands if isinstance(command, c.End)] == [Cause.IDLE_SLEEP]
    state, _ = after(state, f.Died(Death(session_of(state), "p", 2, due, Cause.UNKNOWN)), now=due)
    again, _ = after(state, JOIN, now=due)
    assert again.session is not None
    assert again.session.joined is not None


def test_17_one_that_waits_for_its_conversation_gives_way_to_whoever_has_it_open() -> None:
    state, _ = after(ended(), r.Submit(message()), now=3.0)
    waiting = f.Observed(session_of(state), SessionState.BLOCKED, "open in process 8")
    state, _ = after(state, waiting, now=3.0)
    assert refused(after(state, r.Join("operator", "other", OTHER), now=4.0)[1])
    again, commands = after(state, r.Join("operator", "conv", OTHER), now=4.0)
    assert [each.death.cause for each in commands if isinstance(each, c.CloseSession)] == [Cause.LEFT]
    assert again.session is not None
    assert again.session.joined is not None
    assert again.queued == 1
    assert launches(commands) == []
