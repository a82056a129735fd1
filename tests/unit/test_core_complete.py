"""Nothing that the core speaks of is left out where it is dealt with, and types cannot see."""

import re
from pathlib import Path
from typing import get_args

import roost
from roost.core.decide import _HANDLERS
from roost.core.vocabulary import events as e

SOURCE = Path(roost.__file__).parent
BY_ITS_ROW = {"launch", "offer", "examine"}
"""A new daemon looks at the session or the message itself, whatever became of these."""


def test_each_event_has_its_handler() -> None:
    assert set(_HANDLERS) == set(get_args(e.Event))


def test_N8_each_intent_is_taken_up_by_the_next_daemon() -> None:
    kinds = set(re.findall(r'Intent\(effect\.key, "(\w+)"', (SOURCE / "store/interfaces.py").read_text()))
    assert kinds > BY_ITS_ROW
    recovery = "".join(path.read_text() for path in (SOURCE / "daemon/registry").glob("*.py"))
    cases = " ".join(re.findall(r"case (.+):", recovery))
    assert kinds - set(re.findall(r'"(\w+)"', cases)) == BY_ITS_ROW
