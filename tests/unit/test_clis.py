"""The set of agent CLIs that the tests drive: what scripts/clis installs is what the tests look for."""

import re
from pathlib import Path

import msgspec
import pytest

from tests.support import clis

ROOT = Path(__file__).resolve().parents[2]
PINS = ROOT / "tests/support/cli_pins"


def packages(file: Path) -> dict[str, str]:
    return msgspec.json.decode(file.read_bytes())["dependencies"]


@pytest.fixture(autouse=True)
def _nothing_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ROOST_CLI_CACHE", str(tmp_path / "none"))
    monkeypatch.setenv("ROOST_REQUIRE_CLIS", "1")
    monkeypatch.delenv("ROOST_CLI_PINS", raising=False)


def test_the_script_the_tests_and_the_pins_name_the_same_programs_in_exact_versions() -> None:
    pinned = packages(PINS / "package.json")
    named = re.findall(
        r"^ {4}([a-z-]+)\) printf %s (\S+) ;;$", (ROOT / "scripts/clis").read_text(), re.MULTILINE
    )
    assert dict(named) == clis.PACKAGES
    assert set(clis.PACKAGES.values()) == set(pinned)
    for version in (*pinned.values(), *packages(PINS / "previous/package.json").values()):
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_the_locks_name_no_place_to_fetch_from_and_every_platform() -> None:
    for file in (PINS / "package-lock.json", PINS / "previous/package-lock.json"):
        locked = msgspec.json.decode(file.read_bytes())["packages"]
        assert not [name for name, entry in locked.items() if "resolved" in entry]
        wanted = {each for entry in locked.values() for each in entry.get("optionalDependencies", {})}
        assert wanted <= {name.rpartition("node_modules/")[2] for name in locked}


def test_what_the_tests_install_has_a_hash() -> None:
    """Only platforms of OpenCode that no test runs on lack one."""
    for file in (PINS / "package-lock.json", PINS / "previous/package-lock.json"):
        locked = msgspec.json.decode(file.read_bytes())["packages"]
        bare = {name for name, entry in locked.items() if name and "integrity" not in entry}
        assert all(locked[name].get("optional") for name in bare)
        assert all(name.startswith("node_modules/opencode-") for name in bare)
        assert not bare & {"node_modules/opencode-linux-x64", "node_modules/opencode-linux-x64-baseline"}


@pytest.mark.parametrize("name", clis.PACKAGES)
def test_without_a_pinned_cli_a_test_that_needs_it_fails_where_they_are_required(name: str) -> None:
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception), match="run scripts/clis") as caught:
        clis.require(name)
    assert caught.type is pytest.fail.Exception


@pytest.mark.parametrize("name", clis.PACKAGES)
def test_a_cli_that_the_previous_set_has_not_is_skipped_there(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROOST_CLI_PINS", "previous")
    outcome = pytest.fail.Exception if name in {"claude", "codex"} else pytest.skip.Exception
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception)) as caught:
        clis.require(name)
    assert caught.type is outcome


@pytest.mark.real
@pytest.mark.parametrize(("node", "usable"), [("v18.20.8", False), ("v20.20.2", True)])
def test_gemini_is_skipped_where_node_is_too_old_for_it(
    node: str, usable: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    modules = tmp_path / "none/node_modules"
    program, manifest = modules / ".bin/gemini", modules / clis.PACKAGES["gemini"] / "package.json"
    for file, content in (
        (program, ""),
        (manifest, f'{{"version": "{clis.pinned("gemini")}"}}'),
        (tmp_path / "path/node", f"#!/bin/sh\necho {node}\n"),
    ):
        file.parent.mkdir(parents=True)
        file.write_text(content)
        file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/usr/bin:/bin")
    if usable:
        assert clis.require("gemini").path == program
    else:
        monkeypatch.delenv("ROOST_REQUIRE_CLIS")
        monkeypatch.delenv("CI", raising=False)
        with pytest.raises(pytest.skip.Exception, match=r"Node\.js 20"):
            clis.require("gemini")
