"""The words of the daemon's own command line."""

import sys

import pytest

from roost.daemon.__main__ import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--hone", "/x"], "'--hone' is not understood here"),
        (["--home"], "'--home' is not understood here"),
        (["--home="], "'--home=' is not understood here"),
        (["surplus"], "'surplus' is not understood here"),
        (["--ready-fd", "three"], "--ready-fd takes the number of a descriptor, not 'three'"),
        (["--ready-fd=-1"], "--ready-fd takes the number of a descriptor, not '-1'"),
    ],
)
def test_words_that_are_not_understood_are_refused_in_one_line(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["roost.daemon", *words])
    assert main() == 2
    told = capsys.readouterr().err
    assert told.startswith(f"roost: {said}")
    assert told.count("\n") == 1
