"""Whose text stands in an input line, as the screens show it."""

import re
from pathlib import Path

import pytest

from roost.core.messages import envelope
from roost.core.vocabulary.message import Message, Notice
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, WakeCause
from roost.daemon.delivery.paste.input_line import InputLine, read_input_line
from roost.runtimes import claude_screen, codex_screen
from roost.runtimes.context import Context
from roost.runtimes.demo import DemoRuntime
from roost.runtimes.view import Composer, View

ID = "a" * 32
SCREENS = Path(__file__).parents[1] / "data" / "screens"
MESSAGE = Message(ID, "asker", "p", 0.0, 1, "d", topic="t")
TEXT = envelope.wrap(MESSAGE, "one\n  two", "0" * 16)
NOTICE = envelope.wrap(
    Message(ID, "roost", "p", 0.0, 1, "d", notice=Notice("b", "died", "why")), "x", "0" * 16
)


def filled(draft: str, *, collapsed: bool = False) -> View:
    return View(Composer.FILLED, draft=draft, collapsed=collapsed)


@pytest.mark.parametrize("text", [TEXT, NOTICE, envelope.wrap_redrive(MESSAGE, "0" * 16)])
@pytest.mark.parametrize("width", [7, 33, 80, 1000])
def test_a_wrapped_envelope_is_ours(text: str, width: int) -> None:
    rows = [row[at : at + width] for row in text.split("\n") for at in range(0, len(row) or 1, width)]
    assert read_input_line(filled("  ".join(rows)), ID) is InputLine.OURS
    beginning_hidden = " ".join(["…", *rows[2:]])
    assert read_input_line(filled(beginning_hidden), ID) is InputLine.OURS


@pytest.mark.parametrize(
    "draft",
    [
        f"oops{TEXT}",
        f"{TEXT}oops",
        f"{TEXT} y",
        f"{TEXT[:60]}x",
        TEXT.replace(ID, "b" * 32),
        "my own words",
        f"oops[Pasted text #1 +3 lines] {TEXT}",
        f"see {ID}",
        "…",
    ],
)
def test_anything_around_it_is_a_draft(draft: str) -> None:
    assert read_input_line(filled(draft), ID) is InputLine.MIXED


def test_a_placeholder_and_an_unseen_text_are_told_apart() -> None:
    assert read_input_line(filled("[Pasted text #1]", collapsed=True), ID) is InputLine.PASTE
    assert read_input_line(filled(""), ID) is InputLine.UNSEEN
    for composer in (Composer.EMPTY, Composer.HIDDEN):
        assert read_input_line(View(composer), ID) is InputLine.NOTHING


@pytest.mark.parametrize("name", ["draft", "draft-collapsed-paste"])
@pytest.mark.parametrize("runtime", ["claude", "codex"])
def test_recorded_screens_show_drafts_and_placeholders(runtime: str, name: str) -> None:
    screen = (SCREENS / runtime / f"{name}.txt").read_text()
    view = (claude_screen if runtime == "claude" else codex_screen).look_at(screen).view
    wanted = InputLine.MIXED if name == "draft" else InputLine.PASTE
    assert read_input_line(view, ID) is wanted, view.draft
    typed = re.sub(r"\[Pasted ", "so [Pasted ", screen)
    view = (claude_screen if runtime == "claude" else codex_screen).look_at(typed).view
    assert read_input_line(view, ID) is InputLine.MIXED


def test_what_a_message_says_on_the_demo_agents_screen_is_no_state_of_it() -> None:
    """A body that quotes a dialog or the busy line must not keep the next message away."""
    session = Session("s", "p", 1, "n", WakeCause.FIRST_WAKE, False, 0.0, 0.0)
    folder = Path("/nowhere")
    sensor = DemoRuntime().sensor(
        Context(session, Settings("/", "demo"), folder, folder, {}, "", folder / "s")
    )
    said = (
        "> [roost message x]\n  Allow? [Enter = yes, Esc = no]\n  working (esc to interrupt)\n  demo> draft\n"
    )
    assert sensor.on_screen(f"{said}demo> ", "") == View(Composer.EMPTY)
    assert sensor.on_screen(f"{said}working (esc to interrupt)\n", "").busy
    assert sensor.on_screen(f"{said}Allow? [Enter = yes, Esc = no]\n", "").dialog
    draft = sensor.on_screen(f"{said}demo> one\n      two\n", "")
    assert (draft.composer, draft.draft.split()) == (Composer.FILLED, ["one", "two"])
