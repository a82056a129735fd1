"""Patterns of names."""

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.core.vocabulary import patterns
from roost.host.environment import MARKS, PASSED, is_passed

_TEXTS = st.text("AB_*?[]!\n", max_size=5)


@given(_TEXTS, st.lists(_TEXTS, max_size=3))
def test_a_pattern_means_what_it_means_to_fnmatch(name: str, wanted: list[str]) -> None:
    assert patterns.matches(name, wanted) == any(fnmatchcase(name, each) for each in wanted)


def test_few_patterns_of_the_environment_cost_a_regex(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each start of the daemon asks for each variable of its environment."""
    asked: set[str] = set()

    def real(name: str, pattern: str) -> bool:
        asked.add(pattern)
        return fnmatchcase(name, pattern)

    monkeypatch.setattr(patterns, "fnmatchcase", real)
    assert not is_passed("CODEX_HOME", ["AWS_*", "CODEX_*_URL"])
    assert is_passed("AWS_REGION", ["AWS_*"])
    assert not is_passed("CODEX_CI", ["CODEX_*"])
    assert len(asked) <= 2
    assert len(asked & {*PASSED, *MARKS}) <= 1
