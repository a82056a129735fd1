"""A session in a person's own terminal, in the core: begun by them, ended by nobody else (17, P5, H6)."""

import pytest
from msgspec.structs import replace

from roost.core.decide import deadline, decide
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.message import Message, MessageState, Timing
from roost.core.vocabulary.peer import AwayPolicy, Peer, PeerState, Settings, WakeMode, WakePolicy
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Cause, Death, Processes, SessionState
from roost.core.vocabulary.settings import apply_settings
from roost.errors import InvalidSettingError

SETTINGS = Settings("/w", "claude", wake=WakePolicy.NEVER)
PEER = Peer("p", "5eed", SETTINGS, 0.0)
DAY = 86400.0
PROCESSES = Processes(ProcessId("b", 7, 1), ProcessId("b", 6, 1), None, "")


def policy(*, hooks: bool = True, piped: bool = False) -> Policy:
    return Policy(traits={"claude": Traits(steers=True, hooks=hooks, piped=piped)})


POLICY = policy()


def after(
    state: PeerState, *events: object, now: float = 1.0, by: Policy = POLICY
) -> tuple[PeerState, list[c.Command]]:
    commands: list[c.Command] = []
    for event in events:
        made, new = decide(state, event, now, by)  # type: ignore[arg-type] -- one of the events
        assert made is not None
        state, commands = made, [*commands, *new]
    return state, commands


def running(by: Policy = POLICY, peer: Peer = PEER) -> PeerState:
    state, commands = after(PeerState(peer), r.Run("operator"), by=by)
    (launch,) = [command for command in commands if isinstance(command, c.Launch)]
    assert launch.session.own_terminal
    seen = f.Observed(launch.session.id, SessionState.IDLE, "at its prompt")
    return after(state, f.Launched(launch.session.id, PROCESSES), seen, by=by)[0]


def message(ident: str = "m1", timing: Timing = Timing.NEXT) -> Message:
    return Message(id=ident, sender="bob", to="p", created_at=1.0, size=1, digest="d", timing=timing)


def refused(commands: list[c.Command]) -> list[str]:
    return [command.error.message for command in commands if isinstance(command, c.Refuse)]


def works(state: PeerState) -> f.Observed:
    assert state.session is not None
    return f.Observed(state.session.id, SessionState.WORKING, "in a turn")


def test_P5_no_policy_ends_it_and_only_stop_does() -> None:
    state = running()
    assert state.session is not None
    assert deadline(state, 1.0, POLICY) is None
    done = (f.Completed(state.session.id, "done"), r.FreshAsked(state.session.id), r.Rest("operator"))
    rested, _ = after(state, *done, f.Tick(), now=30 * DAY)
    assert rested.session is not None
    assert (rested.session.state, rested.session.ending) == (SessionState.IDLE, None)
    for event in (r.Restart("operator"), r.Wake(WakeMode.FRESH, "operator"), r.Compact("operator")):
        same, commands = after(state, event)
        assert (same, len(refused(commands))) == (state, 1)
    stopped, commands = after(state, r.Stop("operator"))
    assert stopped.session is not None
    assert stopped.session.state is SessionState.STOPPING
    assert any(isinstance(command, c.End) for command in commands)


def test_H6_nothing_wakes_it_and_mail_is_kept_or_refused_as_its_settings_say() -> None:
    state, commands = after(PeerState(PEER), r.Submit(message()), f.Tick(), now=DAY)
    assert (state.session, state.queued) == (None, 1)
    assert any("roost run p" in command.text for command in commands if isinstance(command, c.Advise))
    assert "roost run p" in refused(after(state, r.Wake(WakeMode.NATURAL, "operator"))[1])[0]
    assert "roost run p" in refused(after(state, r.Restart("operator"))[1])[0]
    closed = PeerState(replace(PEER, settings=replace(SETTINGS, away=AwayPolicy.REFUSE)))
    assert "away=refuse" in refused(after(closed, r.Submit(message()))[1])[0]
    open_again = running(peer=closed.peer)
    assert refused(after(open_again, r.Submit(message()))[1]) == []


def test_H6_a_name_has_one_session_wherever_it_runs() -> None:
    (why,) = refused(after(running(), r.Run("operator"))[1])
    assert "runs already" in why
    assert "roost stop p" in why
    asked, _ = after(PeerState(PEER), r.Run("operator"))
    (why,) = refused(after(asked, r.Run("operator"))[1])
    assert "is being started" in why
    stopped, _ = after(running(), r.Stop("operator"))
    (why,) = refused(after(stopped, r.Run("operator"))[1])
    assert "being ended" in why
    warm = PeerState(replace(PEER, settings=replace(SETTINGS, wake=WakePolicy.WARM)))
    live, _ = after(warm, r.Wake(WakeMode.NATURAL, "operator"))
    (why,) = refused(after(live, r.Run("operator"))[1])
    assert "roost attach p" in why
    (why,) = refused(after(PeerState(PEER), r.Run("operator", resume=True))[1])
    assert "--resume" in why


def test_17_a_message_is_offered_in_a_turn_and_at_rest_only_where_it_can_be_given() -> None:
    state, commands = after(running(), r.Submit(message()))
    assert state.queued == 1
    assert any("its next turn" in command.text for command in commands if isinstance(command, c.Advise))
    state, commands = after(state, works(state))
    assert [command.message.id for command in commands if isinstance(command, c.Offer)] == ["m1"]
    piped = policy(piped=True)
    state, commands = after(running(piped), r.Submit(message()), by=piped)
    assert state.offered is not None
    plain = policy(hooks=False)
    state, commands = after(running(plain), r.Submit(message()), by=plain)
    state, commands = after(state, works(state), by=plain)
    assert state.queued == 1


def test_17_a_program_with_an_api_is_told_there_as_anywhere() -> None:
    calls = Policy(traits={"claude": Traits(steers=True, calls=True)})
    state, commands = after(running(calls), r.Submit(message()), by=calls)
    assert [command.message.id for command in commands if isinstance(command, c.Offer)] == ["m1"]
    assert not [command for command in commands if isinstance(command, c.Advise)]
    state = running(calls)
    state, _ = after(state, works(state), r.Submit(message()), by=calls)
    assert state.queued == 1
    state, commands = after(state, r.Submit(message("m2", Timing.NOW)), by=calls)
    assert [command.message.id for command in commands if isinstance(command, c.Offer)] == ["m2"]


def test_17_what_could_not_be_given_at_rest_does_not_wait_for_its_next_try_in_a_turn() -> None:
    piped = policy(piped=True)
    state, _ = after(running(piped), r.Submit(message()), by=piped)
    assert state.session is not None
    failed = f.OfferFailed(state.session.id, "m1", certain=True, why="nothing waits there")
    for _ in range(5):
        state, _ = after(state, failed, by=piped)
        state, _ = after(state, f.Tick(), now=DAY, by=piped)
    state, _ = after(state, failed, now=DAY, by=piped)
    waiting = state.message("m1")
    assert waiting is not None
    assert waiting.not_before is not None
    state, commands = after(state, works(state), now=DAY, by=piped)
    assert any(isinstance(command, c.Offer) for command in commands)


@pytest.mark.parametrize("cause", [Cause.CRASHED, Cause.COMPLETED, Cause.TERMINAL_CLOSED])
def test_H6_its_end_counts_for_nothing_and_a_cut_turn_waits_for_the_next_run(cause: Cause) -> None:
    state, _ = after(running(), r.Submit(message()))
    state, _ = after(state, works(state))
    assert state.session is not None
    taken = f.Taken(state.session.id, "m1", "its record")
    death = Death(state.session.id, "p", 1, 2.0, cause, exit_code=1)
    state, commands = after(state, taken, f.Died(death), f.Tick(), now=DAY)
    (closed,) = [command for command in commands if isinstance(command, c.CloseSession)]
    assert (closed.death.cause, closed.death.counted) == (cause, False)
    assert (state.session, state.peer.deaths, state.peer.backoff_until) == (None, (), None)
    (cut,) = state.messages
    assert (cut.state, cut.cut) == (MessageState.ACCEPTED, True)
    resumed, _ = after(state, r.Run("operator", resume=True), now=DAY)
    assert resumed.session is not None
    assert resumed.session.resumed
    fresh, commands = after(state, r.Run("operator"), now=DAY)
    assert fresh.messages == (cut,), "nothing of it has run yet"
    assert fresh.session is not None
    seen = f.Observed(fresh.session.id, SessionState.IDLE, "at its prompt")
    fresh, commands = after(fresh, f.Launched(fresh.session.id, PROCESSES), seen, now=DAY)
    assert fresh.messages == ()
    assert any(isinstance(command, c.Notify) for command in commands)


def test_H6_a_run_that_ends_at_once_takes_no_conversation_away() -> None:
    """As `claude --modle opus`, which says that there is no such option."""
    state = running()
    assert state.session is not None
    conversation = state.session.conversation
    state, _ = after(state, f.Died(Death(state.session.id, "p", 1, 2.0, Cause.COMPLETED, exit_code=0)))
    mistyped, _ = after(state, r.Run("operator"))
    assert mistyped.session is not None
    died = f.Died(Death(mistyped.session.id, "p", 2, 3.0, Cause.CRASHED, exit_code=1), False)
    ended, _ = after(mistyped, f.Launched(mistyped.session.id, PROCESSES), died)
    assert (ended.peer.conversation, ended.peer.fresh_next) == (conversation, False)
    again, _ = after(ended, r.Run("operator", resume=True))
    assert again.session is not None
    assert (again.session.conversation, again.session.resumed) == (conversation, True)
    kept, _ = after(
        mistyped, f.Launched(mistyped.session.id, PROCESSES), replace(died, conversation_exists=True)
    )
    assert kept.peer.conversation == mistyped.session.conversation, "it has left one of its own"


def test_wake_never_is_not_for_pools_threads_and_mailboxes() -> None:
    for pairs in ([("pool", "1")], [("runtime", "human")], [("server", "unix:/s")]):
        with pytest.raises(InvalidSettingError, match="wake=never"):
            apply_settings(SETTINGS, pairs)
