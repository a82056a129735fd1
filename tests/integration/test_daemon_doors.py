"""A1 to A3: nothing that is sent to a door of the daemon goes unanswered, is a defect, or takes it down."""

import pytest

from tests.support.daemon import roost_in
from tests.support.doors import fuzz
from tests.support.home import Home


@pytest.mark.slow
def test_A1_A2_A3_nearly_right_requests_are_answered_at_every_door(home: Home) -> None:
    """`scripts/fuzz` sends a million."""
    with roost_in(home) as roost:
        wrong, answers = fuzz(roost, 6000, seed=1)
    assert wrong == []
    kinds = {"done", "usage", "not-found", "http 200", "http 400"}
    assert kinds <= {*answers}, "all kinds were met"
