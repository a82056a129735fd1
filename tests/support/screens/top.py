"""docs/top.md: the view of `roost top` with sixty peers, on a terminal of 80 columns and 24 lines."""

import asyncio
import re
from pathlib import Path
from unittest.mock import patch

from roost.client.connection import Record
from roost.client.daemon import Daemon
from roost.client.registry import Registry
from roost.top.view import View
from tests.support.screens.crew import Crew
from tests.support.screens.page import Stage, noon

TOP = Path(__file__).resolve().parents[3] / "docs/top.md"
WIDTH, HEIGHT = 80, 24
_SCREEN = re.compile(r"(^### 80 columns\n\n```text\n)(.*?)(^```)", re.MULTILINE | re.DOTALL)
_SAME = 5
"""So many looks in a row, each after all that was waiting, at which nothing has changed: it is drawn."""


def with_top(text: str) -> str:
    """The page, its screen as the code draws it now."""
    return _SCREEN.sub(lambda found: f"{found[1]}{shown()}{found[3]}", text)


def shown() -> str:
    """What the view shows of the crew, without colours."""
    with noon(WIDTH):
        return asyncio.run(_shown(Stage(Crew()).call_or_read("list")))


async def _shown(rows: list[Record]) -> str:
    view = View(Daemon("/nowhere"), [], None)
    with patch.object(Registry, "follow", following(rows)):
        async with view.run_test(size=(WIDTH, HEIGHT)) as pilot:
            while view.selected is None:
                await pilot.pause()
            looks: list[str] = []
            # The rows, their layout and its scroll bar are drawn one after the other.
            while len(looks) < _SAME or len(set(looks[-_SAME:])) > 1:
                await pilot.pause()
                strips = view.screen._compositor.render_strips()
                looks.append("".join(f"{strip.text.rstrip()}\n" for strip in strips))
            return looks[-1]


def following(rows: list[Record]):  # noqa: ANN201 -- what it stands for
    """A daemon that tells these rows, and nothing more."""

    async def follow(registry: Registry):  # noqa: ANN202 -- what it stands for
        registry.rows = {str(row["name"]): row for row in rows}
        registry.error = None
        yield registry.rows, []
        await asyncio.Event().wait()

    return follow
