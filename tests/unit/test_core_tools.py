"""An agent whose daemon went away as it asked for its tools begins anew with them (N8, P13)."""

from typing import Any

import pytest
from msgspec.structs import replace

from roost.core.messages.envelope import stands_alone, wrap
from roost.core.sessions.sweep import PARKED
from roost.core.transition.ending import AT_REST, VETOABLE
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.message import MessageState, Notice, Timing
from roost.core.vocabulary.peer import ResumePolicy, Settings, WakeMode, WakePolicy
from roost.core.vocabulary.policy import Policy, Traits
from roost.core.vocabulary.session import Cause, SessionState, Tools, WakeCause
from roost.core.vocabulary.view import shown
from tests.support.playbook import RUNNING, Play, mail

ENDS = ["stopping(tools-missing)", "End tools-missing guarded"]


def play(**settings: Any) -> Play:  # noqa: ANN401 -- fields of a row
    """A peer whose program asks for the tools once."""
    made = Play(**settings)
    made.policy = Policy({"demo": Traits(asks_once=True)})
    return made


def idle(**settings: Any) -> Play:  # noqa: ANN401 -- as above
    """One whose session is at its prompt and has not asked yet."""
    made = play(**settings)
    made.tell(r.Wake(WakeMode.NATURAL, "op"))
    made.ready()
    return made


def doubted(**settings: Any) -> Play:  # noqa: ANN401 -- as above
    """One whose daemon was replaced meanwhile."""
    made = idle(**settings)
    assert made.tell(f.Adopted(made.session.id)) == ["adopted"]
    assert made.session.tools is Tools.DOUBTED
    return made


def test_a_program_that_asks_at_any_time_is_never_doubted() -> None:
    made = Play()
    made.tell(r.Wake(WakeMode.NATURAL, "op"))
    assert made.session.tools is Tools.GIVEN
    made.ready()
    made.tell(f.Adopted(made.session.id))
    assert made.submit()[-1] == "Offer 1"


def test_one_that_has_asked_is_not_doubted_and_one_that_asks_later_is_not_any_more() -> None:
    made = idle()
    assert made.session.tools is Tools.AWAITED
    made.tell(f.ToolsGiven(made.session.id), f.Adopted(made.session.id))
    assert made.submit()[-1] == "Offer 1"
    late = doubted()
    late.tell(f.ToolsGiven(late.session.id))
    assert late.submit()[-1] == "Offer 1"


def test_without_a_restart_of_the_daemon_nothing_is_doubted() -> None:
    made = idle()
    assert made.submit()[-1] == "Offer 1"
    assert not made.session.by_command


def test_N8_it_rests_until_mail_comes_and_then_begins_anew_in_its_conversation() -> None:
    made = doubted(resume=ResumePolicy.NEVER)
    conversation = made.session.conversation
    assert made.session.state is SessionState.IDLE
    assert "without its tools" in shown(made.state, made.now).why
    assert made.submit() == ["queued", *ENDS]
    assert made.died(Cause.TOOLS_MISSING) == ["stopped(tools-missing)", "starting(tools-missing)", "Launch"]
    assert (made.session.conversation, made.session.resumed) == (conversation, True)
    assert (made.session.wake, made.session.tools) == (WakeCause.TOOLS_MISSING, Tools.AWAITED)
    assert made.ready()[-1] == "Offer 1"
    made.taken()
    made.ended()
    assert not made.state.messages


def test_N8_a_turn_that_ended_without_tools_is_driven_again_once() -> None:
    made = idle()
    made.busy()
    made.tell(f.Adopted(made.session.id))
    assert made.session.state is SessionState.IDLE
    assert made.ended() == ENDS
    assert made.message().cut
    assert made.died(Cause.TOOLS_MISSING)[-2:] == ["starting(redrive)", "Launch"]
    assert made.ready()[-1] == "Redrive 1"
    made.tell(f.Adopted(made.session.id))
    made.taken()
    made.ended()
    assert not made.state.messages


def test_an_answer_by_a_tool_ends_the_doubt() -> None:
    made = idle()
    made.busy()
    made.tell(f.Adopted(made.session.id), f.ToolsGiven(made.session.id))
    made.ended()
    assert not made.state.messages


@pytest.mark.parametrize("timing", [Timing.NEXT, Timing.NOW])
def test_where_it_cannot_end_now_it_gets_its_mail_and_answers_by_commands(timing: Timing) -> None:
    made = doubted()
    assert made.submit(timing=timing) == ["queued", *ENDS]
    ending = made.session.id
    told = made.tell(f.EndVetoed(ending, "a person works in its terminal", made.now + 60))
    assert told[-1] == "Offer 1"
    assert made.session.id == ending
    assert made.session.by_command


@pytest.mark.parametrize("fields", [{"timing": Timing.IDLE}, {"notice": Notice("0", "done", "it is done")}])
def test_what_would_wake_nobody_ends_nothing(fields: dict[str, Any]) -> None:
    assert doubted().submit(**fields)[-1] == "Offer 1"


def test_what_nothing_wakes_is_not_ended() -> None:
    made = doubted()
    made.state = replace(made.state, peer=replace(made.state.peer, settings=never(made)))
    assert made.submit()[-1] == "Offer 1"


def never(made: Play) -> Settings:
    return replace(made.state.peer.settings, wake=WakePolicy.NEVER)


def test_N5_it_is_guarded_as_a_sleep_is_and_is_a_clean_end() -> None:
    assert Cause.TOOLS_MISSING in AT_REST <= VETOABLE
    assert Cause.TOOLS_MISSING not in PARKED  # its own row of the wake table resumes it


def test_a_task_of_an_ephemeral_peer_is_driven_again_where_it_is() -> None:
    made = play(wake=WakePolicy.EPHEMERAL)
    made.busy()
    made.tell(f.Adopted(made.session.id))
    assert made.ended()[-1] == "Redrive 1"
    assert made.session.by_command


def test_the_text_that_asks_for_an_answer_by_command_is_seen_to_stand_alone() -> None:
    message = mail(7)
    text = wrap(message, "do it", "ab", by_command=True)
    assert stands_alone(text, message.id)
    assert not stands_alone(text + " and more", message.id)


def test_a_session_that_is_still_starting_is_adopted_and_doubted() -> None:
    made = play()
    made.submit()
    made.tell(f.Launched(made.session.id, RUNNING), f.Adopted(made.session.id))
    assert made.tell(made.seen(SessionState.IDLE)) == ["ready", *ENDS]
    assert made.message().state is MessageState.QUEUED


def test_what_may_not_go_on_with_what_was_said_stays_and_answers_by_commands() -> None:
    made = play()
    made.policy = Policy({"demo": Traits(asks_once=True, reloads=False)})
    made.busy()
    made.tell(f.Adopted(made.session.id))
    assert made.ended()[-1] == "Redrive 1"
    assert made.session.by_command
    made.taken()
    made.ended()
    made.submit(2)
    made.taken(2)
    made.ended()
    assert not made.state.messages, "what is to be answered by a command is driven once"
    fresh = play()
    fresh.policy = made.policy
    fresh.tell(r.Wake(WakeMode.NATURAL, "op"))
    fresh.ready()
    fresh.tell(f.Adopted(fresh.session.id))
    assert fresh.submit() == ["queued", *ENDS]


def test_on_a_host_that_shuts_down_it_is_not_ended() -> None:
    made = doubted()
    made.policy = replace(made.policy, waking=False)
    assert made.submit()[-1] == "Offer 1"


def test_in_a_persons_own_terminal_it_is_never_ended() -> None:
    made = doubted()
    session = replace(made.session, own_terminal=True)
    made.state = replace(made.state, session=session)
    assert "End" not in " ".join(made.submit())
