"""How many messages agents may send each other without a person's word."""

from msgspec.structs import replace

from roost.core.messages.chain import chain_after, chain_from
from roost.core.vocabulary import commands as c
from roost.core.vocabulary import facts as f
from roost.core.vocabulary.identity import OPERATOR, SYSTEM
from roost.core.vocabulary.message import Chain, Message, Notice, Origin
from tests.support.playbook import Play, mail

ROOT = "a" * 32
REFUSED = ["Refuse ChainLimitError"]


def linked(number: int, count: int | None, root: str = ROOT) -> Message:
    """A message of an agent in that place, or of a person."""
    origin = Origin(chain=Chain(count, root)) if count is not None else None
    return replace(mail(number, 1.0), origin=origin)


def test_what_a_turn_sends_comes_after_what_began_it() -> None:
    assert chain_after("m", [linked(1, 4)], None) == Chain(5, ROOT)
    assert chain_after("m", [linked(1, 4), linked(2, 7)], None) == Chain(8, ROOT)
    assert chain_after("m", [], None) == Chain(1, "m"), "nobody has said anything before"
    assert chain_after("m", [], linked(1, 4)) == Chain(5, ROOT), "a late answer counts, too"
    assert chain_after("m", [linked(1, 1, "b")], linked(2, 4)) == Chain(5, ROOT)


def test_a_persons_word_in_the_turn_begins_anew() -> None:
    person = linked(3, None)
    assert chain_after("m", [linked(1, 30), person], linked(1, 30)) == Chain(1, person.id)
    notice = replace(linked(3, None), notice=Notice("x", "died", "why"))
    assert chain_after("m", [linked(1, 30), notice], None) == Chain(31, ROOT), "a notice is no person's word"


def test_a_notice_goes_on_with_the_chain_of_what_it_tells_of() -> None:
    notice = replace(linked(3, 30), notice=Notice("x", "chain-limit", "why"))
    assert chain_after("m", [notice], None) == Chain(31, ROOT)


def test_another_hosts_answer_comes_after_what_it_answers() -> None:
    assert chain_from(Chain(1, "b"), linked(1, 9)) == Chain(10, ROOT)
    assert chain_from(Chain(40, "b"), linked(1, 9)) == Chain(40, "b")
    assert chain_from(Chain(3, "b"), None) == Chain(3, "b")
    assert chain_from(None, linked(1, 9)) is None, "who writes there is that host's word"


def test_messages_are_refused_beyond_the_bound_and_changed_is_nothing() -> None:
    play = Play(chain_limit=3)
    assert play.submit(1, sender="a", origin=Origin(chain=Chain(3, ROOT)))[0] == "queued"
    before = play.state
    assert play.submit(2, sender="a", origin=Origin(chain=Chain(4, ROOT))) == REFUSED
    (refusal,) = play.commands
    assert isinstance(refusal, c.Refuse)
    assert "3 messages went between agents without a person's word" in refusal.error.message
    assert play.state == before
    assert play.submit(3, sender=OPERATOR) == ["queued"]
    notice = Notice("x", "died", "why")
    assert play.submit(4, sender="roost", notice=notice, origin=Origin(chain=Chain(4, ROOT))) == ["notice"]


def test_news_of_what_was_sent_on_from_news_beyond_the_bound_is_told_to_nobody() -> None:
    """An agent that sends again what expired with a person would be told of that for ever."""
    play, news = Play(chain_limit=3), Notice("x", "expired", "why")
    assert play.submit(1, sender="roost", notice=news, origin=Origin(chain=Chain(5, ROOT))) == REFUSED
    ended = Notice("x", "chain-limit", "why")
    assert play.submit(2, sender="roost", notice=ended, origin=Origin(chain=Chain(5, ROOT))) == ["notice"]
    assert play.submit(3, sender="roost", notice=news) == ["notice"], "its sender began the chain"
    unbound = Play(chain_limit=0)
    assert unbound.submit(1, sender="roost", notice=news, origin=Origin(chain=Chain(99, ROOT))) == ["notice"]
    box = Play("box", runtime="human", chain_limit=1)
    assert box.submit(1, sender="roost", notice=news, origin=Origin(chain=Chain(99, ROOT))) == ["notice"]


def test_the_end_of_the_news_is_told_once_to_its_receiver_and_the_operator() -> None:
    play = Play()
    play.tell(f.ChainEnded(SYSTEM, Chain(32, ROOT), "b" * 32))
    first = told(play)
    assert [to for to, _ in first] == ["p", OPERATOR]
    notices = [each.notice for each in play.commands if isinstance(each, c.Notify)]
    assert all("is told no more of what becomes of those that it sends on" in each.why for each in notices)
    play.tell(f.ChainEnded(SYSTEM, Chain(33, ROOT), "c" * 32))
    assert told(play) == first


def test_nothing_bounds_where_none_is_wanted_or_a_person_reads() -> None:
    far = Origin(chain=Chain(10**6, ROOT))
    assert Play(chain_limit=0).submit(1, sender="a", origin=far)[0] == "queued"
    assert Play("box", runtime="human", chain_limit=1).submit(1, sender="a", origin=far) == ["queued"]
    assert Play().submit(1, sender="a", origin=Origin(chain=Chain(30, ROOT)))[0] == "queued"
    assert Play().submit(1, sender="a", origin=Origin(chain=Chain(31, ROOT))) == REFUSED


def told(play: Play) -> list[tuple[str, str]]:
    return [(each.to, each.id) for each in play.commands if isinstance(each, c.Notify)]


def test_both_ends_and_the_operator_are_told_once_of_one_chain() -> None:
    """The same news has the same id, whoever refuses a message of the chain and however often."""
    play, other = Play("p"), Play("a")
    play.tell(f.ChainEnded("a", Chain(31, ROOT), "b" * 32))
    first = told(play)
    assert [to for to, _ in first] == ["a", "p", OPERATOR]
    notices = [each.notice for each in play.commands if isinstance(each, c.Notify)]
    assert all("from 'a' to 'p', was refused" in each.why for each in notices)
    chains = {each.chain for each in play.commands if isinstance(each, c.Notify)}
    assert chains == {Chain(31, ROOT)}, "who answers the notice goes on with the chain"
    play.tell(f.ChainEnded("a", Chain(31, ROOT), "c" * 32))
    assert told(play) == first
    other.tell(f.ChainEnded("p", Chain(31, ROOT), "c" * 32))
    assert set(told(other)) == set(first)
    play.tell(f.ChainEnded("a", Chain(31, "d" * 32), "c" * 32))
    assert not set(told(play)) & set(first)
