"""A scripted program behind a screen, as it runs in a terminal in memory."""

from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct


class Launch(Struct, frozen=True):
    """What a terminal was started with."""

    socket: Path
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path


class Pasted(Struct, frozen=True):
    """Input: one bracketed paste."""

    text: bytes


class Pressed(Struct, frozen=True):
    """Input: one named key."""

    key: str


class MemoryProgram:
    """What runs in a pane. This one shows its input; override `react` for another behaviour."""

    def __init__(self, launch: Launch) -> None:
        """Start with an empty screen."""
        self.launch = launch
        self.screen = ""
        self.title = ""
        self.log: Path | None = None
        self.inputs: list[Pasted | Pressed] = []

    def react(self, received: Pasted | Pressed) -> None:
        """Change `screen` and `title` as the program would: pastes appear, Enter ends the line."""
        if isinstance(received, Pasted):
            self.screen += received.text.decode("utf-8", "replace")
        elif received.key == "Enter":
            self.screen += "\n"
        elif len(received.key) == 1:
            self.screen += received.key
