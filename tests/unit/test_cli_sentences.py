"""`roost events` reads as sentences (N1)."""

from typing import Any

import pytest

from roost.cli import sentences
from roost.cli.sentences import sentence
from roost.core.vocabulary.session import Cause, WakeCause


def event(kind: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 -- JSON
    data = fields.pop("data", {})
    return {
        "seq": 1,
        "ts": None,
        "kind": kind,
        "peer": "a",
        "message": None,
        "cause": None,
        **fields,
        "data": data,
    }


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (
            event("starting", cause="first-wake", data={"by": "operator"}),
            "is woken by operator for the first time",
        ),
        (
            event(
                "stopped", cause="crashed", data={"by": None, "evidence": "the shim's record says signal 9"}
            ),
            "crashed: the shim's record says signal 9",
        ),
        (event("stopped", cause="operator-stop", data={"by": "operator"}), "was stopped by operator"),
        (event("queued", message="ab" * 16, data={"sender": "b"}), "has message abababababababab from b"),
        (
            event("dead-letter", message="ab" * 16, data={"why": "the turn\nwas interrupted"}),
            "will not deal with message abababababababab: the turn was interrupted",
        ),
        (event("unknown", data={"why": "tmux hangs"}), "is in a state that is not known: tmux hangs"),
        (event("unknown", message="ab" * 16), "may or may not have message abababababababab"),
        (event("renamed", data={"from": "old"}), "was called old before"),
        (event("move-begun", data={"host": "venus", "by": "operator"}), "moves to venus, as operator asked"),
        (
            event("move-ended", data={"host": "venus", "why": "venus: no"}),
            "does not move to venus: venus: no",
        ),
        (event("moved", data={"host": "venus"}), "lives on venus now"),
        (event("moved-in", data={"host": "mars"}), "has come from mars, and lives here now"),
        (event("disowned", data={"host": "venus"}), "is not woken here: it has moved to venus"),
        (event("other", cause="c", data={"n": 1, "none": None}), "other cause=c n=1"),
    ],
)
def test_N1_events_read_as_sentences(told: dict[str, Any], words: str) -> None:
    assert sentence(told) == words


def test_N1_every_cause_has_words() -> None:
    assert set(map(str, WakeCause)) <= set(sentences._WOKEN)
    assert set(map(str, Cause)) <= set(sentences.ENDED)
