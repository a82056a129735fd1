"""docs/screens.md: the commands that people look at all day, with sixty peers, in three widths."""

import io
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from roost.cli import output
from roost.cli.app import App
from roost.cli.catalog import find
from roost.cli.parser import parse
from roost.core.vocabulary.message import Message
from roost.present.objects import message_row, message_story, peer_object, peer_row
from tests.support.screens.crew import NOW, Crew

PAGE = Path(__file__).resolve().parents[3] / "docs/screens.md"
_SECTION = re.compile(r"^## `roost (.*?)`\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"(^### (\d+) columns\n\n```text\n)(.*?)(^```)", re.MULTILINE | re.DOTALL)


class Screen(io.StringIO):
    """A terminal that keeps what it shows."""

    def isatty(self) -> bool:
        """It is one."""
        return True


class Stage(App):
    """Answers as a daemon with this crew would."""

    def __init__(self, crew: Crew) -> None:
        """Nothing was asked yet."""
        super().__init__()
        self._crew = crew

    def call_or_read(self, method: str, params: dict[str, Any] | None = None) -> Any:  # noqa: ANN401 -- JSON
        """The answer of the daemon's method."""
        asked = params or {}
        if method == "list":
            return [peer_row(state, NOW) for state in self._crew.states]
        if method == "messages":
            return [self._row(message) for message in self._crew.history()]
        if method == "message":
            story = self._crew.story
            return message_story(story, None, self._crew.bodies[story.message.id].encode())
        (state,) = [each for each in self._crew.states if each.peer.name == asked["name"]]
        return peer_object(state, NOW, self._crew.bodies)

    def _row(self, message: Message) -> dict[str, Any]:
        return message_row(message, self._crew.bodies[message.id])


def page(text: str) -> str:
    """The page, each of its screens as the code prints it now."""
    crew = Crew()

    def section(found: re.Match[str]) -> str:
        words = found[1].split()

        def block(screen: re.Match[str]) -> str:
            return f"{screen[1]}{shown(Stage(crew), words, int(screen[2]))}{screen[4]}"

        return _BLOCK.sub(block, found[0])

    return _SECTION.sub(section, text)


def screens(text: str) -> list[tuple[str, int, str]]:
    """The command, the columns and the text of each screen of the page."""
    return [
        (command, int(columns), screen)
        for command, rest in _SECTION.findall(text)
        for _, columns, screen, _ in _BLOCK.findall(rest)
    ]


def shown(stage: Stage, words: list[str], columns: int) -> str:
    """What a command shows on a terminal without colours."""
    screen = Screen()
    with noon(columns), redirect_stdout(screen):
        reading = parse(words, find)
        assert reading is not None, words
        assert reading.run(stage) == 0
    return screen.getvalue()


@contextmanager
def noon(columns: int) -> Iterator[None]:
    """The crew's moment, in UTC, on a terminal of that width."""
    environ = {**os.environ, "TZ": "UTC", "COLUMNS": str(columns), "NO_COLOR": "1"}
    environ.pop("ROOST_TOKEN", None)
    with (
        patch.dict(os.environ, environ, clear=True),
        patch.object(output, "time", SimpleNamespace(time=lambda: NOW)),
    ):
        time.tzset()
        yield
    time.tzset()
