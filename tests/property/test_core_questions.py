"""Whatever happens in whatever order: a question is given one answer at a time, and none after its end."""

from hypothesis import given, settings
from hypothesis import strategies as st

from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from roost.core.vocabulary.question import Asking, Option, QuestionState
from roost.core.vocabulary.session import SessionState
from tests.support.playbook import Play

OPTIONS = (Option("yes", "Yes", "allow_once"), Option("no", "No", "reject_once"))
ASKS = tuple(Asking(name, f"may I {name}?", OPTIONS) for name in ("a", "b", "c"))
ACTS = st.lists(
    st.one_of(
        st.tuples(st.just("seen"), st.sets(st.sampled_from(range(3)))),
        st.tuples(st.just("unknown"), st.just(0)),
        st.tuples(st.sampled_from(["answer", "deny", "given", "failed", "lost"]), st.integers(0, 7)),
    ),
    max_size=40,
)


@given(ACTS)
@settings(max_examples=200, deadline=None)
def test_a_question_is_given_one_answer_at_a_time_and_none_after_its_end(
    acts: list[tuple[str, set[int] | int]],
) -> None:
    play = Play()
    play.busy()
    over: dict[str, QuestionState] = {}
    for kind, what in acts:
        before = {each.id: each for each in play.session.questions}
        if isinstance(what, set):
            asks = tuple(ASKS[number] for number in sorted(what))
            state = SessionState.BLOCKED if asks else SessionState.WORKING
            play.tell(f.Observed(play.session.id, state, "seen", asks=asks), after=1.0)
        elif kind == "unknown":
            play.tell(f.Observed(play.session.id, SessionState.UNKNOWN, "dark"), after=1.0)
        elif before:
            chosen = list(before.values())[what % len(before)]
            failed = None if kind == "given" else "why"
            event = {
                "answer": r.Answer(chosen.id, "yes", "op"),
                "deny": r.Deny(chosen.id, "op"),
            }.get(kind) or f.AnswerGiven(play.session.id, chosen.id, chosen.at, failed, kind == "lost")
            play.tell(event, after=1.0)
            refused = any(isinstance(each, c.Refuse) for each in play.commands)
            if kind in ("answer", "deny"):
                assert refused == (chosen.state is not QuestionState.OPEN)
        gives = [each for each in play.commands if isinstance(each, c.GiveAnswer)]
        assert len(gives) <= (kind in ("answer", "deny")), "only who answers has an answer given"
        for effect in gives:
            assert before[effect.question.id].state is QuestionState.OPEN
        now = {each.id: each for each in play.session.questions}
        for name, state in over.items():
            assert name not in now or now[name].state is state, "what is over stays so"
        over |= {
            each.id: each.state
            for each in now.values()
            if each.state in (QuestionState.ANSWERED, QuestionState.GONE)
        }
        assert len(now) == len(play.session.questions)
        assert all(each.id in now for each in before.values() if each.pending), "nothing open is forgotten"
        if isinstance(what, set):
            assert set(play.session.asks) == {ASKS[number] for number in what}
