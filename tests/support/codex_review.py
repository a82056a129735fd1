"""The question of Codex, as it starts, whether to trust hooks that are new (0.171.0)."""

from tests.support.pane import Pane

REVIEW = "Hooks need review"
TRUST, REFUSE = "2", "3"


def answer_review(pane: Pane, number: str) -> None:
    """Choose what the number stands for: that alone may do, or Enter, once the arrow has left the first."""
    pane.wait_for(REVIEW)
    pane.dismiss((number,), r"› 1\. ")
    pane.dismiss(("Enter",), REVIEW)
