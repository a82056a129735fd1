"""A peer that is a thread of somebody else's server, in the core: joined and let go of (L7, P5)."""

import pytest
from msgspec.structs import replace

from roost.core.decide import deadline, decide
from roost.core.sessions.evidence import Fact, Life, Patience, Sight, Source, judge
from roost.core.sessions.wake import WakeDecision, decide_wake
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.blame import Blame
from roost.core.vocabulary.identity import ProcessId
from roost.core.vocabulary.message import Message
from roost.core.vocabulary.peer import LastDeath, Peer, PeerState, Settings, WakeMode
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Cause, Death, ServerThread, SessionState, WakeCause
from roost.core.vocabulary.settings import apply_settings
from roost.errors import InvalidSettingError

THREAD = ServerThread("unix:/s", "t1", ProcessId("b", 7, 1))
SETTINGS = Settings("/w", "codex-thread", server="unix:/s")
PEER = Peer("p", "5eed", SETTINGS, 0.0)
POLICY = Policy(traits={"codex-thread": Traits(chooses_conversation=False, steers=True)})
DAY = 86400.0


def after(state: PeerState, *events: object, now: float = 1.0) -> tuple[PeerState, list[c.Command]]:
    commands: list[c.Command] = []
    for event in events:
        made, new = decide(state, event, now, POLICY)  # type: ignore[arg-type] -- one of the events
        assert made is not None
        state, commands = made, list(new)
    return state, commands


def joined() -> PeerState:
    state, commands = after(PeerState(PEER), r.Wake(WakeMode.NATURAL, "operator"))
    (launch,) = [command for command in commands if isinstance(command, c.Launch)]
    state, _ = after(
        state,
        f.ThreadJoined(launch.session.id, THREAD),
        f.Observed(launch.session.id, SessionState.IDLE, "at rest"),
    )
    return state


def died(state: PeerState, cause: Cause) -> f.Died:
    assert state.session is not None
    return f.Died(Death(state.session.id, "p", state.session.generation, 2.0, cause, evidence="told"))


def test_L7_a_joined_thread_is_the_sessions_conversation_and_is_never_put_to_sleep() -> None:
    state = joined()
    assert state.session is not None
    assert (state.session.thread, state.session.conversation, state.peer.conversation) == (THREAD, "t1", "t1")
    assert (state.session.state, state.session.ready) == (SessionState.IDLE, True)
    assert deadline(state, 1.0) is None
    assert after(state, f.Tick(), now=30 * DAY)[0].session == state.session


def test_L7_a_blocked_thread_is_not_taken_for_one_that_waits_for_its_conversation() -> None:
    state = joined()
    assert state.session is not None
    state, _ = after(state, f.Observed(state.session.id, SessionState.BLOCKED, "it asks"))
    assert state.session is not None
    assert not state.session.held


@pytest.mark.parametrize(
    "cause", [Cause.THREAD_CLOSED, Cause.THREAD_ARCHIVED, Cause.THREAD_UNLOADED, Cause.SERVER_GONE]
)
def test_L7_no_end_of_a_thread_counts_against_its_peer_and_its_next_wake_is_the_same_thread(
    cause: Cause,
) -> None:
    state = joined()
    for _ in range(5):
        state, commands = after(state, died(state, cause))
        assert not [command for command in commands if isinstance(command, c.Clear)]
        assert (state.session, state.peer.quarantine, state.peer.failures) == (None, None, 0)
        state, commands = after(state, r.Wake(WakeMode.NATURAL, "operator"))
        (launch,) = [command for command in commands if isinstance(command, c.Launch)]
        assert (launch.session.wake, launch.session.conversation) == (WakeCause.THREAD, "t1")
        state, _ = after(state, f.ThreadJoined(launch.session.id, THREAD))


def test_L7_a_server_that_is_away_is_no_fault_of_the_peer() -> None:
    state, _ = after(PeerState(PEER), r.Wake(WakeMode.NATURAL, "operator"))
    assert state.session is not None
    failed = f.BootFailed(state.session.id, "nobody listens", Blame.HOST)
    state, commands = after(state, failed)
    assert [type(command) for command in commands if isinstance(command, c.End)] == [c.End]
    state, _ = after(state, died(state, Cause.UNKNOWN))
    assert (state.session, state.peer.failures, state.peer.deaths) == (None, 0, ())
    assert state.peer.hindered is not None
    assert state.peer.hindered.why == "nobody listens"


def test_L7_an_end_that_is_asked_for_while_it_joins_is_asked_once_it_has() -> None:
    state, _ = after(PeerState(PEER), r.Wake(WakeMode.NATURAL, "operator"), r.Stop("operator"))
    assert state.session is not None
    state, commands = after(state, f.ThreadJoined(state.session.id, THREAD))
    (end,) = [command for command in commands if isinstance(command, c.End)]
    assert (end.cause, end.session.thread) == (Cause.OPERATOR_STOP, THREAD)


def test_17_a_thread_that_leaves_is_let_go_of_and_parked_and_its_mail_waits() -> None:
    state = joined()
    assert state.session is not None
    state, commands = after(state, r.Leave(state.session.id, "p"))
    (end,) = [command for command in commands if isinstance(command, c.End)]
    assert (end.cause, end.by, end.guarded, state.peer.stopped) == (Cause.LEFT, "p", False, True)
    state, _ = after(state, died(state, Cause.UNKNOWN))
    waiting = Message(id="m1", sender="bob", to="p", created_at=1.0, size=1, digest="d")
    state, commands = after(state, r.Submit(waiting))
    assert (state.session, state.queued) == (None, 1)
    assert not [command for command in commands if isinstance(command, c.Launch)]


@pytest.mark.parametrize(
    ("pinned", "mode", "fresh_next", "expected"),
    [
        (True, WakeMode.NATURAL, False, WakeDecision(resume=True, cause=WakeCause.THREAD)),
        (True, WakeMode.FRESH, False, WakeDecision(resume=True, cause=WakeCause.THREAD)),
        (True, WakeMode.NATURAL, True, WakeDecision(resume=True, cause=WakeCause.THREAD)),
        (False, WakeMode.NATURAL, False, WakeDecision(resume=True, cause=WakeCause.THREAD)),
        (False, WakeMode.FRESH, False, WakeDecision(resume=False, cause=WakeCause.OPERATOR_FRESH)),
        (False, WakeMode.NATURAL, True, WakeDecision(resume=False, cause=WakeCause.REFRESH)),
    ],
)
def test_L7_a_thread_goes_on_unless_it_is_roosts_own_and_a_fresh_one_is_asked_for(
    pinned: bool, mode: WakeMode, fresh_next: bool, expected: WakeDecision
) -> None:
    settings = replace(SETTINGS, thread="t1") if pinned else SETTINGS
    peer = replace(PEER, settings=settings, fresh_next=fresh_next, conversation="t1")
    peer = replace(peer, last_death=LastDeath(Cause.SERVER_GONE, 1.0, cut=False))
    assert decide_wake(peer, mode, None, cut=False, resumable=True) == expected


def test_L7_a_thread_that_was_named_is_joined_at_the_first_wake() -> None:
    peer = replace(PEER, settings=replace(SETTINGS, thread="t9"))
    state, _ = after(PeerState(peer), r.Wake(WakeMode.NATURAL, "operator"))
    assert state.session is not None
    assert (state.session.resumed, state.session.conversation) == (True, "t9")


@pytest.mark.parametrize(
    ("pairs", "words"),
    [
        ([("wake", "ephemeral")], "one conversation that goes on"),
        ([("pool", "2")], "one conversation that goes on"),
        ([("server", ""), ("thread", "t1")], "give its address"),
    ],
)
def test_L7_settings_that_make_no_sense_for_a_thread_are_refused(
    pairs: list[tuple[str, str]], words: str
) -> None:
    with pytest.raises(InvalidSettingError, match=words):
        apply_settings(SETTINGS, pairs)


def verdict(*facts: tuple[Sight, Source], age: float = 1.0) -> tuple[Life, bool]:
    seen = [Fact(sight, source, 0.0, "s", "seen") for sight, source in facts]
    found = judge("s", seen, 0.0, 0.0, age, Patience())
    return found.life, found.proven


@pytest.mark.parametrize(
    ("facts", "age", "expected"),
    [
        ([(Sight.RUNS, Source.SERVER)], 1.0, (Life.ALIVE, False)),
        ([(Sight.RUNS, Source.SERVER)], 30 * DAY, (Life.ALIVE, False)),
        ([(Sight.ENDED, Source.PROCESS)], 1.0, (Life.DEAD, True)),
        ([(Sight.ENDED, Source.SERVER)], 1.0, (Life.DEAD, True)),
        ([(Sight.SILENT, Source.SERVER)], 1.0, (Life.UNKNOWN, False)),
        ([(Sight.SILENT, Source.SERVER)], 6 * DAY, (Life.UNKNOWN, False)),
        ([(Sight.SILENT, Source.SERVER)], 7 * DAY, (Life.DEAD, False)),
    ],
)
def test_L3_L4_the_ladder_of_a_thread(
    facts: list[tuple[Sight, Source]], age: float, expected: tuple[Life, bool]
) -> None:
    assert verdict(*facts, age=age) == expected


def test_L7_a_live_peer_is_not_moved_between_its_own_server_and_that_of_somebody_else() -> None:
    """What ends a session would be chosen by the wrong settings."""
    state = joined()
    _, commands = after(state, r.Configure(replace(SETTINGS, server="")))
    assert isinstance(commands[0], c.Refuse)
    assert "whose server" in str(commands[0].error)
    _, commands = after(state, r.Configure(replace(SETTINGS, server="unix:/other")))
    assert not any(isinstance(command, c.Refuse) for command in commands)
