"""Programs that come with a table, and what `roost runtimes` says of them."""

import json
import os
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from roost.cli.main import main
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.session import Session, WakeCause
from roost.errors import ConfigError, RuntimeMissingError
from roost.local.config import RESERVED, RuntimeTable, load_config
from roost.local.installed import installed_version
from roost.local.ready_made import ReadyMade, ready_made
from roost.runtimes.command import CommandRuntime, accept_log
from roost.runtimes.context import Context
from roost.runtimes.registry import BUILT_IN, Runtimes
from roost.runtimes.view import Composer
from tests.support.home import Home

Captured = pytest.CaptureFixture[str]
READY = {
    "aider": ("> ", "> half", "> [roost message\n> [end]"),
    "copilot": ("❯\n────\n ← open sidebar", "❯ half\n────", "❯ [Paste #1 - 12 lines]\n────"),
    "crush": ("  > Ready for instructions\n  :::", "  > half\n  :::", "  > [roost message"),
    "cursor-agent": ("  → Add a follow-up\n", "  → half", "  → [roost message"),
    "goose": ("( O)> ", "( O)> half", "( O)> [roost message"),
    "pi": (
        "─" * 40 + "\n\n" + "─" * 40,
        "─" * 40 + "\nhalf\n" + "─" * 40,
        "─" * 40 + "\n[paste #1]\n" + "─" * 40,
    ),
    "qwen-code": (">   Type your message or @path/to/file", "> half", "> [Pasted Content 884 chars]"),
}
"""An empty input line, a draft, and a paste, as its screen shows them."""
ALL = pytest.mark.parametrize("made", ready_made(), ids=lambda made: made.table.name)
TABLES = [made.table for made in ready_made() if isinstance(made.table, RuntimeTable)]


def context(table: RuntimeTable, home: Path) -> Context:
    session = Session("s1", "a", 1, "n", WakeCause.FIRST_WAKE, False, 0.0, 0.0, conversation="c1")
    settings = Settings(str(home / "[w]"), table.name)
    return Context(session, settings, home, home, {"HOME": str(home)}, "", home / "s")


@ALL
def test_each_ready_made_table_says_how_far_it_was_proven_and_can_be_pasted(
    made: ReadyMade, home: Home
) -> None:
    assert re.fullmatch(r"tried with version \S+|from documentation", made.proven)
    assert made.install
    home.roost.mkdir()
    (home.roost / "config.toml").write_text(made.text)
    assert load_config(home.roost / "config.toml").runtimes == (made.table,)
    assert made.table.name not in RESERVED
    if made.proven == "from documentation":
        assert "not tried" in made.text


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_its_prompt_is_seen_and_a_text_in_its_input_line_is_none(table: RuntimeTable, tmp_path: Path) -> None:
    sensor = CommandRuntime(table).sensor(context(table, tmp_path))
    empty, *filled = READY[table.name]
    assert sensor.on_screen(empty, "").composer is Composer.EMPTY
    assert sensor.reading() is not None
    for screen in filled:
        assert sensor.on_screen(screen, "").composer is Composer.FILLED


def test_a_ready_made_program_needs_no_table_and_one_of_the_same_name_comes_first(tmp_path: Path) -> None:
    [aider] = [table for table in TABLES if table.name == "aider"]
    known = Runtimes()
    known.check("aider")
    assert known.get("aider").passes == aider.passes
    assert known.differing(()) == []
    with pytest.raises(RuntimeMissingError, match="`python -m pip install aider-install"):
        known.get("aider").locate(str(tmp_path))
    (tmp_path / "config.toml").write_text('[runtimes.aider]\nargv = ["mine"]\nready = "x"')
    [mine] = load_config(tmp_path / "config.toml").runtimes
    assert Runtimes((mine,)).get("aider").passes == ()
    known.learn((mine,))
    assert known.get("aider").passes == (), "it was not in use"
    assert known.differing((mine,)) == []
    assert known.differing(()) == ["aider"]


def test_a_program_that_is_not_executable_is_not_to_be_installed(tmp_path: Path) -> None:
    folder = tmp_path / "a b"
    folder.mkdir()
    for name in ("aider", "claude"):
        program = folder / name
        program.write_text("#!/bin/sh\n")
        program.chmod(0o644)
        with pytest.raises(RuntimeMissingError) as missing:
            Runtimes().get(name).locate(str(folder))
        assert missing.value.message == (
            f"the program '{program}' is not executable; `chmod +x '{program}'` makes it so"
        )
        program.chmod(0o755)
        assert Runtimes().get(name).locate(str(folder)) == str(program)


@pytest.mark.parametrize("runtime", sorted({*BUILT_IN, *(table.name for table in TABLES)}))
def test_no_key_that_empties_an_input_line_may_end_its_program(runtime: str) -> None:
    """Whoever presses it, how often and how quickly: Ctrl-C and Ctrl-D end most programs at the second."""
    controls = Runtimes().get(runtime).controls
    assert not {"C-c", "C-d", "C-z", "C-\\"} & set(controls.clear)
    # Here it is pressed in a turn alone, and not twice within two seconds.
    assert ("C-c" in controls.interrupt) is (runtime in ("aider", "cursor-agent", "goose"))


def test_an_accept_log_may_be_below_the_home_and_have_a_pattern(tmp_path: Path) -> None:
    """A folder's own brackets are no pattern; of several files the latest counts."""
    [qwen] = [table for table in TABLES if table.name == "qwen-code"]
    seen = context(qwen, tmp_path)
    assert accept_log(qwen, seen) is None
    for number, project in enumerate(("older", "newer")):
        file = tmp_path / ".qwen/projects" / project / "chats/c1.jsonl"
        file.parent.mkdir(parents=True)
        file.touch()
        os.utime(file, (1000 + number, 1000 + number))
    found = accept_log(qwen, seen)
    assert found is not None
    assert found.parts[-3] == "newer"


@pytest.mark.parametrize("folder", ["**x", "a[*]b", "w*", "?"])
def test_a_star_in_a_folders_own_name_is_none_of_the_pattern(tmp_path: Path, folder: str) -> None:
    table = RuntimeTable("own", ("own",), "x", accept_log="{dir}/**/{conversation}*.jsonl")
    seen = context(table, tmp_path)
    seen = replace(seen, settings=replace(seen.settings, dir=str(tmp_path / folder)))
    (tmp_path / folder / "logs").mkdir(parents=True)
    (tmp_path / "wx" / "logs").mkdir(parents=True)
    (tmp_path / "wx" / "logs/c1.jsonl").touch()
    assert accept_log(table, seen) is None
    log = tmp_path / folder / "logs/c1.jsonl"
    log.touch()
    assert accept_log(table, seen) == log


@pytest.mark.parametrize("path", ["{dir}/**.jsonl", "~/logs/x**/a.log", "{dir}/\\u0000*"])
def test_a_pattern_that_no_folder_can_be_searched_for_is_refused_with_its_place(
    tmp_path: Path, path: str
) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'[runtimes.own]\nargv = ["own"]\nready = "x"\naccept_log = "{path}"\n')
    with pytest.raises(ConfigError, match=r"'accept_log'.*line 4"):
        load_config(file)


def test_the_list_names_each_runtime_once_and_tells_what_is_installed(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    home.roost.mkdir()
    (home.roost / "config.toml").write_text('[runtimes.pi]\nargv = ["mine"]\nready = "x"\n')
    package = home.root / "node_modules/@qwen-code/qwen-code"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"version": "9.9.9"}')
    (package / "cli.js").touch(mode=0o755)
    folder = home.root / "bin"
    folder.mkdir()
    (folder / "qwen").symlink_to(package / "cli.js")
    monkeypatch.setenv("PATH", str(folder))
    assert main(["runtimes", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert set(rows) == set(RESERVED) | {made.table.name for made in ready_made()}
    assert set(rows) > BUILT_IN
    assert (rows["qwen-code"]["kind"], rows["qwen-code"]["version"]) == ("ready-made", "9.9.9")
    assert (rows["pi"]["kind"], rows["pi"]["proven"]) == ("from config", None)
    assert (rows["aider"]["program"], rows["claude"]["kind"]) == (None, "built in")
    assert main(["runtimes"]) == 0
    assert "9.9.9" in capsys.readouterr().out
    assert main(["runtimes", "show", "pi"]) == 0
    assert capsys.readouterr().out == '[runtimes.pi]\nargv = ["mine"]\nready = "x"\n'
    assert main(["runtimes", "show", "claude"]) == 4
    assert main(["runtimes", "show", "nope"]) == 4
    assert main(["runtimes", "show"]) == 2


def test_a_version_is_read_from_what_npm_and_pip_leave(tmp_path: Path) -> None:
    script = tmp_path / "bin/aider"
    script.parent.mkdir()
    script.touch()
    assert installed_version(str(script), "aider_chat") is None
    (tmp_path / "lib/python3.12/site-packages/aider_chat-0.86.2.dist-info").mkdir(parents=True)
    assert installed_version(str(script), "aider_chat") == "0.86.2"
    (tmp_path / "package.json").write_text('{"version": "1.0.0"}')
    module = tmp_path / "node_modules/aider"
    module.mkdir(parents=True)
    (module / "run").touch()
    (module / "package.json").write_text(f'{{"deep": {"[" * 1500}{"]" * 1500}, "version": "2.0.0"}}')
    assert installed_version(str(module / "run")) == "2.0.0"
    assert installed_version(str(script)) is None, "a project around it is not its package"
