"""Findings of `doctor`: a code for each, a test that ends each, commands that run as they are printed."""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import roost
from roost.cli import doctor as examining
from roost.cli import doctor_places
from roost.cli.commands import doctor
from roost.cli.main import main
from roost.local.paths import find_places
from roost.present.finding import Code, good, quote, wrong

SOURCE = Path(roost.__file__).parent
TESTS = Path(__file__).parents[1]


def codes_in(tree: ast.AST) -> set[Code]:
    """The codes that are named as `Code.NAME`."""
    return {
        Code[node.attr]
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Code"
    }


def cured_in_tests() -> Iterator[Code]:
    """The codes of all cases: each is produced, and ended by what is printed."""
    for path, call in calls(TESTS, "Case"):
        if path.name.startswith("test_"):
            yield from codes_in(call.args[0])


def made() -> Iterator[tuple[str, set[Code], set[str | None]]]:
    """Where findings are made, with their codes and what else they are given."""
    for path, call in calls(SOURCE, "wrong", "note"):
        yield f"{path.name}:{call.lineno}", codes_in(call), {each.arg for each in call.keywords}


def calls(folder: Path, *names: str) -> Iterator[tuple[Path, ast.Call]]:
    """The calls of a function of such a name, in the modules that mention one."""
    for path in folder.rglob("*.py"):
        text = path.read_text()
        if not any(name in text for name in names):
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
                yield path, node


def test_each_code_is_made_somewhere_and_ended_by_a_test() -> None:
    assert set(Code) == {code for _, codes, _ in made() for code in codes}
    assert set(Code) == set(cured_in_tests())


def test_each_finding_is_made_with_one_code_and_a_cure() -> None:
    found = list(made())
    assert len(found) >= len(Code)
    assert not [one for one in found if len(one[1]) != 1 or not {"fix", "advice"} & one[2]]


def test_a_code_says_its_name() -> None:
    assert [code for code in Code if code.value != code.name.lower().replace("_", "-")] == []


WORDS = [
    "plain",
    "a b",
    "it's",
    "$HOME `id`",
    "a\nb",
    "\x1b[31m",
    "\u202eabc",
    "\\n'",
    "\udcff",
    "*",
    "é",
    "~",
    "",
]


def test_any_path_can_be_put_into_a_shell_and_shows_in_a_terminal() -> None:
    quoted = [quote(word) for word in WORDS]
    assert all(word.isprintable() for word in quoted)
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {' '.join(quoted)}"], capture_output=True, check=True, timeout=30
    )
    assert done.stdout.split(b"\0")[:-1] == [os.fsencode(word) for word in WORDS]


def test_a_command_stays_on_one_line_in_a_narrow_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    fix = f"chmod 700 '/a{'/long' * 20} name'"
    doctor._show(
        wrong(Code.FOLDER_OPEN, "state folder", "it is open to other users", fix=fix, advice="look " * 20)
    )
    shown = capsys.readouterr().out.splitlines()
    assert [line for line in shown if len(re.sub("\x1b.*?m", "", line)) > 40] == [f"       -> {fix}"]


@pytest.mark.parametrize(
    ("fix", "addressed"),
    [
        ("roost up", "roost --home '/a b' up"),
        ("roost down && roost restore B; roost up", "X down && X restore B; X up"),
        ("env -u XDG_RUNTIME_DIR roost up --replace", "env -u XDG_RUNTIME_DIR X up --replace"),
        ("chmod 700 '/a roost b'", "chmod 700 '/a roost b'"),
        ("roost --home /c service uninstall && roost up", "roost --home /c service uninstall && X up"),
        ("systemctl --user reset-failed roost && roost up", "systemctl --user reset-failed roost && X up"),
    ],
)
def test_commands_are_for_the_folder_that_was_asked_about(fix: str, addressed: str) -> None:
    finding = wrong(Code.DAEMON_MUTE, "daemon", "see `roost status`", fix=fix, advice="as `roost list` says")
    changed = doctor._addressed(finding, "/a b")
    ours = "roost --home '/a b'"
    assert changed["fix"] == re.sub(r"\bX\b", ours, addressed)
    assert (changed["detail"], changed["advice"]) == (f"see `{ours} status`", f"as `{ours} list` says")


@pytest.mark.parametrize(("up", "maker"), [(True, "the daemon"), (False, "`roost up`")])
def test_a_log_folder_that_was_removed_is_made_by_whom_doctor_says(
    tmp_path: Path, *, up: bool, maker: str
) -> None:
    found = doctor_places.folders(find_places({}, str(tmp_path)), up=up)
    assert f"{maker} makes it" in next(each["detail"] for each in found if each["check"] == "log folder")


@pytest.mark.parametrize("up", [True, False])
def test_a_store_begins_anew_by_a_command_that_ends_its_daemon_and_is_for_its_folder(
    tmp_path: Path, *, up: bool
) -> None:
    places = find_places({}, str(tmp_path))
    places.state.mkdir()
    places.database.write_bytes(b"no database" * 999)
    places.database.with_name("damaged").mkdir()
    (found,) = examining._store(places, up=up)
    away, ours = f"{places.state}/damaged1", f"roost --home {tmp_path}"
    ends = f"{ours} down && " if up else ""
    assert doctor._addressed(found, str(tmp_path))["advice"] == (
        f"without a backup, `{ends}mkdir -p {away} && mv {places.database}* {away} && {ours} up`"
        " begins anew and ends no agent; with one:"
    )


@pytest.mark.tmux
def test_the_printed_cure_names_the_folder_of_its_option(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "a b"
    assert main(["--home", str(home), "doctor"]) == 0
    assert f"-> roost --home '{home}' up\n" in capsys.readouterr().out
    assert good("x", "y")["code"] is None
