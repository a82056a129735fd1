"""C1, C4, C9, C10: work beside turns, refusals, and who hears of a wait."""

from roost.core.decide import deadline
from roost.core.messages.delays import AFTER
from roost.core.transition.ending import policy_end
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.peer import WakePolicy
from roost.core.vocabulary.session import Cause, SessionState
from roost.faults import Fault
from tests.support.playbook import Play

LIMIT = 14400.0


def seen(play: Play, state: SessionState, background: str = "", why: str = "seen") -> list[str]:
    return play.tell(f.Observed(play.session.id, state, why, background=background))


def at_rest(play: Play, background: str) -> None:
    play.busy()
    play.ended()
    seen(play, SessionState.IDLE, background)


def due_in(play: Play) -> float:
    due = policy_end(play.state)
    assert due is not None
    return due.at - play.now


def test_C1_C9_work_in_the_background_keeps_a_session_up_to_its_bound() -> None:
    play = Play()
    at_rest(play, "runs make")
    assert due_in(play) == LIMIT
    assert play.tell(f.Tick(), after=LIMIT - 1) == []
    assert seen(play, SessionState.IDLE) == []
    assert due_in(play) == 30, "its end is a sign of life"
    assert play.tell(f.Tick(), after=30) == ["stopping(idle-sleep)", "End idle-sleep guarded"]


def test_C1_the_bound_of_work_is_said_with_what_it_ends() -> None:
    play = Play()
    at_rest(play, "runs make")
    assert play.tell(f.Tick(), after=LIMIT) == ["stopping(idle-sleep)", "End idle-sleep guarded"]
    assert "in the background: runs make" in play.session.why


def test_C1_what_runs_in_the_background_holds_no_message_up() -> None:
    play = Play()
    at_rest(play, "runs make")
    assert play.submit(2) == ["queued", "offered", "Offer 2"]


def test_C1_C10_silence_does_not_count_while_a_worker_works_or_asks() -> None:
    for state, background in (
        (SessionState.IDLE, "runs make"),
        (SessionState.BLOCKED, ""),
    ):
        play = Play(wake=WakePolicy.EPHEMERAL)
        play.busy()
        seen(play, state, background)
        assert due_in(play) == LIMIT, state
    seen(play, SessionState.IDLE)
    assert due_in(play) == 9


def test_P4_a_turn_in_which_something_happens_is_not_silent_up_to_its_bound() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    seen(play, SessionState.WORKING)
    for _ in range(1999):
        assert play.tell(f.Tick(), after=7.2) == []
        assert seen(play, SessionState.WORKING) == []
    assert play.tell(f.Tick(), after=7.2) == ["stopping(ephemeral-silent)", "End ephemeral-silent guarded"]
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    seen(play, SessionState.WORKING)
    assert due_in(play) == 9


def test_N1_a_worker_that_ends_unanswered_after_its_turn_is_told_of() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    play.ended()
    assert play.tell(f.Tick(), after=60) == ["stopping(ephemeral-silent)", "End ephemeral-silent guarded"]
    assert play.died(Cause.EPHEMERAL_SILENT) == ["Notify unanswered", "stopped(ephemeral-silent)"]


def test_N1_a_worker_that_ends_silent_in_its_turn_is_told_of_once() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    seen(play, SessionState.WORKING)
    play.tell(f.Tick(), after=9)
    assert play.died(Cause.EPHEMERAL_SILENT) == ["dead-letter", "Notify died", "stopped(ephemeral-silent)"]


def test_C10_senders_of_all_that_waits_hear_once_what_it_waits_for() -> None:
    play = Play()
    play.busy()
    play.submit(2)
    assert seen(play, SessionState.BLOCKED, why="a dialog is open: Allow?") == ["blocked"]
    assert deadline(play.state, play.now) == play.now + AFTER
    assert play.tell(f.Tick(), after=AFTER) == ["Notify blocked", "Notify blocked"]
    told = [command.notice.why for command in play.commands if isinstance(command, c.Notify)]
    assert "has the message and cannot go on with it by itself: a dialog is open: Allow?" in told[0]
    assert "takes no messages now: a dialog is open: Allow?" in told[1]
    assert play.tell(f.Tick(), after=3600) == []
    assert play.submit(3) == ["queued", "Notify blocked"]
    assert seen(play, SessionState.WORKING) == ["working"]
    assert seen(play, SessionState.BLOCKED, why="a dialog is open: Allow?") == ["blocked"]
    assert play.tell(f.Tick(), after=AFTER) == ["Notify blocked"] * 3, "each has the id of the first"


def test_C13_an_offer_that_cannot_go_on_is_told_once() -> None:
    play = Play()
    play.submit()
    play.ready()
    assert play.tell(f.Tick(), after=AFTER) == [], "nothing is in its way"
    play.tell(f.OfferWaits(play.session.id, play.message().id, 1, "a draft stands in its input line"))
    assert [command.notice.outcome for command in play.commands if isinstance(command, c.Notify)] == ["waits"]
    assert play.tell(f.Tick(), after=3600) == []


def test_C13_an_end_that_begins_says_nothing_more_of_an_offer_that_could_not_go_on() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.submit()
    play.ready()
    play.tell(f.OfferWaits(play.session.id, play.message().id, 1, "a draft stands in its input line"))
    play.tell(f.Tick(), after=AFTER)
    assert play.session.told
    assert play.tell(f.Tick(), after=9) == ["stopping(ephemeral-silent)", "End ephemeral-silent guarded"]
    [ended] = [command.session for command in play.commands if isinstance(command, c.End)]
    assert ended == play.session, "the end is asked for what is stored"
    assert play.tell(f.Tick(), after=3600) == []


def test_C4_what_a_hook_refused_ends_with_its_words_whether_it_was_recorded_or_not() -> None:
    for taken in (False, True):
        play = Play()
        play.submit()
        play.submit(2)
        play.ready()
        if taken:
            play.taken()
        rejected = f.Rejected(play.session.id, play.message().id, "no such words")
        assert play.tell(rejected) == ["dead-letter", "Notify refused", "offered", "Offer 2"]
        saved = [command.message for command in play.commands if isinstance(command, c.SaveMessage)]
        assert saved[0].state is MessageState.DEAD_LETTER
        assert saved[0].why == "a hook refused the prompt: no such words"
        assert play.tell(rejected) == []


def test_C4_what_the_program_itself_refused_is_no_hooks_doing() -> None:
    play = Play()
    play.submit()
    play.ready()
    play.tell(f.Rejected(play.session.id, play.message().id, "no more turns", by="its program"))
    saved = [command.message for command in play.commands if isinstance(command, c.SaveMessage)]
    assert saved[0].why == "its program refused the prompt: no more turns"


def test_N5_a_person_puts_off_the_end_of_a_worker_and_it_ends_after_all() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    play.ended()
    assert play.tell(f.Tick(), after=9) == ["stopping(ephemeral-silent)", "End ephemeral-silent guarded"]
    veto = f.EndVetoed(play.session.id, "a person works in its terminal", play.now + 600)
    assert play.tell(veto) == ["idle"]
    assert due_in(play) == 600
    assert play.tell(f.Tick(), after=600)[-1] == "End ephemeral-silent guarded"


def test_N5_who_was_at_a_terminal_before_a_turn_does_not_hold_its_worker_after_it() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    play.tell(f.Replied(f"{1:032x}", "reply"))
    play.ended()
    seen(play, SessionState.IDLE)
    assert play.tell(f.Tick(), after=9)[-1] == "End ephemeral-done guarded"
    play.tell(f.EndVetoed(play.session.id, "a person works in its terminal", play.now + 600))
    seen(play, SessionState.WORKING)
    seen(play, SessionState.IDLE)
    due = due_in(play)
    assert due is not None
    assert due < 60
    assert play.tell(f.Tick(), after=due)[-1] == "End ephemeral-done guarded"


def test_P4_a_task_that_was_answered_and_is_driven_again_keeps_its_session() -> None:
    play = Play(wake=WakePolicy.EPHEMERAL)
    play.busy()
    play.tell(f.Replied(f"{1:032x}", "reply"))
    play.ended("overloaded", fault=Fault.SERVICE)
    seen(play, SessionState.IDLE)
    assert play.message().cut
    assert play.tell(f.Tick(), after=4) == [], "quiet for longer than it has to be"
    assert play.tell(f.Tick(), after=1) == ["offered", "Redrive 1"]
