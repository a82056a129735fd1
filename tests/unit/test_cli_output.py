"""What people see: fits, is aligned, and can never drive the terminal."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.cli import output


@given(text=st.text(), columns=st.integers(0, 40))
def test_clip_never_exceeds_the_columns(text: str, columns: int) -> None:
    assert output.cells(output.clip(output.one_line(text), columns)) <= columns


@given(text=st.text())
def test_one_line_holds_no_control_character_and_no_change_of_direction(text: str) -> None:
    shown = output.one_line(text)
    assert not [c for c in shown if unicodedata.category(c) == "Cc" or unicodedata.bidirectional(c) in _TURNS]


_TURNS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(text=st.text())
def test_harmless_text_keeps_only_newlines_and_tabs(text: str) -> None:
    assert not [c for c in output.harmless(text) if unicodedata.category(c) == "Cc" and c not in "\n\t"]


@pytest.mark.parametrize("columns", [40, 80, 132])
def test_table_is_aligned_and_fits(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    output.table(
        ("NAME", "STATE", "WHY"), [("a", "idle", "x" * 200), ("日本", "blocked", "語" * 90)], state=1
    )
    header, *lines = capsys.readouterr().out.splitlines()
    assert all(output.cells(line) <= columns for line in lines)
    assert header.split() == ["NAME", "STATE", "WHY"]
    assert [
        output.cells(line[: line.index(word)]) for line, word in zip(lines, ("idle", "blocked"), strict=True)
    ] == [
        6,
        6,
    ]
    assert all(line.endswith("…") for line in lines)


def test_fields_indent_further_lines_and_leave_out_what_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    output.fields([("name", "a"), ("none", None), ("prompt", "one\ntwo\x1b[2J"), ("empty", "")])
    assert capsys.readouterr().out == "name    a\nprompt  one\n        two\ufffd[2J\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (119, "119s"), (120, "2m"), (7200, "2h"), (3 * 86400, "3d")]
)
def test_rough_durations(seconds: float, text: str) -> None:
    assert output.rough(seconds) == text


def test_age_of_nothing_and_of_no_time_is_empty() -> None:
    assert output.age(None) == output.age("yesterday") == ""
    assert output.age("2000-01-01T00:00:00.000Z").endswith("d")


def test_colour_and_progress_need_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    progress = output.Progress()
    progress.show("waking")
    progress.clear()
    assert output.paint_state("idle", "idle") == "idle"
    assert capsys.readouterr().err == ""


def test_wrap_breaks_between_words_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    line = "     7 started     bob a=one two three four five"
    assert output.wrap(line, 7) == line
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert output.wrap(line, 7) == "     7 started     bob a=one\n       two three four five"
    assert output.wrap("short", 7) == "short"
