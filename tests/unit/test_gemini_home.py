"""A session's home for Gemini CLI 0.61.0 beside the user's own, and the user's own arguments and policies."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from roost.errors import InvalidSettingError
from roost.runtimes import gemini_args, gemini_screen
from roost.runtimes.context import Context
from roost.runtimes.gemini import POLICY, GeminiRuntime
from roost.runtimes.gemini_home import make_home, user_home
from roost.runtimes.gemini_processes import processes_of
from roost.runtimes.view import Composer
from tests.support.gemini_record import CONVERSATION, context, screen


def settings(path: Path, **said: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(said))


@pytest.fixture
def made(tmp_path: Path) -> Context:
    """A session whose user has a home."""
    (tmp_path / "home/.gemini").mkdir(parents=True)
    (tmp_path / "s").mkdir()
    return context(tmp_path)


def policies(made: Context, *args: str) -> list[str]:
    """The policies that it is started with beside ours."""
    argv = GeminiRuntime().plan(replace(made, settings=replace(made.settings, args=args))).argv
    assert argv[3:5] == ("--policy", str(made.home / POLICY))
    return list(argv[5:])


def test_policies_that_the_users_settings_name_come_along(made: Context, tmp_path: Path) -> None:
    """`--policy` takes their place (0.61.0)."""
    user, project = tmp_path / "mine.toml", tmp_path / "ours"
    user.touch()
    project.mkdir()
    settings(tmp_path / "home/.gemini/settings.json", policyPaths=[str(user), str(tmp_path / "gone")])
    settings(tmp_path / "work/.gemini/settings.json", policyPaths=[str(project)])
    (tmp_path / "home/.gemini/policies").mkdir()
    assert policies(made) == ["--policy", str(user), "--policy", str(project)]
    assert policies(made, "--policy", "x.toml") == ["--policy", "x.toml"], "theirs alone, as without roost"


def test_settings_that_are_nested_deep_are_read_all_the_same(made: Context, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.touch()
    path = tmp_path / "home/.gemini/settings.json"
    settings(path)
    path.write_text(f'{{"deep": {"[" * 1500}{"]" * 1500}, "policyPaths": ["{mine}"]}}')
    assert policies(made) == ["--policy", str(mine)]


def test_without_any_the_users_folder_of_policies_comes_along(made: Context, tmp_path: Path) -> None:
    assert policies(made) == []
    (tmp_path / "home/.gemini/policies").mkdir()
    assert policies(made) == ["--policy", str(tmp_path / "home/.gemini/policies")]


@pytest.mark.parametrize("where", ["home", "work"])
def test_a_server_of_our_name_is_refused_in_either_file(made: Context, tmp_path: Path, where: str) -> None:
    path = tmp_path / where / ".gemini/settings.json"
    settings(path, mcpServers={"roost": {"command": "theirs"}})
    with pytest.raises(InvalidSettingError, match=str(path)):
        GeminiRuntime().plan(made)
    path.write_text("[]")
    assert GeminiRuntime().plan(made).argv, "what its program does not read is no obstacle"


def test_folders_that_the_user_trusts_are_where_their_variable_says(made: Context) -> None:
    name = "GEMINI_CLI_TRUSTED_FOLDERS_PATH"
    own = GeminiRuntime().plan(replace(made, environ={**made.environ, name: "/theirs"}))
    assert own.env[name] == "/theirs"


def test_a_home_that_the_user_has_chosen_is_the_one_that_is_linked(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path / "home"), "GEMINI_CLI_HOME": str(tmp_path / "chosen")}
    assert user_home(environ) == tmp_path / "chosen"
    home = make_home(environ, tmp_path / "s")
    assert (home / ".gemini/settings.json").resolve() == tmp_path / "chosen/.gemini/settings.json"
    assert not (tmp_path / "home").exists()


def test_a_home_is_made_again_and_holds_only_what_is_there(made: Context, tmp_path: Path) -> None:
    """A session's folder may be made before; what lies beside `.gemini` is linked where the user has it."""
    extensions = tmp_path / "home/.gemini/extensions"
    for name in ("roost", "theirs"):
        (extensions / name).mkdir(parents=True)
    (tmp_path / "home/.env").touch()
    make_home(made.environ, made.home)
    home = make_home(made.environ, made.home)
    ours = home / ".gemini/extensions/roost"
    assert ours.is_dir()
    assert not ours.is_symlink(), "one of the user's of that name is not taken for ours"
    assert not (home / ".gemini/projects.json").is_symlink(), "its program replaces that by renaming"
    assert (home / ".env").resolve() == tmp_path / "home/.env"
    assert not (home / ".agents").is_symlink()
    assert (home / "settings.json").resolve() == tmp_path / "home/.gemini/settings.json", "for its launcher"


def test_ours_is_never_left_out_of_a_list(tmp_path: Path) -> None:
    words = gemini_args.read(context(tmp_path, args=("-e", "NONE", "--", "x")[:2]).settings)
    assert words == ("--extensions", "roost")


def test_a_process_that_ends_meanwhile_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "8").mkdir()
    (tmp_path / "8/cmdline").write_bytes(f"gemini\0--resume\0{CONVERSATION}\0".encode())
    assert processes_of(CONVERSATION, tmp_path) == [8]
    assert processes_of(CONVERSATION, tmp_path / "gone") == []


@pytest.mark.parametrize("mode", ["NORMAL", "INSERT"])
def test_the_hint_of_vim_is_no_draft(mode: str) -> None:
    key = "i" if mode == "INSERT" else "Esc"
    shown = screen("ready").replace("Type your message or @path/to/file", f"Press '{key}' for {mode} mode.")
    assert gemini_screen.look_at(shown).view.composer is Composer.EMPTY


def test_what_was_said_since_hides_the_box_above_it() -> None:
    """Also where a rule is drawn above a prompt that was entered."""
    assert gemini_screen.look_at(f"{screen('ready')}\n✦ said since\n").view.composer is Composer.HIDDEN


def test_a_box_has_edges_of_one_kind() -> None:
    mixed = screen("ready").replace("▄", "─")
    assert gemini_screen.look_at(mixed).view.composer is not Composer.EMPTY


def test_words_that_end_in_a_question_mark_are_no_dialog() -> None:
    view = gemini_screen.look_at("Some words\nof an answer, are they?\n").view
    assert (view.composer, view.dialog) == (Composer.HIDDEN, None)


BUSY = "(esc to cancel, 3s)"
RETRY = "Trying to reach x (Attempt 1/3)"


@pytest.mark.parametrize("title", ["◇  Ready (w)", "Gemini CLI (w)", ""])
@pytest.mark.parametrize("words", [BUSY, f" ⠧ Thinking... {BUSY}", f"It shows Thinking... {BUSY}"])
@pytest.mark.parametrize("name", ["ready", "draft"])
def test_what_was_said_about_a_turn_is_no_turn(name: str, words: str, title: str) -> None:
    """Only the status row tells of one: what was said, right above it as well, may hold the same words."""
    rows = screen(name).splitlines()
    rule = max(index for index, row in enumerate(rows) if row.startswith("─────"))
    said = [words, f" ⠧ {RETRY} {BUSY}", f"✦ {words}", f"  {words}"]
    look = gemini_screen.look_at("\n".join([*rows[: rule - 1], *said, *rows[rule - 1 :]]), title)
    assert (look.view.busy, look.retry) == (False, None)
    rows[rule - 1] = ""
    look = gemini_screen.look_at("\n".join([*rows[: rule - 1], *said, *rows[rule - 1 :]]), title)
    assert (look.view.busy, look.retry) == (False, None), "with a status row that is empty"


@pytest.mark.parametrize("took", ["3s", "2m 3s", "1h 2m 3s"])
@pytest.mark.parametrize("row", [f" ⠧ {RETRY}", f"  {RETRY}", f"⠧ {RETRY}"])
def test_the_status_row_tells_of_a_turn_where_no_title_does(row: str, took: str) -> None:
    """Also without a spinner; and with the details hidden, where it stands right above the box."""
    rows = screen("ready").splitlines()
    rule = max(index for index, each in enumerate(rows) if each.startswith("─────"))
    status = f"{row} (esc to cancel, {took})"
    bare = [*rows[: rule - 1], status, *rows[rule + 2 : rule + 5]]
    for shown in (bare, [*rows[: rule - 1], f"{status}      ? for shortcuts", *rows[rule:]]):
        look = gemini_screen.look_at("\n".join(shown))
        assert (look.view.composer, look.view.busy, look.retry) == (Composer.EMPTY, True, RETRY)
        assert not gemini_screen.look_at("\n".join(shown), "◇  Ready (w)").view.busy


def test_the_choice_of_a_folder_without_its_question_is_not_answered() -> None:
    choice = screen("trust").replace("Do you trust the files in this folder?", "Choose a folder")
    assert gemini_screen.boot_answer(choice, {"w"}) is None
