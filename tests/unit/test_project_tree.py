"""What holds for every file of the project: size, privacy, locks, layers, version."""

import ast
import configparser
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

import roost

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = sorted((ROOT / "src").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
_GENERATED = {
    ".git",
    ".venv",
    ".hypothesis",
    ".pytest_cache",
    ".ruff_cache",
    ".import_linter_cache",
    "__pycache__",
}

# Addresses that a reader may need: the licence text, and the version scheme of the change log.
_KNOWN_HOSTS = {"www.apache.org", "semver.org", "www.standardwebhooks.com"}


def _files() -> Iterator[Path]:
    """The files that git would hand to somebody else."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        paths = (ROOT / name for name in listed.stdout.decode().split("\0") if name)
    else:  # an unpacked source archive
        paths = (each for each in ROOT.rglob("*") if not _GENERATED & set(each.relative_to(ROOT).parts))
    return (path for path in paths if path.is_file())


FILES = sorted(_files())


def _texts() -> Iterator[tuple[str, str]]:
    for path in FILES:
        try:
            yield str(path.relative_to(ROOT)), path.read_text()
        except UnicodeDecodeError:
            continue


def test_no_module_is_longer_than_a_few_screens() -> None:
    """A test's module may hold more than one noun."""
    found = [
        f"{module.relative_to(ROOT)}: {lines} lines"
        for modules, most in ((MODULES, 350), (TESTS, 500))
        for module in modules
        if (lines := len(module.read_text().splitlines())) > most
    ]
    assert found == []


def test_most_modules_are_short() -> None:
    assert median(len(module.read_text().splitlines()) for module in MODULES) <= 110


def test_no_home_folder_or_workplace_is_named() -> None:
    """Paths of the machine that a file was written on tell others nothing, and tell on its author."""
    personal = re.compile(
        r"/(?:home|Users)/(?!you\b|me\b|user\b)[a-z]\w*|(?<![\w.$}])/(?:root|work|workspace|opt)/\w+"
    )
    allowed = re.compile(r"/opt/homebrew\b")
    found = [
        f"{name}: {match.group()}"
        for name, text in _texts()
        if not name.endswith("test_project_tree.py")
        for match in personal.finditer(text)
        if not allowed.match(match.group())
    ]
    assert found == []


def test_no_package_index_is_named() -> None:
    """Where packages come from is the business of the machine that installs them."""
    index = re.compile(
        r"--(?:extra-)?index-url\b|--find-links\b|--trusted-host\b|\bpypi\.org\b|pythonhosted|registry\.npmjs|\"resolved\":",
        re.IGNORECASE,
    )
    found = [
        f"{name}: {match.group()}"
        for name, text in _texts()
        if name not in {"scripts/lock", "tests/unit/test_project_tree.py"}
        for match in index.finditer(text)
    ]
    assert found == []


def test_no_credential_is_in_the_tree() -> None:
    """Made-up keys for the fake model begin with 0123."""
    secret = re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY|\bsk-(?:ant|proj)-(?!0123)[\w-]{20,}"
        r"|\bgh[pousr]_\w{30,}|\bAKIA[0-9A-Z]{16}\b"
        r"|https?://[^\s/@:\"']+:[^\s/@\"']+@"
    )
    assert [
        f"{name}: {match.group()[:12]}" for name, text in _texts() for match in secret.finditer(text)
    ] == []


def test_links_between_documents_lead_somewhere() -> None:
    dead = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in FILES
        if path.suffix == ".md"
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", path.read_text())
        if not (path.parent / target).exists()
    ]
    assert dead == []


@pytest.mark.parametrize("name", ["runtime", "build", "dev", "hcom"])
def test_locks_pin_every_package_with_hashes(name: str) -> None:
    text = (ROOT / f"requirements/{name}.txt").read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines
    for line in lines:
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ;[^#]*)?(\s+--hash=sha256:[0-9a-f]{64})+\s*", line), line[
            :80
        ]


def _pins(name: str) -> dict[str, str]:
    return dict(
        re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / f"requirements/{name}.txt").read_text(), re.MULTILINE)
    )


def test_the_development_lock_holds_the_others() -> None:
    assert _pins("runtime").items() <= _pins("dev").items()
    assert _pins("build").items() <= _pins("dev").items()


def test_the_runtime_lock_covers_the_declared_dependencies() -> None:
    declared = {
        re.split(r"[<>=!~;\[ ]", requirement)[0] for requirement in PROJECT["project"]["dependencies"]
    }
    assert declared <= _pins("runtime").keys()


def test_no_test_file_imports_or_calls_sleep() -> None:
    """The guard sees a sleep that runs; this one also sees a sleep that hides behind an import."""
    found: list[str] = []
    for path in TESTS:
        text = path.read_text()
        if "support" in path.parts or "sleep" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            imported = isinstance(node, ast.ImportFrom) and any(alias.name == "sleep" for alias in node.names)
            called = (
                isinstance(node, ast.Call)
                and getattr(node.func, "attr", "") == "sleep"
                and ast.unparse(node.func) in {"time.sleep", "asyncio.sleep"}
                and [ast.unparse(argument) for argument in node.args] != ["0"]
            )
            if imported or called:
                found.append(f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}")
    assert found == []


def test_every_linter_exception_has_its_reason_beside_it() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    codes = [line for line in lines if re.match(r'  "[A-Z]+[0-9]*",', line)]
    assert codes
    assert [line for line in codes if not re.search(r"# \w+", line)] == []


@pytest.mark.real
def test_the_version_is_said_once() -> None:
    assert PROJECT["project"]["dynamic"] == ["scripts", "version"]
    assert f"## {roost.__version__}" in (ROOT / "CHANGELOG.md").read_text()
    code = "import sys, roost; print(sorted(name for name in sys.modules if name.startswith('roost')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "['roost']"


def test_scripts_and_ci_are_runnable_and_strict() -> None:
    for path in [*(ROOT / "scripts").iterdir(), ROOT / ".ci/run"]:
        if not path.read_bytes().startswith(b"#!/usr/bin/env bash"):
            continue
        assert path.stat().st_mode & 0o111, path
        assert "set -euo pipefail" in path.read_text(), path


@pytest.mark.real
def test_layers_and_rooms_import_downwards_only(tmp_path: Path) -> None:
    """Each contract is kept by the package as it is, and seen broken by one late import in a copy of it."""
    package = tmp_path / "roost"
    shutil.copytree(ROOT / "src/roost", package, ignore=shutil.ignore_patterns("__pycache__"))
    assert _broken_contracts(tmp_path) == set()
    breaks = {
        "pure-core": ("core/sessions/late.py", "import time"),
        "layers": ("host/late.py", "import roost.daemon"),
        "runtimes": ("runtimes/late.py", "import roost.store"),
        "thin-cli": ("cli/late.py", "import roost.host"),
        "light-cli": ("cli/heavy.py", "import starlette"),
        "stand-alone": ("demo_agent/late.py", "import click"),
        "rooms-of-the-core": ("core/vocabulary/late.py", "import roost.core.decide"),
        "rooms-of-the-daemon": ("daemon/state/late.py", "import roost.daemon.session.live_sessions"),
        "rooms-of-serve": ("daemon/serve/api/late.py", "import roost.daemon.serve.http.server"),
    }
    assert set(breaks) == {contract["id"] for contract in PROJECT["tool"]["importlinter"]["contracts"]}
    for name, text in breaks.values():
        (package / name).write_text(text + "\n")
    assert _broken_contracts(tmp_path) == set(breaks)


def test_each_room_is_named_in_the_contributors_guide() -> None:
    """One line a room: what a stranger looks through first."""
    guide = (ROOT / "CONTRIBUTING.md").read_text()
    for room in ("core", "daemon"):
        for package in sorted((ROOT / "src/roost" / room).glob("*/__init__.py")):
            assert f"`{room}/{package.parent.name}/`" in guide, package


def _broken_contracts(folder: Path) -> set[str]:
    """The ids of the contracts that a copy of the package in this folder breaks."""
    settings = PROJECT["tool"]["importlinter"]
    ini = configparser.ConfigParser()
    ini["importlinter"] = {"root_package": "roost", "include_external_packages": "True"}
    for contract in settings["contracts"]:
        ini[f"importlinter:contract:{contract['id']}"] = {
            key: "\n" + "\n".join(value) if isinstance(value, list) else str(value)
            for key, value in contract.items()
            if key != "id"
        }
    with (folder / "layers.ini").open("w") as file:
        ini.write(file)
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from importlinter.cli import lint_imports;"
        "sys.exit(lint_imports('layers.ini', cache_dir=None))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=folder, capture_output=True, text=True, check=False
    )
    said = run.stdout + run.stderr
    assert run.returncode in {0, 1}, said
    assert "Could not" not in said, said
    broken = {contract["id"] for contract in settings["contracts"] if f"{contract['name']} BROKEN" in said}
    assert bool(broken) == bool(run.returncode), said
    return broken
