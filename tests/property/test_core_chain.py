"""Agents that answer whatever comes, in any order and by any way: the bound holds, and a person goes on."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from roost.core.messages.chain import beyond, chain_after
from roost.core.vocabulary.message import Message, Origin
from roost.core.vocabulary.peer import Settings
from tests.support.playbook import mail


@given(
    limit=st.integers(1, 8),
    peers=st.integers(2, 4),
    moves=st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), max_size=120),
)
def test_no_agent_is_sent_more_in_a_row_than_the_bound(
    limit: int, peers: int, moves: list[tuple[int, bool, bool]]
) -> None:
    """Each move: whom the last recipient writes to, whether as an answer, whether a person speaks."""
    settings = Settings("/", "demo", chain_limit=limit)
    turn, in_a_row = mail(0, 0.0, to="p0"), 0
    for number, (to, answers, person) in enumerate(moves, 1):
        sent: Message = mail(number, float(number), to=f"p{to % peers}")
        if person:
            turn, in_a_row = sent, 0
            continue
        origin = Origin(chain=chain_after(sent.id, [turn], turn if answers else None))
        sent = replace(sent, sender=turn.to, origin=origin)
        refused = beyond(settings, sent.chain, sent.to)
        assert (refused is not None) == (in_a_row >= limit)
        if refused is None:
            turn, in_a_row = sent, in_a_row + 1
