"""Playbooks of questions: opened, answered once, gone; rules and expiry are the operator's, and off (C10)."""

import pytest
from msgspec.structs import replace

from roost.core.decide import deadline
from roost.core.messages.delays import AFTER
from roost.core.sessions.allowing import allowed_by
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.question import (
    MOST_TEXT,
    AllowRule,
    Asking,
    Option,
    Question,
    QuestionState,
    Source,
)
from roost.core.vocabulary.session import SessionState
from roost.errors import NotFoundError, RefusedError, UsageError
from tests.support.playbook import POLICY, Play

YES = Option("yes", "Allow once", "allow_once")
NO = Option("no", "Reject", "reject_once", text=True)
ASKING = Asking("q1", "Bash: git status", (YES, NO), tool="Bash", command="git status")


def seen(play: Play, *asks: Asking) -> list[str]:
    state = SessionState.BLOCKED if asks else SessionState.WORKING
    return play.tell(f.Observed(play.session.id, state, "a dialog is open", asks=asks))


def asked(**policy: object) -> Play:
    play = Play()
    play.policy = replace(POLICY, **policy)
    play.busy()
    seen(play, ASKING)
    return play


def question(play: Play) -> Question:
    return play.session.questions[-1]


def answer(play: Play, option: str = "yes", text: str = "") -> list[str]:
    return play.tell(r.Answer(question(play).id, option, "op", text))


def given(play: Play, failed: str | None = None, *, doubt: bool = False) -> list[str]:
    known = question(play)
    return play.tell(f.AnswerGiven(play.session.id, known.id, known.at, failed, doubt))


def refusal(play: Play) -> str:
    (refused,) = (each for each in play.commands if isinstance(each, c.Refuse))
    assert isinstance(refused.error, RefusedError | UsageError | NotFoundError)
    return refused.error.message


def test_a_question_is_opened_once_answered_once_and_over_when_it_is_asked_no_more() -> None:
    play = asked()
    assert question(play).state is QuestionState.OPEN
    assert seen(play, ASKING) == []
    assert answer(play) == ["answering"]
    assert answer(play, "no") == ["Refuse RefusedError"]
    assert "being answered already: 'Allow once', by op" in refusal(play)
    assert given(play) == ["answered"]
    assert answer(play) == ["Refuse RefusedError"]
    assert "was answered already" in refusal(play)
    assert seen(play) == ["working"]
    assert seen(play, ASKING)[0] == "question", "asked once more, it is another question"
    assert len({each.id for each in play.session.questions}) == 2


@pytest.mark.parametrize("word", ["yes", "allow ONCE", "1"])
def test_an_option_is_named_by_its_id_its_words_or_its_number(word: str) -> None:
    play = asked()
    assert answer(play, word) == ["answering"]
    assert question(play).option == "yes"


def test_what_cannot_be_answered_so_is_refused_aloud_and_changes_nothing() -> None:
    play = asked()
    for option in ("perhaps", "0", "3", "²", "9" * 5000):
        assert answer(play, option) == ["Refuse UsageError"]
    assert "its options are yes (Allow once), no (Reject)" in refusal(play)
    assert answer(play, "yes", "be quick") == ["Refuse RefusedError"]
    assert play.tell(r.Answer("beef", "yes", "op")) == ["Refuse NotFoundError"]
    assert question(play).state is QuestionState.OPEN
    assert play.tell(r.Deny(question(play).id, "op", "not now")) == ["answering"]
    assert (question(play).option, question(play).text) == ("no", "not now")


def test_one_that_was_answered_in_the_program_is_gone_and_that_is_said() -> None:
    play = asked()
    assert seen(play) == ["question-gone", "working"]
    assert answer(play) == ["Refuse RefusedError"]
    assert "asked no more" in refusal(play)


def test_an_answer_that_did_not_arrive_leaves_it_open_while_it_is_asked_and_else_gone() -> None:
    play = asked()
    answer(play)
    assert given(play, "it is deaf") == ["not-answered"]
    assert question(play).state is QuestionState.OPEN
    assert "the answer 'Allow once' by op was not given: it is deaf" in question(play).why
    answer(play)
    assert seen(play) == ["working"], "its own end tells what became of it"
    assert given(play, "the connection broke", doubt=True) == ["not-answered", "question-gone"]
    assert question(play).state is QuestionState.GONE
    assert "whether the answer 'Allow once' by op arrived is not known" in question(play).why


def test_nothing_expires_by_itself_and_what_the_operator_lets_expire_is_denied_once() -> None:
    play = asked()
    assert play.tell(f.Tick(), after=1e6) == ["Notify blocked"]
    assert question(play).state is QuestionState.OPEN
    play = asked(expire=60.0)
    at = question(play).since + 60.0
    assert deadline(play.state, play.now + AFTER, play.policy) == at
    assert "answering" in play.tell(f.Tick(), after=60.0)
    assert (question(play).option, question(play).by) == ("no", "roost ([questions] expire)")
    assert given(play, "it is deaf") == ["not-answered"]
    assert play.tell(f.Tick(), after=1e6) == []
    play = Play()
    play.policy = replace(POLICY, expire=60.0)
    play.busy()
    seen(play, replace(ASKING, options=(YES,)))
    play.tell(f.Tick(), after=60.0)
    assert question(play).state is QuestionState.OPEN
    assert "no option is known to deny it" in question(play).why


def test_a_clock_that_is_set_lets_no_question_expire() -> None:
    play = asked(expire=60.0)
    play.tell(f.ClockMoved(3600.0, 3600.0), after=3600.0)
    assert question(play).state is QuestionState.OPEN


def test_what_a_rule_allows_is_answered_at_once_and_told_with_the_rule() -> None:
    play = asked(allow=(AllowRule(1, tool="Bash", command=("git", "status")),))
    assert sum(isinstance(each, c.GiveAnswer) for each in play.commands) == 1
    assert (question(play).option, question(play).by) == ("yes", "questions.allow rule 1")


@pytest.mark.parametrize(
    ("rule", "asking", "allows"),
    [
        (AllowRule(1, tool="Bash"), ASKING, True),
        (AllowRule(1, tool="Read"), ASKING, False),
        (AllowRule(1, tool="Bash", peer="p"), ASKING, True),
        (AllowRule(1, tool="Bash", peer="q"), ASKING, False),
        (AllowRule(1, command=("git",)), ASKING, True),
        (AllowRule(1, command=("git", "stat")), ASKING, False),
        (AllowRule(1, command=("git",)), replace(ASKING, command="gitk"), False),
        *(
            (AllowRule(1, command=("git",)), replace(ASKING, command=f"git {evil}"), False)
            for evil in ("; rm x", "&& rm x", "| sh", "$(rm x)", "`rm x`", "\nrm x", "> x", "'open")
        ),
        (AllowRule(1, command=("git",)), replace(ASKING, command=""), False),
        (AllowRule(1, tool="Bash"), replace(ASKING, source=Source.SCREEN), False),
    ],
)
def test_a_rule_covers_what_it_says_and_no_more(rule: AllowRule, asking: Asking, *, allows: bool) -> None:
    assert (allowed_by((rule,), asking, "p") is rule) == allows


def test_a_text_without_an_end_is_kept_up_to_a_bound_and_is_one_question() -> None:
    play = Play()
    play.busy()
    endless = replace(ASKING, text="x" * 10**6)
    seen(play, endless)
    seen(play, endless)
    assert [len(each.asking.text) for each in play.session.questions] == [MOST_TEXT]


def test_C10_who_sent_the_task_hears_that_it_waits_for_a_person() -> None:
    play = asked()
    assert play.tell(f.Tick(), after=AFTER) == ["Notify blocked"]
    (told,) = (each for each in play.commands if isinstance(each, c.Notify))
    assert "waits for a person to answer it" in told.notice.why
