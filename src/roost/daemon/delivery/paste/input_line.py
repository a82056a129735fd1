"""Whose text stands in the input line: a message of ours, a person's draft, or both run together."""

from enum import StrEnum

from roost.core.messages import envelope
from roost.runtimes.view import Composer, View

TYPING = 2.0
"""Seconds after a person's key in which more are likely; tmux 3.3a tells a key's time to the second."""


class InputLine(StrEnum):
    """`OURS` for certain; `PASTE`: one long paste that may be ours; `MIXED`: a draft is in it, or all of it.

    `UNSEEN`: there is a text, and its program does not show which.
    """

    NOTHING = "nothing"
    OURS = "ours"
    PASTE = "paste"
    MIXED = "mixed"
    UNSEEN = "unseen"


def read_input_line(view: View, message_id: str) -> InputLine:
    """Judge the input line of a look."""
    if view.composer is not Composer.FILLED:
        return InputLine.NOTHING
    if view.collapsed:
        return InputLine.PASTE
    if not view.draft:
        return InputLine.UNSEEN
    return InputLine.OURS if envelope.stands_alone(view.draft, message_id) else InputLine.MIXED
