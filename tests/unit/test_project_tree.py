"""What holds for every file of the project: size, privacy, locks, layers, version."""

import ast
import configparser
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

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
_KNOWN_HOSTS = {"www.apache.org", "semver.org"}


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


@pytest.mark.parametrize("module", MODULES + TESTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_is_longer_than_500_lines(module: Path) -> None:
    assert len(module.read_text().splitlines()) <= 500


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
        if "support" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            imported = isinstance(node, ast.ImportFrom) and any(alias.name == "sleep" for alias in node.names)
            called = (
                isinstance(node, ast.Call)
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
    assert PROJECT["project"]["dynamic"] == ["version"]
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
def test_layers_import_downwards_only(tmp_path: Path) -> None:
    """Each layer contract is seen red on a small package with the same settings."""
    package = tmp_path / "roost"
    package.mkdir()
    (package / "__init__.py").touch()
    for layer in (
        "cli",
        "daemon",
        "runtimes",
        "host",
        "host/shimlib",
        "store",
        "core",
        "demo_agent",
        "present",
    ):
        (package / layer).mkdir()
        (package / layer / "__init__.py").touch()
    for module in (
        "errors",
        "host/shim",
        "host/interfaces",
        "host/errors",
        "store/memory",
        "store/sqlite",
        "store/writer",
    ):
        (package / f"{module}.py").touch()
    (package / "store/codec.py").write_text("import msgspec\n")
    assert _broken_contracts(tmp_path) == set()
    breaks = {
        "pure-core": ("core/sessions/wake.py", "import time"),
        "layers": ("host/late.py", "import roost.daemon"),
        "runtimes": ("runtimes/late.py", "import roost.store"),
        "thin-cli": ("cli/late.py", "import roost.host"),
        "light-cli": ("cli/heavy.py", "import starlette"),
        "stand-alone": ("demo_agent/late.py", "import click"),
    }
    for name, text in breaks.values():
        (package / name).write_text(text + "\n")
    assert _broken_contracts(tmp_path) >= {contract for contract in breaks if contract != "layers"} | {
        "layers"
    }


def _broken_contracts(folder: Path) -> set[str]:
    settings = PROJECT["tool"]["importlinter"]
    ini = configparser.ConfigParser()
    ini["importlinter"] = {"root_package": "roost", "include_external_packages": "True"}
    for contract in settings["contracts"]:
        ini[f"importlinter:contract:{contract['id']}"] = {
            key: "\n" + "\n".join(value) if isinstance(value, list) else value
            for key, value in contract.items()
            if key != "id"
        }
    with (folder / "layers.ini").open("w") as file:
        ini.write(file)
    broken: set[str] = set()
    for contract in settings["contracts"]:
        code = (
            "import sys; sys.path.insert(0, sys.argv[1]); from importlinter.cli import lint_imports;"
            "sys.exit(lint_imports('layers.ini', limit_to_contracts=(sys.argv[2],), cache_dir=None))"
        )
        run = subprocess.run(
            [sys.executable, "-c", code, str(folder), contract["id"]],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Could not" not in run.stdout + run.stderr, run.stdout + run.stderr
        assert run.returncode in {0, 1}, run.stderr
        if run.returncode:
            broken.add(contract["id"])
    return broken
