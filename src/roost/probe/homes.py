"""Homes in which the agent programs start without a question and talk to the fake model."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct, field

_KEY = "sk-ant-0123456789abcdefghij"
_BUN = {"BUN_GC_TIMER_DISABLE": "1", "BUN_JSC_useDFGJIT": "0"}
"""An engine that compiles little and collects garbage only when it needs the memory."""


class Seed(Struct, frozen=True):
    """What a program needs beside its home in order to talk to the fake model.

    `argv` are words of its command line, `args` those that a peer of it is given.
    """

    environ: Mapping[str, str] = field(default_factory=dict[str, str])
    argv: tuple[str, ...] = ()
    args: str = ""


def seed_claude(home: Path, url: str, *trusted: Path) -> Seed:
    """Write the files of a user who has used Claude Code before and trusts these folders.

    Claude Code 2.1.328: each of these keys keeps one start-up dialog away. Manual mode is set because the
    mode is `auto` otherwise, which asks for no permission. A start and two turns take 6 seconds of a
    processor, but 4.1 where its engine spares itself the upper two tiers of compilation. Claude Code 2.1.332
    takes 0.15 to 0.25 of a processor at rest, but 0.06 where it does not collect garbage each second nor
    gives memory back at once; its first four seconds take 1.1 seconds of a processor instead of 2.
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
            **_BUN,
            "CLAUDE_CODE_DISABLE_OFFICIAL_MARKETPLACE_AUTOINSTALL": "1",
            "DISABLE_AUTOUPDATER": "1",
            "MIMALLOC_PURGE_DELAY": "-1",
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
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return Seed({"FAKE_KEY": "not-a-secret"}, ("--no-daemon", "--disable", "plugins"), "--disable plugins")


def seed_opencode(home: Path, url: str, *_trusted: Path) -> Seed:
    """Write the configuration of a user whose OpenCode knows the fake model and asks before it acts.

    OpenCode 1.18.33: it fetches the package for plugins into the folder of its configuration (and looks up
    the registry for that), unless there is a `node_modules` and the lock names the package. A start takes
    6.8 seconds of a processor, but 4.4 where the catalogue of all models is empty and no other provider is
    looked into, and 3.2 where its engine spares itself the upper two tiers of compilation. While it waits for
    its model it spends half a processor on what moves on its screen.
    """
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
            "enabled_providers": ["fake"],
            "model": "fake/fake-model",
            "small_model": "fake/fake-small",
            "autoupdate": False,
            "share": "disabled",
            "permission": {"bash": "ask", "edit": "ask"},
        },
    )
    _write(home / ".local/state/opencode/kv.json", {"animations_enabled": False})
    catalogue = home / ".config/opencode/models.json"
    _write(catalogue, {})
    plugins = {"dependencies": {"@opencode-ai/plugin": "*"}}
    _write(home / ".config/opencode/package.json", plugins)
    _write(home / ".config/opencode/package-lock.json", {"lockfileVersion": 3, "packages": {"": plugins}})
    (home / ".config/opencode/node_modules").mkdir(exist_ok=True)
    return Seed(
        {
            **_BUN,
            "FAKE_KEY": "not-a-secret",
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
            "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            "OPENCODE_DISABLE_MODELS_FETCH": "1",
            "OPENCODE_MODELS_PATH": str(catalogue),
        }
    )


def seed_gemini(home: Path, url: str, *trusted: Path) -> Seed:
    """Write the files of a user who has chosen an API key and trusts these folders.

    Gemini CLI 0.61.0: it looks up play.googleapis.com for statistics and the registry for updates otherwise.
    """
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


def seed_claude_agent(home: Path, url: str, *trusted: Path) -> Seed:
    """As `seed_claude`, for the ACP adapter of Claude Code: 0.101.0 looks up api.anthropic.com otherwise."""
    seed = seed_claude(home, url, *trusted)
    return Seed({**seed.environ, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"})


def seed_any(_home: Path, url: str, *_trusted: Path) -> Seed:
    """The variables by which many programs find their model; whether this one does is seen."""
    return Seed(
        {
            "ANTHROPIC_API_KEY": _KEY,
            "ANTHROPIC_BASE_URL": url,
            "GEMINI_API_KEY": "not-a-secret",
            "GOOGLE_GEMINI_BASE_URL": url,
            "OPENAI_API_BASE": f"{url}/v1",
            "OPENAI_API_KEY": "not-a-secret",
            "OPENAI_BASE_URL": f"{url}/v1",
        }
    )


HOMES: Mapping[str, Callable[..., Seed]] = {
    "claude": seed_claude,
    "claude-acp": seed_claude_agent,
    "codex": seed_codex,
    "codex-thread": seed_codex,
    "demo": lambda *_: Seed(),
    "demo-acp": lambda *_: Seed(),
    "gemini": seed_gemini,
    "gemini-acp": seed_gemini,
    "opencode": seed_opencode,
    "opencode-acp": seed_opencode,
}
"""What makes the home of a user of each runtime: `HOMES[name](home, url, *trusted)`."""


def _write(path: Path, content: Mapping[str, object]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(json.dumps(content).encode())
    path.chmod(0o600)
