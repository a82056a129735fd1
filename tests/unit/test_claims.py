"""N4: mail that is just shown to one reader is not shown to another."""

from roost.daemon.state.claims import Claims


def test_N4_what_is_claimed_is_nobody_elses_until_it_is_let_go_of() -> None:
    claims = Claims()
    one, two = claims.claim(), claims.claim()
    assert one.take(["a", "b", "c"], 2) == ["a", "b"]
    assert two.take(["a", "b", "c"]) == ["c"]
    assert (one.ids, "a" in one, "a" in two) == (["a", "b"], True, False)
    assert one.take(["a"]) == []
    assert one.release()
    assert not one.release()
    assert two.take(["a", "b"]) == ["a", "b"]


def test_N4_a_reader_that_is_gone_takes_nothing_more() -> None:
    claims = Claims()
    gone = claims.claim()
    assert not gone.release()
    assert gone.take(["a"]) == []
    assert claims.claim().take(["a"]) == ["a"]
