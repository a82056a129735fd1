"""What people see: fits, is aligned, and can never drive the terminal."""

import os
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roost.cli import output
from roost.cli.table import table


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


@pytest.mark.parametrize("columns", [60, 80, 132])
def test_table_is_aligned_and_fits(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    table(("NAME", "STATE", "WHY"), [("a", "idle", "x" * 200), ("日本", "blocked", "語" * 90)], state="STATE")
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


@pytest.mark.parametrize(
    ("columns", "header"),
    [(160, "NAME RUNTIME STATE WHY"), (66, "NAME STATE WHY"), (40, "NAME RUNTIME STATE"), (38, "NAME STATE")],
)
def test_a_narrow_table_lets_columns_go_and_then_stands_its_last_one_below(
    columns: int, header: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    why = "a dialog is open: may I write to a file of this very long name?"
    rows = [("a-name-of-some-length", "claude", "blocked", why), ("b", "codex", "idle", "")]
    table(("NAME", "RUNTIME", "STATE", "WHY"), rows, state="STATE", spare=("RUNTIME",))
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.split() == header.split()
    assert all(len(line) <= columns for line in lines)
    if columns != 66:
        assert why in " ".join(" ".join(lines).split()), "nothing is cut"


@pytest.mark.parametrize("columns", ["²", "0", "-1", "many", "9" * 5000])
def test_a_width_that_is_none_is_not_kept_to(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("os.get_terminal_size", lambda _: os.terminal_size((70, 20)))
    monkeypatch.setattr("sys.stdout.fileno", lambda: 1)
    assert output.width() == 70


@pytest.mark.parametrize("columns", [40, 80])
def test_F24_a_long_word_is_never_cut(
    columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    path = "/var/lib/of-a-long-name/" + "x" * 90 + "/socket"
    output.fields([("terminal", path), ("why", f"{path} and then some words that go on")])
    shown = capsys.readouterr().out
    assert shown.count(path) == 2
    assert "terminal" in shown


def test_times_in_sentences_are_local_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        said = "tried again at 2026-01-02T20:04:05.123Z, or at 2026-01-02T20:04:06Z; T and Z stay"
        assert output.local(said) == (
            "tried again at 2026-01-03 05:04:05, or at 2026-01-03 05:04:06; T and Z stay"
        )
    finally:
        monkeypatch.undo()
        time.tzset()


def test_colour_can_be_forced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for value, painted in (("1", True), ("0", False), ("", False)):
        monkeypatch.setenv("FORCE_COLOR", value)
        assert (output.paint("x", "red") != "x") is painted
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    assert output.paint("x", "red") == "x"


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


@pytest.mark.parametrize("columns", [40, 60, 80])
def test_a_command_in_a_sentence_is_not_broken_where_it_fits_on_a_line(columns: int) -> None:
    cures = ("`roost adopt ba01017b`", "`roost gc --end ba01017b`", "`roost restart scout --resume`")
    text = "session ba01017b is not in the registry and is kept; " + " or ".join(cures)
    lines = output.folded(text, columns, 2, 0).splitlines()
    assert all(len(line) <= columns for line in lines)
    assert [cure for cure in cures if not any(cure in line for line in lines)] == []
    assert " ".join(line.strip() for line in lines) == text
    long = f"`roost send scout {'word ' * columns}`"
    assert all(len(line) <= columns for line in output.folded(long, columns, 2, 0).splitlines())


def test_rows_at_the_top_keep_their_last_cell_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    why = "a dialog is open: may I write to a file of this very long name?"
    table(("NAME", "STATE", "WHY"), [("a", "blocked", why), ("b", "idle", why)], state="STATE", whole=1)
    header, *lines = capsys.readouterr().out.splitlines()
    at = header.index("WHY")
    assert [line[:at].split() for line in lines] == [["a", "blocked"], [], ["b", "idle"]]
    assert f"{lines[0][at:]} {lines[1][at:]}" == why
    assert lines[2].endswith("…")
