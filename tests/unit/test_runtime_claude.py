"""What the recorded screens of Claude Code 2.1.328 mean, and what its files and hooks say."""

from pathlib import Path

import pytest

from roost.runtimes import claude_screen
from roost.runtimes.base import Composer

SCREENS = Path(__file__).parents[1] / "data/screens/claude"
EMPTY, FILLED, HIDDEN = Composer.EMPTY, Composer.FILLED, Composer.HIDDEN
PROCEED = "Do you want to proceed?"

KNOWN: dict[str, tuple[Composer, str | None, bool]] = {
    "api-key": (HIDDEN, "Detected a custom API key in your environment", False),
    "auto-mode-nudge": (HIDDEN, "Make auto mode your default permission mode?", False),
    "busy": (EMPTY, None, True),
    "bypass-warning": (HIDDEN, "WARNING: Claude Code running in Bypass Permissions mode", False),
    "draft": (FILLED, None, False),
    "draft-collapsed-paste": (FILLED, None, False),
    "hook-hung": (EMPTY, None, False),
    "hook-refused": (EMPTY, None, False),
    "interrupted": (FILLED, None, False),
    "login": (HIDDEN, "Browser didn't open? Use the URL below to sign in (c to copy)", False),
    "mcp-permission": (HIDDEN, f"Tool use: {PROCEED}", False),
    "model-error": (EMPTY, None, False),
    "model-error-400": (EMPTY, None, False),
    "model-error-401": (EMPTY, None, True),
    "not-logged-in": (EMPTY, None, False),
    "not-logged-in-ready": (EMPTY, None, False),
    "onboarding": (HIDDEN, "Choose the text style that looks best with your terminal", False),
    "permission": (HIDDEN, f"Bash command: {PROCEED}", False),
    "permission-80x24": (HIDDEN, f"Bash command: {PROCEED}", False),
    "permission-after-paste": (HIDDEN, f"Bash command: {PROCEED}", False),
    "permission-refused": (EMPTY, None, False),
    "project-mcp": (HIDDEN, "New MCP server found in this project: projsrv", False),
    "question": (HIDDEN, "☐ Colour: Which colour?", False),
    "queued": (EMPTY, None, True),
    "ready": (EMPTY, None, False),
    "ready-80x24": (EMPTY, None, False),
    "ready-accept-edits": (EMPTY, None, False),
    "ready-auto": (EMPTY, None, False),
    "ready-mcp-down": (EMPTY, None, False),
    "resumed": (EMPTY, None, False),
    "trust": (HIDDEN, "Accessing workspace: /tmp/w/proj", False),
    "trust-yes-selected": (HIDDEN, "Accessing workspace: /tmp/w/proj", False),
    "turn-done": (EMPTY, None, False),
}


def screen(name: str) -> str:
    return (SCREENS / f"{name}.txt").read_text()


def test_every_recorded_screen_is_known() -> None:
    assert sorted(path.stem for path in SCREENS.glob("*.txt")) == sorted(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_recorded_screens_are_judged(name: str) -> None:
    view = claude_screen.look_at(screen(name)).view
    assert (view.composer, view.dialog, view.busy) == KNOWN[name]
