"""The roost of the chaos with the real programs: its user's home, its peers, the model."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from roost.fake_model import FakeModel
from roost.probe import homes
from tests.support import clis
from tests.support.daemon import Roost
from tests.support.home import Home, environment

_COMMON = {"restarts": "1000"}
PEERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "claude-warm": ("claude", {**_COMMON, "idle": "12s", "resume": "always"}),
    "claude-task": ("claude", {**_COMMON, "wake": "ephemeral", "quiet": "3s", "silence": "15s"}),
    "codex-warm": ("codex", {**_COMMON, "idle": "12s", "resume": "topic"}),
    "codex-task": ("codex", {**_COMMON, "wake": "ephemeral", "quiet": "3s", "silence": "15s"}),
}
"""Runtime and settings. The bounds are tight, so that what must not be ended is often about to be."""
REFUSED_WORD = "FORBIDDENWORD"
POISON = "a text that this model never forgives"
_WORK = """#!/bin/sh
echo $$ >"$1.begun"
sleep "$2"
: >"$1.done"
"""
_HOOK = """#!/bin/sh
mode="$(cat "$0.mode" 2>/dev/null)" || exit 0
grep -q {word} || exit 0
case "$mode" in
exit) echo "the house rules refuse this" >&2; exit 2 ;;
block) echo '{{"decision": "block", "reason": "the house rules refuse this"}}' ;;
stop) echo '{{"continue": false, "stopReason": "the house rules refuse this"}}' ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The roost, the model, and the folder of the user's programs."""

    roost: Roost
    model: FakeModel
    programs: Path
    hook: Path
    settings: Mapping[str, Mapping[str, str]]

    @property
    def hook_mode(self) -> Path:
        """While this file is there, the user's hook refuses prompts with a certain word in its way."""
        return self.hook.with_name(self.hook.name + ".mode")

    def runtime(self, peer: str) -> str:
        return PEERS[peer][0]

    def folder(self, peer: str) -> Path:
        return self.roost.home.work / peer

    def add(self, peer: str) -> None:
        """Make a peer; its folder holds the program that works in the background."""
        runtime, bounds = PEERS[peer]
        folder = self.folder(peer)
        folder.mkdir(exist_ok=True)
        (folder / "work.sh").write_text(_WORK)
        given = {**self.settings[runtime], **bounds, "env.CHAOS_PEER": peer}
        if runtime == "claude":
            given["env.ANTHROPIC_CUSTOM_HEADERS"] = f"x-peer: {peer}"
        self.roost.add(peer, runtime, **given)

    def replace(self, runtime: str, how: str) -> None:
        """The program in the middle of its update: `away`, a `stub`, `torn`, or `whole` again.

        The stub is what an npm package of Claude Code holds until its installation has ended: no `#!` line.
        """
        path = self.programs / runtime
        path.unlink(missing_ok=True)
        if how == "whole":
            path.symlink_to(_cli(runtime).path)
        elif how != "away":
            text = "echo 'it is being installed' >&2\nexit 1\n" if how == "stub" else "half a file"
            path.write_text(text)
            path.chmod(0o755)


def _cli(name: str) -> clis.Cli:
    found = clis.find(name)
    if found is None:
        msg = f"{name} {clis.pinned(name)} is not in {clis.cache()}; run scripts/clis"
        raise FileNotFoundError(msg)
    return found


@contextmanager
def fleet_in(home: Home) -> Iterator[Fleet]:
    """A roost that is not started yet, in the home of a user of both programs."""
    programs = home.root / "p"
    programs.mkdir()
    environ = environment(os.environ, home)
    environ["PATH"] = os.pathsep.join([str(programs), environ["PATH"]])
    environ["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    roost = Roost(home, environ)
    hook = home.user / "hook"
    hook.write_text(_HOOK.format(word=REFUSED_WORD))
    hook.chmod(0o755)
    with FakeModel() as model:
        settings = _seed(home, model.url, hook)
        fleet = Fleet(roost, model, programs, hook, settings)
        for runtime in ("claude", "codex"):
            fleet.replace(runtime, "whole")
        yield fleet


def _seed(home: Home, url: str, hook: Path) -> dict[str, dict[str, str]]:
    folders = [home.work / peer for peer in PEERS]
    claude, codex = homes.seed_claude(home.user, url, *folders), homes.seed_codex(home.user, url, *folders)
    hooks = {"UserPromptSubmit": [{"hooks": [{"type": "command", "command": str(hook)}]}]}
    allowed = {"defaultMode": "default", "allow": ["Bash(sh work.sh:*)"]}
    user = {"permissions": allowed, "hooks": hooks}
    (home.user / ".claude/settings.json").write_bytes(msgspec.json.encode(user))
    (home.user / ".codex/hooks.json").write_bytes(msgspec.json.encode({"hooks": hooks}))
    config = home.user / ".codex/config.toml"
    headers = 'env_http_headers = { "x-peer" = "CHAOS_PEER" }'
    config.write_text(config.read_text().replace('env_key = "FAKE_KEY"', f'env_key = "FAKE_KEY"\n{headers}'))
    given = {name: {f"env.{key}": value for key, value in seed.environ.items()} for name, seed in
             (("claude", claude), ("codex", codex))}  # fmt: skip
    given["claude"]["env.CLAUDE_CODE_MAX_RETRIES"] = "1"
    given["codex"]["args"] = "--disable plugins --dangerously-bypass-hook-trust"
    return given
