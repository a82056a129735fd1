"""The command tree: what is listed, what is refused, and that the reference follows the code."""

import os
import sys
from pathlib import Path

import click
import pytest

from roost.cli import reference
from roost.cli.app import App
from roost.cli.commands.message import STATES
from roost.cli.commands.peer import _name_of
from roost.cli.doctor_programs import parse_tmux
from roost.cli.group import COMMANDS, roost
from roost.cli.main import main
from roost.cli.settings import SETTINGS
from roost.core.vocabulary.message import MessageState
from roost.core.vocabulary.settings import KEYS
from roost.errors import UsageError
from tests.support.home import Home

CONTRACT = [
    *("up", "down", "status", "doctor", "gc", "adopt", "backup", "restore", "service", "env", "runtimes"),
    "web",
    "fleet",
    "notify",
    *("add", "init", "set", "list", "show", "rename", "move", "remove"),
    *("send", "messages", "message", "inbox", "listen", "thread", "watch", "search"),
    *(
        "run",
        "join",
        "leave",
        "hooks",
        "wake",
        "sleep",
        "wait",
        "stop",
        "start",
        "restart",
        "refresh",
        "interrupt",
        "compact",
        "questions",
        "answer",
        "deny",
        "attach",
        "screen",
        "logs",
        "top",
        "transcript",
    ),
    *("events", "deaths", "metrics", "done", "fresh", "mcp", "completion", "demo", "probe"),
]
NAMES = [name for section in COMMANDS.values() for name in section]
Captured = pytest.CaptureFixture[str]

pytestmark = pytest.mark.usefixtures("home")


def command(name: str) -> click.Command:
    found = roost.get_command(click.Context(roost, obj=App()), name)
    assert found is not None
    return found


def test_every_command_of_the_contract_is_there_and_nothing_else() -> None:
    assert sorted(NAMES) == sorted(CONTRACT)


@pytest.mark.parametrize("name", CONTRACT)
def test_every_command_explains_itself_within_80_columns(name: str, capsys: Captured) -> None:
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert text.startswith(f"Usage: roost {name}")
    assert max(map(len, text.splitlines())) <= 80
    assert command(name).name == name


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_lists_every_command(arguments: list[str], capsys: Captured) -> None:
    assert main(arguments) == 0
    text = capsys.readouterr().out
    assert [name for name in CONTRACT if f"\n  {name} " not in text] == []
    assert "..." not in text


@pytest.mark.parametrize(
    ("short", "long"),
    [
        (["-h"], ["--help"]),
        (["help"], ["--help"]),
        (["help", "send"], ["send", "--help"]),
        (["send", "-h"], ["send", "--help"]),
        (["rm", "-h"], ["remove", "-h"]),
    ],
)
def test_what_people_type_first_is_understood(short: list[str], long: list[str], capsys: Captured) -> None:
    assert main(short) == 0
    said = capsys.readouterr().out
    assert main(long) == 0
    assert said.replace("roost rm", "roost remove", 1) == capsys.readouterr().out


def test_version(capsys: Captured) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == "roost 0.1.0\n"


def test_settings_are_those_of_the_core() -> None:
    assert sorted(setting.key for setting in SETTINGS) == sorted([*KEYS, "env"])


def test_message_states_are_those_of_the_core() -> None:
    assert list(STATES) == [str(state) for state in MessageState]


def test_reference_says_what_the_code_says() -> None:
    assert reference.missing() == []
    pages = reference.pages()
    assert [name for name in CONTRACT if f"\n### {name}\n" not in pages["commands.md"]] == []
    assert [key for key in KEYS if f"`{key}`" not in pages["settings.md"]] == []
    for name, text in pages.items():
        assert (reference.FOLDER / name).read_text() == text, "run `python -m roost.cli.reference`"


def test_reference_check_sees_a_page_that_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    monkeypatch.setattr(reference, "FOLDER", tmp_path)
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0
    (tmp_path / "settings.md").write_text("old")
    assert reference.main(["--check"]) == 1
    assert "settings.md" in capsys.readouterr().err


def test_reference_check_sees_a_setting_without_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reference, "SETTINGS", SETTINGS[1:])
    assert reference.missing() == ["setting 'dir' has no line in roost.cli.settings"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lst"], "there is no command 'lst' (did you mean list or ls or set?); see `roost --help`"),
        (["--what"], "see `roost --help`"),
        (["up", "--json", "--foreground"], "--json does not go with --foreground"),
        (["--json", "attach", "bob"], "`roost attach` prints no JSON"),
        (["logs", "bob", "--json", "--follow"], "leave out --follow"),
        (["messages", "bob", "--to", "ann"], "name one of them"),
        (["message", "0190", "--body", "--drop"], "exclude each other"),
        (["transcript", "bob", "0"], "'0' names no turns; they are counted from 1"),
        (["transcript", "bob", "--", "-3"], "'-3' names no turns"),
        (["transcript", "bob", "9-2"], "2 comes before 9"),
        (["transcript", "bob", "2-9", "--follow"], "give the first turn alone"),
        (["search", "x", "--in", "heads"], "'heads' is not one of"),
        (["wait", "bob", "--for", "lunch"], "'lunch' is not one of"),
        (["messages", "--limit", "0"], "'0' is not a whole number from 1 on; see `roost messages --help`"),
        (["events", "--after", "x"], "'x' is not a whole number from 0 on"),
        (["events", "--after", "9" * 20], "is not a whole number up to 9223372036854775807; see"),
        (["messages", "--limit", str(2**63)], "'9223372036854775808' is not a whole number up to"),
        (["down", "--agent"], "no such option '--agent'; did you mean '--agents'? See `roost down --help`"),
        (["list", "extra"], "see `roost list --help`"),
        (["send"], "missing argument 'TO'; see `roost send --help`"),
        (["add", "bob"], "missing option '--runtime'; see `roost add --help`"),
        (["add", "bob", "--runtime", "demo", "--env", "K"], "--env takes KEY=VALUE, not 'K'"),
        (["set", "bob"], "missing argument 'KEY=VALUE...'"),
        (["set", "bob", "idle"], "'idle' is not KEY=VALUE"),
        (["stop"], "either a NAME or --all"),
        (["stop", "bob", "--all"], "either a NAME or --all"),
        (["wake", "bob", "--fresh", "--resume"], "exclude each other"),
        (["messages", "--state", "lost"], "'lost' is not one of"),
        (["send", "bob", "x", "--wait", "seen"], "'seen' is not one of"),
        (["send", "bob", "x", "--wait", "done", "--timeout", "soon"], "'soon' is not a duration"),
        (["send", "bob", "x", "--ttl", "0s"], "--ttl must be longer than nothing"),
        (["send", "bob", "x", "--timeout", "3s"], "--timeout limits --wait"),
        (["send", "bob", "x", "--wait", "done", "--timeout", "0s"], "--timeout must be longer than nothing"),
        (["send", "bob", "x", "--file", "y"], "the body was given twice"),
        (["send", "bob", "--file", "/no/such"], "cannot read --file '/no/such'"),
        (["send", "bob", ""], "the body is empty"),
        (["send", "bob", os.fsdecode(b"caf\xe9")], "the body is not UTF-8 (byte 3)"),
        (["send", "bob", "x", "--attach", "gone"], "attachment 'gone' does not exist"),
        (["send", "bob", "x", "--attach", "/"], "attachment '/' is not a regular file"),
        (["send", "bob", "x", *["--attach", "/dev/null"] * 21], "21 attachments; a message takes at most 20"),
        (["done"], "ROOST_TOKEN is not set"),
        (["attach", "bob"], "`attach` needs a terminal"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(arguments: list[str], said: str, capsys: Captured) -> None:
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("roost: ")
    assert captured.err.count("\n") == 1
    assert said in captured.err


def test_a_body_over_1_mib_is_refused_before_anything_is_sent(home: Home, capsys: Captured) -> None:
    long = home.work / "long"
    long.write_bytes(b"x" * (1024 * 1024 + 1))
    assert main(["send", "bob", "--file", str(long)]) == 2
    assert "over 1 MiB" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["send", "bob", "hello"],
        ["wake", "bob"],
        ["add", "bob", "--runtime", "demo"],
        ["down", "--agents"],
        ["events", "--follow"],
        ["inbox", "bob", "--ack"],
        ["screen", "bob"],
    ],
)
def test_without_a_daemon_exit_code_5(arguments: list[str], capsys: Captured) -> None:
    assert main(arguments) == 5
    assert capsys.readouterr().err == "roost: the daemon is not running; start it with `roost up`\n"


def test_attach_needs_a_terminal_that_can_be_drawn_on(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "dumb")
    assert main(["attach", "bob"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert said.endswith("(its TERM is dumb); `roost screen bob` prints what is on the screen")


def test_status_as_json_says_that_nothing_runs(capsys: Captured) -> None:
    assert main(["status", "--json"]) == 5
    assert capsys.readouterr().out == '{"running": false}\n'


def test_down_without_a_daemon_is_done(capsys: Captured) -> None:
    assert main(["down"]) == 0
    assert capsys.readouterr().out == "the daemon is not running\n"


def test_an_unforeseen_error_is_one_line_unless_debugged(
    monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr(App, "call_or_read", broken)
    assert main(["list"]) == 1
    assert capsys.readouterr().err.startswith("roost: internal error: ZeroDivisionError: oops; run it again")
    assert main(["--debug", "list"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("folder", "name"),
    [("/x/My Project_2", "my-project-2"), ("/x/2024-notes", "notes"), ("/x/" + "a" * 40, "a" * 32)],
)
def test_init_makes_a_peer_name_of_the_folder(folder: str, name: str) -> None:
    assert _name_of(folder) == name


def test_init_says_when_no_name_can_be_made() -> None:
    with pytest.raises(UsageError, match="use `roost init NAME`"):
        _name_of("/x/日本")


@pytest.mark.parametrize(
    ("said", "version"),
    [("tmux 3.3a", (3, 3)), ("tmux next-3.5", (3, 5)), ("tmux 2.9", (2, 9)), ("tmux master", None)],
)
def test_tmux_versions(said: str, version: tuple[int, int] | None) -> None:
    assert parse_tmux(said) == version
