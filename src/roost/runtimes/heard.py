"""What sensors have in common whose program tells by an API: no files, no hooks, no dialogs at the start."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from roost.runtimes.facts import Fact
from roost.runtimes.view import Answer


class HeardSensor:
    """The part of a `Sensor` that is the same for all lines that are heard."""

    watches_screen = False
    styled = False
    records = True

    def find(self, agent_pid: int, mark: str | None) -> Sequence[Fact]:
        """There are no files."""
        del agent_pid, mark
        return ()

    def tails(self) -> Sequence[Path]:
        """None: its lines are heard."""
        return ()

    def status_path(self, agent_pid: int) -> Path | None:
        """None: its API tells."""
        del agent_pid

    def on_status(self, content: bytes | None) -> Sequence[Fact]:
        """There is no status file."""
        del content
        return ()

    def on_hook(self, name: str, payload: Mapping[str, Any]) -> None:
        """It has no hooks of ours."""
        del name, payload

    def boot_answer(self, screen: str) -> Answer | None:
        """It has no dialogs at its start."""
        del screen
        return None
