"""C3, C13, C14, C15: what the recorded views of Claude Code and Codex mean (`scripts/views` records them)."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roost.runtimes.screen import plain, read_lines
from roost.runtimes.view import Composer, View
from tests.support.views import table
from tests.support.views.recording import Recording
from tests.support.views.walk import judge

RECORDED = {program: table.recordings(program) for program in table.PROGRAMS}
EXPECTED = {program: table.expectations(program) for program in table.PROGRAMS}
ALL = [(program, name) for program in RECORDED for name in RECORDED[program]]
PROMPTS = {Composer.EMPTY, Composer.FILLED}
VIEWS = [pair for pair in ALL if EXPECTED[pair[0]][pair[1]].composer not in PROMPTS]
DRAWN = {
    *(
        "background-shell-down",
        "subagent-down-enter",
        "history-search",
        "history-search-text",
        "turn-history-search",
    ),
    *(
        "start-loading",
        "start-loading-login",
        "subagent-down",
        "suspend",
        "turn-model",
        "turn-status",
        "leader",
        "slash-presets",
        "permissions-full",
    ),
    *(
        "archive-question",
        "slash-archive",
        "slash-delete",
        "feedback-next",
        "memories-typed",
        "slash-memories",
    ),
}
"""Views beside which the program goes on drawing its input line: what tells them can be cut away."""
COVERED = [pair for pair in VIEWS if pair[1] not in DRAWN]
ROOMY = [pair for pair in VIEWS if RECORDED[pair[0]][pair[1]].size == "160x50"]
COMPOSERS = [pair for pair in ALL if EXPECTED[pair[0]][pair[1]].composer in PROMPTS]
CHANGED = re.compile(r"Interrupted|set to|changed to|enabled|disabled|Deleted")
words = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=60)


def look(program: str, recording: Recording, screen: str | None = None) -> View:
    return judge(program, recording.screen if screen is None else screen, recording.title)


def test_every_recording_is_expected_and_every_command_is_known() -> None:
    for program in table.PROGRAMS:
        assert set(RECORDED[program]) == set(EXPECTED[program])
        did = table.commands(program)
        assert len(did) > 40
        views = {f"slash-{name[1:].replace(':', '-')}" for name, what in did.items() if what == "view"}
        assert views <= set(RECORDED[program])


@pytest.mark.parametrize("program", RECORDED)
def test_C14_each_view_is_told_in_its_own_words(program: str) -> None:
    found: dict[str, table.Expected] = {}
    for name, recording in RECORDED[program].items():
        view = look(program, recording)
        found[name] = table.Expected(view.composer.value, view.dialog, view.shows, view.leave, view.busy)
    assert found == EXPECTED[program]


@pytest.mark.parametrize("program", RECORDED)
def test_a_key_that_leaves_a_view_was_measured(program: str) -> None:
    """The key that roost presses led back to the empty prompt, and changed nothing on the way."""
    last = {
        name: recording.left[-1]
        for name, recording in RECORDED[program].items()
        if EXPECTED[program][name].leave in {each.key for each in recording.left}
    }
    assert last
    wrong = {
        name: (left.composer, left.adds)
        for name, left in last.items()
        if left.composer not in ("empty", "empty busy") or CHANGED.search(left.adds)
    }
    assert wrong == {}


def test_each_key_that_leaves_a_view_was_tried_on_it() -> None:
    """By the view's name: a recording of another size, or of another key, did not try."""
    for program in table.PROGRAMS:
        wanted = {(each.shows, each.leave) for each in EXPECTED[program].values() if each.leave}
        tried = {
            (each.shows, left.key)
            for name, each in EXPECTED[program].items()
            for left in RECORDED[program][name].left
        }
        assert wanted <= tried


def test_C15_a_question_at_the_start_is_a_dialog_whichever_answer_is_chosen() -> None:
    for name in ("start-migration", "start-migration-down"):
        assert look("codex", RECORDED["codex"][name]) == View(Composer.HIDDEN, "Meet GPT-6 Sol")


@pytest.mark.parametrize("name", ["status-model", "status-none", "status-none-turn", "status-long"])
def test_C13_the_prompt_is_found_whatever_the_status_line_shows(name: str) -> None:
    assert look("codex", RECORDED["codex"][name]).composer is Composer.EMPTY


def test_without_styles_a_view_is_no_prompt_either() -> None:
    """But where a program leaves its input line on the screen and only its colours tell."""
    found = [
        (program, name)
        for program, name in VIEWS
        for recording in [RECORDED[program][name]]
        if program == "claude" or not recording.screen.lstrip().startswith("\x1b")
        if look(program, recording, plain(recording.screen)).composer is Composer.FILLED
    ]
    assert found == []


@pytest.mark.parametrize("program", RECORDED)
def test_a_view_cut_at_any_height_is_never_a_prompt(program: str) -> None:
    found: list[tuple[str, int]] = []
    for name in [name for each, name in COVERED if each == program]:
        recording = RECORDED[program][name]
        rows = recording.screen.split("\n")
        for cut in range(len(rows)):
            cuts = ("\n".join(rows[cut:]), "\n".join(rows[: cut + 1]))
            if any(look(program, recording, screen).composer in PROMPTS for screen in cuts):
                found.append((name, cut))
    assert found == []


def narrowed(screen: str, width: int) -> str:
    """A screen's first columns, with all of its styles."""
    out, column = [], 0
    for part in re.split(r"(\x1b\[[0-9;:]*m|\n)", screen):
        if part == "\n":
            column = 0
        elif not part.startswith("\x1b"):
            part, column = part[: max(0, width - column)], column + len(part)  # noqa: PLW2901
        out.append(part)
    return "".join(out)


@settings(max_examples=200, deadline=None)
@given(pair=st.sampled_from(COVERED), width=st.integers(1, 160))
def test_a_view_cut_at_any_width_is_never_a_prompt(pair: tuple[str, str], width: int) -> None:
    program, name = pair
    recording = RECORDED[program][name]
    assert look(program, recording, narrowed(recording.screen, width)).composer not in PROMPTS


@settings(max_examples=60, deadline=None)
@given(pair=st.sampled_from(COMPOSERS), above=st.lists(words, max_size=30))
def test_a_prompt_is_read_alike_below_any_conversation(pair: tuple[str, str], above: list[str]) -> None:
    program, name = pair
    recording = RECORDED[program][name]
    wanted = look(program, recording)
    texts = [f"  {line}" for text in above for line in text.splitlines() or [""]]
    assert look(program, recording, "\n".join([*texts, "", recording.screen])) == wanted


@settings(max_examples=60, deadline=None)
@given(pair=st.sampled_from(ROOMY), above=st.lists(words, max_size=30))
def test_a_view_is_no_prompt_below_any_conversation(pair: tuple[str, str], above: list[str]) -> None:
    program, name = pair
    recording = RECORDED[program][name]
    texts = [f"  {line}" for text in above for line in text.splitlines() or [""]]
    assert look(program, recording, "\n".join([*texts, "", recording.screen])).composer not in PROMPTS


def test_the_lines_of_a_screen_end_with_the_last_that_shows_something() -> None:
    assert [line.text for line in read_lines("a\n\n b\n\n  \n")] == ["a", "", " b"]
    read_lines("a\n\n b\n\n  \n").clear()
    assert [line.text for line in read_lines("a\n\n b\n\n  \n")] == ["a", "", " b"], "each reader has its own"


def test_the_table_in_the_documentation_is_the_one_that_is_tested() -> None:
    assert table.PAGE.read_text() == table.page(), "run scripts/views table"
