"""What becomes of a wake whose conversation is gone, and who is told."""

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.peer import ResumePolicy, WakeMode
from roost.core.vocabulary.session import SessionState
from tests.support.playbook import RUNNING, Play


def test_a_conversation_that_is_gone_gets_the_body_again_and_its_sender_hears_of_it() -> None:
    play = Play()
    play.busy()
    play.died()
    play.tell(f.Tick(), after=1)
    gone = play.session.conversation
    assert play.session.why == "looking for its conversation"
    assert play.tell(f.ConversationMissing(play.session.id)) == ["starting(conversation-gone)", "Launch"]
    fresh = f"conversation {gone} is not on disk"
    assert c.SaveAttempt(f"{1:032x}", play.session.id, "fresh", fresh) in play.commands
    assert play.session.why == "starting a fresh conversation"
    assert play.ready() == ["ready", "offered", "Notify fresh conversation", "Offer 1"]


def test_C7_who_writes_first_to_a_session_that_lost_its_conversation_is_told_and_nobody_after() -> None:
    """Also where nobody waited for the wake."""
    play = Play(resume=ResumePolicy.ALWAYS)
    play.busy()
    play.ended()
    play.tell(r.Rest("op"))
    play.died()
    play.tell(r.Wake(WakeMode.NATURAL, "op"))
    play.tell(f.ConversationMissing(play.session.id))
    play.ready()
    assert "Notify fresh conversation" in play.submit(2)
    (told,) = [each for each in play.commands if isinstance(each, c.Notify)]
    assert told.notice.why == (
        "'p' was woken fresh, as its conversation is not on disk: it knows nothing of what was said before"
    )
    play.taken(2)
    play.ended()
    assert "Notify fresh conversation" not in play.submit(3)


def test_what_resumes_says_so_once_its_conversation_was_found() -> None:
    play = Play(resume=ResumePolicy.ALWAYS)
    play.busy()
    play.ended()
    play.tell(r.Rest("op"))
    play.died()
    play.submit(2)
    assert play.session.why == "looking for its conversation"
    play.tell(f.Launched(play.session.id, RUNNING))
    assert play.session.why == "resuming its conversation"


def test_a_resume_that_fails_falls_back_to_a_fresh_session() -> None:
    play = Play()
    play.busy()
    play.died()
    play.tell(f.Tick(), after=1)
    play.died()
    assert play.tell(f.Tick(), after=2) == ["starting(resume-failed)", "Launch"]
    assert play.ready() == ["ready", "offered", "Notify fresh conversation", "Offer 1"]


def test_a_program_that_begins_another_conversation_than_it_was_to_resume_has_not_resumed() -> None:
    """N5: the registry does not say that it goes on; what was cut off is given whole."""
    play = Play()
    play.busy()
    play.died()
    play.tell(f.Tick(), after=1)
    assert play.session.resumed
    seen = play.tell(f.Observed(play.session.id, SessionState.STARTING, "begun", "another"))
    assert seen == ["starting(resume-failed)"]
    assert (play.session.resumed, play.session.conversation) == (False, "another")
    assert any(isinstance(each, c.SaveAttempt) and each.outcome == "fresh" for each in play.commands)
    assert play.ready() == ["ready", "offered", "Notify fresh conversation", "Offer 1"]


def test_an_operators_resume_with_nothing_to_resume_fails_aloud() -> None:
    play = Play()
    assert play.tell(r.Wake(WakeMode.RESUME, "op")) == ["Refuse RefusedError"]
    play.busy()
    play.ended()
    play.tell(r.Rest("op"))
    play.died()
    play.tell(r.Wake(WakeMode.RESUME, "op"))
    gone = play.tell(f.ConversationMissing(play.session.id))
    assert gone == ["stopping(boot-failed)", "End boot-failed"]
