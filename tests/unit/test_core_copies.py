"""Copies of frozen values with some fields changed."""

import dataclasses

import pytest

from roost.core.vocabulary.copies import replace
from roost.core.vocabulary.peer import Peer, Settings

PEER = Peer("a", "seed", Settings("/work", "demo"), created_at=1.0, failures=3)


def test_a_copy_differs_in_what_was_changed_alone() -> None:
    copy = replace(PEER, failures=0, stopped=True)
    assert copy == dataclasses.replace(PEER, failures=0, stopped=True)
    assert (PEER.failures, PEER.stopped) == (3, False)


def test_an_unknown_field_is_an_error() -> None:
    with pytest.raises(AttributeError, match="colour"):
        replace(PEER, colour="red")
