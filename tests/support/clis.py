"""The real agent CLIs: where scripts/clis put them, and a home in which they start without a question."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
_KEY = "sk-ant-0123456789abcdefghij"


@dataclass(frozen=True, slots=True)
class Cli:
    """An installed CLI of the pinned version."""

    name: str
    version: str
    path: Path
    """The program; its folder has to be on PATH for nothing but the name."""


@dataclass(frozen=True, slots=True)
class Seed:
    """What a CLI needs in order to talk to the fake model: environment variables and arguments."""

    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    argv: tuple[str, ...] = ()


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
    if found is None and pin_set() == "previous" and PACKAGES[name] not in _dependencies():
        pytest.skip(f"the previous set has no {name}")
    if found is None:
        problem = f"{name} {pinned(name)} is not in {cache()}; run scripts/clis{_option()}"
        if os.environ.get("ROOST_REQUIRE_CLIS") or os.environ.get("CI"):
            pytest.fail(problem)
        pytest.skip(problem)
    return found


def seed_claude(home: Path, url: str, *trusted: Path) -> Seed:
    """Write the files of a user who has used Claude Code before and trusts these folders.

    Claude Code 2.1.328: each of these keys keeps one start-up dialog away. Manual mode is set because the
    mode is `auto` otherwise, which asks for no permission.
    """
    _write(
        home / ".claude.json",
        {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            "customApiKeyResponses": {"approved": [_KEY[-20:]], "rejected": []},
            "hasSeenAutoDefaultNotice": True,
            "hasSeenAutoDefaultNudge": True,
            "officialMarketplaceAutoInstallAttempted": True,
            "projects": {str(folder): {"hasTrustDialogAccepted": True} for folder in trusted},
        },
    )
    _write(home / ".claude/settings.json", {"permissions": {"defaultMode": "default"}})
    return Seed(
        {
            "ANTHROPIC_API_KEY": _KEY,
            "ANTHROPIC_BASE_URL": url,
            "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
            "DISABLE_AUTOUPDATER": "1",
        }
    )


def seed_codex(home: Path, url: str, *trusted: Path) -> Seed:
    """Write the configuration of a user whose Codex knows the fake model and trusts these folders.

    Codex 0.169.0: in a folder that is not trusted it asks for no permission but refuses what would need one.
    """
    lines = [
        'model = "fake-model"',
        'model_provider = "fake"',
        "check_for_update_on_startup = false",
        "[analytics]",
        "enabled = false",
        "[model_providers.fake]",
        'name = "fake"',
        f'base_url = "{url}/v1"',
        'wire_api = "responses"',
        'env_key = "FAKE_KEY"',
    ]
    for folder in trusted:
        lines += [f'[projects."{folder}"]', 'trust_level = "trusted"']
    path = home / ".codex/config.toml"
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return Seed({"FAKE_KEY": "not-a-secret"}, ("--no-daemon", "--disable", "plugins"))


def seed_opencode(home: Path, url: str, *_trusted: Path) -> Seed:
    """Write the configuration of a user whose OpenCode knows the fake model and asks before it acts."""
    model = {"name": "Fake Model", "limit": {"context": 1_000_000, "output": 32_000}}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Fake",
        "options": {"baseURL": f"{url}/v1", "apiKey": "{env:FAKE_KEY}"},
        "models": {"fake-model": model, "fake-small": model},
    }
    _write(
        home / ".config/opencode/opencode.json",
        {
            "$schema": "https://opencode.ai/config.json",
            "provider": {"fake": provider},
            "model": "fake/fake-model",
            "small_model": "fake/fake-small",
            "autoupdate": False,
            "share": "disabled",
            "permission": {"bash": "ask", "edit": "ask"},
        },
    )
    return Seed(
        {
            "FAKE_KEY": "not-a-secret",
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
        }
    )


def seed_gemini(home: Path, url: str, *trusted: Path) -> Seed:
    """Write the files of a user who has chosen an API key and trusts these folders."""
    _write(
        home / ".gemini/settings.json",
        {
            "general": {
                "disableAutoUpdate": True,
                "disableUpdateNag": True,
                "enableAutoUpdate": False,
                "enableAutoUpdateNotification": False,
            },
            "privacy": {"usageStatisticsEnabled": False},
            "security": {"auth": {"selectedType": "gemini-api-key"}},
        },
    )
    _write(home / ".gemini/trustedFolders.json", {str(folder): "TRUST_FOLDER" for folder in trusted})
    return Seed(
        {
            "COLORTERM": "truecolor",
            "GEMINI_API_KEY": "not-a-secret",
            "GOOGLE_GEMINI_BASE_URL": url,
        }
    )


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


def _write(path: Path, content: dict[str, object]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.encode(content))
    path.chmod(0o600)
