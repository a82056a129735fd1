"""The pages of the documentation: every command in them exists and takes the options that it is given."""

import re
import shlex
from pathlib import Path

import click
import pytest

from roost.cli.app import App
from roost.cli.group import roost
from roost.host.environment import MARKS, PASSED
from roost.runtimes.claude import ClaudeRuntime
from roost.runtimes.codex import CodexRuntime
from roost.runtimes.gemini import GeminiRuntime
from roost.runtimes.opencode import OpencodeRuntime
from tests.support.screens.page import PAGE, page, screens
from tests.support.screens.top import TOP, with_top

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)#:]+)\)")


def commands(page: Path) -> list[list[str]]:
    """The words of each `roost` command in the page's shell blocks."""
    lines = [line for block in _BLOCK.findall(page.read_text()) for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("roost ")]


def test_the_pages_hold_commands() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 40


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_command_shown_is_one_that_exists(page: Path) -> None:
    for _, *words in commands(page):
        context = click.Context(roost, info_name="roost", obj=App())
        name, command, rest = roost.resolve_command(context, words)
        assert command is not None
        command.make_context(name, rest, parent=context).close()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in _LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("Every agent", PASSED),
        ("Claude Code", ClaudeRuntime.passes),
        ("Codex", CodexRuntime.passes),
        ("Gemini CLI", GeminiRuntime.passes),
        ("OpenCode", OpencodeRuntime.passes),
        ("Never", MARKS),
    ],
)
def test_c6_the_documented_environment_is_that_of_the_code(heading: str, names: tuple[str, ...]) -> None:
    text = (ROOT / "docs/how-to/environment.md").read_text()
    section = text.partition(f"### {heading}\n")[2].partition("\n### ")[0]
    (block,) = re.findall(r"^```text\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert sorted(block.split()) == sorted(names)


def test_the_screen_of_top_is_what_it_draws_now() -> None:
    text = TOP.read_text()
    assert with_top(text) == text, "run scripts/screens"


def test_the_screens_are_what_the_commands_print_now_and_fit() -> None:
    text = PAGE.read_text()
    assert page(text) == text, "run scripts/screens"
    shown = screens(text)
    assert {(command.split()[0], columns) for command, columns, _ in shown} == {
        (command, columns) for command in ("list", "messages", "message", "show") for columns in (60, 80, 120)
    }
    for command, columns, screen in shown:
        wide = [
            line for line in screen.splitlines() if len(line) > columns and not line.startswith("terminal ")
        ]
        assert not wide, (command, columns, "a path is not broken, all else is")
    assert sum(line[:1].isalpha() for line in shown[0][2].splitlines()) == 61, "sixty peers and a header"
