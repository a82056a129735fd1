"""The real agent CLIs: where scripts/clis put them, and a home in which they start without a question."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import pytest

_PINS = Path(__file__).with_name("cli_pins")
PACKAGES = {
    "claude": "@anthropic-ai/claude-code",
    "codex": "@openai/codex",
    "opencode": "opencode-ai",
    "gemini": "@google/gemini-cli",
    "claude-agent-acp": "@agentclientprotocol/claude-agent-acp",
}
"""What npm calls each program. scripts/clis says the same."""
_NODE = 20


@dataclass(frozen=True, slots=True)
class Cli:
    """An installed CLI of the pinned version."""

    name: str
    version: str
    path: Path
    """The program; its folder has to be on PATH for nothing but the name."""


def pin_set() -> str:
    """Which set is driven: the pinned one (empty), or what ROOST_CLI_PINS names: `previous` or `newest`."""
    return os.environ.get("ROOST_CLI_PINS", "")


def cache() -> Path:
    """The folder that scripts/clis installs the set into."""
    given = os.environ.get("ROOST_CLI_CACHE")
    base = given or f"{os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'}/roost-clis"
    return Path(f"{base}-{pin_set()}" if pin_set() else base)


def pinned(name: str) -> str:
    """The version of a CLI in the set."""
    return _dependencies().get(PACKAGES[name], "of no version")


def find(name: str) -> Cli | None:
    """The CLI in its pinned version, or None."""
    path = cache() / "node_modules/.bin" / name
    manifest = cache() / "node_modules" / PACKAGES[name] / "package.json"
    try:
        version = msgspec.json.decode(manifest.read_bytes(), type=dict[str, Any])["version"]
    except OSError:
        return None
    if version != pinned(name) or not os.access(path, os.X_OK):
        return None
    return Cli(name, version, path)


def require(name: str) -> Cli:
    """The CLI; without it the test is skipped, or fails where the CLIs are required (CI).

    The set that was pinned before has only two of them: a test of another is skipped there.
    """
    found = find(name)
    if found is not None and name == "gemini" and not _node_is_new_enough():
        _lacking("gemini needs Node.js 20 or later")
    if found is None and pin_set() == "previous" and PACKAGES[name] not in _dependencies():
        pytest.skip(f"the previous set has no {name}")
    if found is None:
        _lacking(f"{name} {pinned(name)} is not in {cache()}; run scripts/clis{_option()}")
    return found


def _lacking(problem: str) -> NoReturn:
    if os.environ.get("ROOST_REQUIRE_CLIS") or os.environ.get("CI"):
        pytest.fail(problem)
    pytest.skip(problem)


def _node_is_new_enough() -> bool:
    """Gemini CLI 0.61.0 is a syntax error to Node.js 18."""
    try:
        said = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False, timeout=20)
    except FileNotFoundError:
        return False
    return int(said.stdout.strip().lstrip("v").partition(".")[0] or 0) >= _NODE


def _option() -> str:
    return f" --{pin_set()}" if pin_set() else ""


def _dependencies() -> dict[str, str]:
    """What the set names. The newest ones are known only where they are installed."""
    folder = {"": _PINS, "previous": _PINS / "previous"}.get(pin_set(), cache())
    try:
        return msgspec.json.decode((folder / "package.json").read_bytes(), type=dict[str, Any])[
            "dependencies"
        ]
    except OSError:
        return {}
