"""Issue 17: a file that two peers write is told of, by what a real CLI tells of its own tool."""

import json
from itertools import count
from pathlib import Path

import pytest

from tests.support.home import Home
from tests.support.real import PATIENCE, Agents, agents_in
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]


def test_17_a_file_that_it_and_another_write_is_told_once(home: Home) -> None:
    """Gemini CLI's tool is told of in a session of its other tests."""
    with agents_in(home, "demo", "claude") as agents:
        agents.add("a", "claude", args="--permission-mode acceptEdits")
        agents.wake("a")
        told_once(agents, "Write")


def told_once(agents: Agents, tool: str) -> None:
    """`tool` is what the program of `a` writes a file with."""
    roost, folder = agents.roost, agents.roost.home.work / "a"
    agents.add("b", "demo")
    roost.call("watch", file=str(folder))
    numbers = count()

    def writes(path: Path) -> None:
        """The program's own tool writes the file."""
        call = f"@@tool {tool} {json.dumps({'file_path': str(path), 'content': 'new'})}@@\n@@silent@@"
        roost.until_message(roost.send("a", call)["id"], "done")
        assert path.read_text() == "new"

    def told() -> list[str]:
        mail = [item["body"] for item in roost.call("inbox", name="operator")]
        return [body for body in mail if " wrote " in body]

    def both_write() -> list[str]:
        """A file in their turn; on a busy machine their writes may lie too far apart. All news so far."""
        both = folder / f"both{next(numbers)}"
        writes(both)
        roost.until_message(roost.send("b", f"@@silent@@\n@@write {both}@@")["id"], "done")
        return told()

    writes(folder / "alone")
    (news, *_) = wait_until(both_write, timeout=PATIENCE, why="the operator is told")
    assert f"'a' wrote {folder.resolve()}/both" in news
    assert " and 'b' at " in news
    assert not any("alone" in body for body in told())
