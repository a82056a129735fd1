"""What the recorded screens of Codex 0.169.0 mean, and what its files say."""

from pathlib import Path

import pytest

from roost.runtimes import codex_screen
from roost.runtimes.base import Composer

SCREENS = Path(__file__).parents[1] / "data/screens/codex"
EMPTY, FILLED, HIDDEN = Composer.EMPTY, Composer.FILLED, Composer.HIDDEN
COMMAND = "Would you like to run the following command?"

KNOWN: dict[str, tuple[Composer, str | None, bool]] = {
    "busy": (EMPTY, None, True),
    "draft": (FILLED, None, False),
    "draft-collapsed-paste": (FILLED, None, False),
    "folder-access": (HIDDEN, "Folder access", False),
    "hooks-review": (HIDDEN, "Hooks need review", False),
    "interrupted": (EMPTY, None, False),
    "login": (HIDDEN, "Welcome to Codex, OpenAI's command-line coding agent", False),
    "mcp-permission": (HIDDEN, 'Allow the roost MCP server to run tool "send_message"?', False),
    "model-error": (EMPTY, None, False),
    "model-error-401": (EMPTY, None, True),
    "model-error-529": (EMPTY, None, False),
    "model-error-retrying": (EMPTY, None, True),
    "open-elsewhere": (HIDDEN, "This conversation is open in another app", False),
    "permission": (HIDDEN, COMMAND, False),
    "permission-80x24": (HIDDEN, COMMAND, False),
    "permission-after-paste": (HIDDEN, COMMAND, False),
    "permission-refused": (EMPTY, None, False),
    "ready": (EMPTY, None, False),
    "ready-80x24": (EMPTY, None, False),
    "ready-mcp-down": (EMPTY, None, False),
    "resume-directory": (HIDDEN, "Working directory · resume", False),
    "resume-unknown": (HIDDEN, None, False),
    "resumed": (EMPTY, None, False),
    "steered": (EMPTY, None, True),
    "turn-done": (EMPTY, None, False),
}


def screen(name: str) -> str:
    return (SCREENS / f"{name}.txt").read_text()


def test_every_recorded_screen_is_known() -> None:
    assert sorted(path.stem for path in SCREENS.glob("*.txt")) == sorted(KNOWN)


@pytest.mark.parametrize("name", KNOWN)
def test_recorded_screens_are_judged(name: str) -> None:
    view = codex_screen.look_at(screen(name)).view
    assert (view.composer, view.dialog, view.busy) == KNOWN[name]
