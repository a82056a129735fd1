"""Messages that want an answer by a time, answered whenever: silence is told once or never, as was so."""

from hypothesis import given
from hypothesis import strategies as st

from roost.core.decide import deadline
from roost.core.messages.awaited import NO_ANSWER
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary import requests as r
from tests.support.playbook import Play

MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("asks"), st.integers(0, 5), st.integers(1, 40)),
        st.tuples(st.just("answer"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("refused"), st.integers(0, 5), st.just(0)),
        st.tuples(st.just("later"), st.integers(1, 25), st.just(0)),
    ),
    max_size=60,
)


@given(runtime=st.sampled_from(["human", "demo"]), moves=MOVES)
def test_N1_silence_is_told_once_and_only_where_no_answer_had_come(
    runtime: str, moves: list[tuple[str, int, int]]
) -> None:
    """Time passes as a daemon's does that ticks at each deadline, or that was dead and ticks late."""
    play = Play(runtime=runtime)
    due: dict[int, float] = {}
    asked: set[int] = set()
    told: list[str] = []
    expected: list[str] = []

    def heard() -> None:
        told.extend(
            each.notice.about
            for each in play.commands
            if isinstance(each, c.Notify) and each.notice.outcome == NO_ANSWER
        )

    for number, (move, what, within) in enumerate(moves, 100):
        ident = f"{what:032x}"
        match move:
            case "asks" if what not in asked:
                asked.add(what)
                due[what] = play.now + within
                play.tell(r.AwaitReply(ident, float(within)))
            case "answer":
                due.pop(what, None)
                play.submit(number, reply_to=ident)
            case "refused":
                due.pop(what, None)
                play.tell(f.NotSent(ident))
            case "later":
                play.tell(f.Tick(), after=what)
                over = sorted((at, one) for one, at in due.items() if at <= play.now)
                expected += [f"{one:032x}" for _, one in over]
                for _, one in over:
                    del due[one]
            case _:
                continue
        heard()
        assert sorted(told) == sorted(expected)
        assert len(set(told)) == len(told)
        first = min(due.values(), default=None)
        if first is not None:
            at = deadline(play.state, play.now)
            assert at is not None
            assert at <= first
