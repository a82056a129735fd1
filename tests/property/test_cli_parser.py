"""Plain words are read as click reads them, or left to click."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from roost.cli.app import App
from roost.cli.catalog import MODULES, find
from roost.cli.command import Choice, Command, Number, Option
from roost.cli.group import roost
from roost.cli.parser import parse
from tests.support.nasty import fuzzing

COMMANDS: list[Command] = [command for name in MODULES if (command := find(name)) is not None]
PLAIN = st.sampled_from(
    ["bob", "a b", "", "-", "10m", "7", "0", " 7 ", "print", "next", "done", "replied", "x=y"]
)
ODD = st.sampled_from(
    ["--", "--help", "-h", "-x", "--js", "--json=1", "--=", "--version", "soon", "-1", "\ud800"]
)


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """Words for one of the commands, most of them such as it takes."""
    command = draw(st.sampled_from(COMMANDS))
    line = [*draw(st.lists(st.sampled_from(["--json", "--debug", "--home=/a"]), max_size=1)), command.name]
    for kind in draw(st.lists(st.integers(0, 9), max_size=6)):
        if kind > 5:
            line += _option(draw, draw(st.sampled_from([*command.options, *command.of_all])))
        else:
            line.append(draw(PLAIN if kind else ODD))
    return line


def _option(draw: st.DrawFn, option: Option) -> list[str]:
    if not option.takes_value:
        return [option.flag]
    value = draw(st.sampled_from(option.kind.words) if isinstance(option.kind, Choice) else PLAIN)
    return [f"{option.flag}={value}"] if draw(st.booleans()) else [option.flag, value]


def chosen(app: App) -> tuple[object, ...]:
    return app.home or None, app.json, app.debug


@fuzzing(1500)
@given(lines())
@example(["send", "bob", "--key", "--json", "hi"])
@example(["send", "bob", "--", "--json", "--"])
@example(["--home", "a", "--home=b", "list", "--home", "c"])
def test_plain_words_mean_what_click_says(line: list[str]) -> None:
    reading = parse(line, find)
    if reading is None:
        return
    app, theirs = App(), App()
    for name, value in reading.chosen.items():
        app.take(name, value)
    with roost.make_context("roost", list(line), obj=theirs) as outer:
        name, command, rest = roost.resolve_command(outer, [*outer._protected_args, *outer.args])
        assert command is not None
        with command.make_context(name, rest, parent=outer) as inner:
            assert (reading.command.name, reading.values) == (name, inner.params)
    assert chosen(app) == chosen(theirs)


def _word(kind: object) -> str:
    if isinstance(kind, Choice):
        return kind.words[0]
    return "10" if kind is str or isinstance(kind, Number) else "10s"


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_what_click_takes_is_read_without_it(command: Command) -> None:
    line = [command.name, *(_word(argument.kind) for argument in command.arguments)]
    for option in command.options:
        line += [option.flag, _word(option.kind)] if option.takes_value else [option.flag]
    reading = parse(line, find)
    assert reading is not None
    assert reading.command is command


@pytest.mark.parametrize(
    ("words", "body"),
    [(["-"], ("-",)), (["--", "-x", "--"], ("-x", "--")), (["a", "--json", "b"], ("a", "b")), ([], ())],
)
def test_the_usual_bodies_are_read_without_it(words: list[str], body: tuple[str, ...]) -> None:
    reading = parse(["send", "bob", *words], find)
    assert reading is not None
    assert reading.values["body"] == body


@pytest.mark.parametrize(
    "line",
    [
        [],
        ["--help"],
        ["lst"],
        ["list", "x"],
        ["list", "--json=1"],
        ["add", "bob"],
        ["show"],
        ["send", "--help"],
        ["send", "bob", "x", "--ttl", "soon"],
        ["send", "bob", "x", "--key"],
        ["send", "bob", "x", "-x"],
        ["send", "bob", "x", "--wait", "seen"],
        ["messages", "--limit", "0"],
        ["messages", "--limit", "x"],
    ],
)
def test_help_and_mistakes_are_left_to_click(line: list[str]) -> None:
    assert parse(line, find) is None
