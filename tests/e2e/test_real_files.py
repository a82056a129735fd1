"""Issue 17: a file that two peers write is told of, by what a real CLI tells of its own tool."""

import json
from itertools import count
from pathlib import Path

import pytest

from tests.support.home import Home
from tests.support.real import PATIENCE, agents_in
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]

CASES = {
    "claude": ("--permission-mode acceptEdits", "Write", "file_path"),
    "gemini": ("--approval-mode auto_edit", "write_file", "file_path"),
}
"""Arguments with which it asks nobody, its tool that writes a file, and what names that."""


@pytest.mark.parametrize("runtime", CASES)
def test_17_a_file_that_it_and_another_write_is_told_once(home: Home, runtime: str) -> None:
    arguments, tool, field = CASES[runtime]
    with agents_in(home, "demo", runtime) as agents:
        roost, given = agents.roost, agents.settings[runtime]
        given["args"] = f"{given.get('args', '')} {arguments}".strip()
        agents.add("a", runtime)
        agents.add("b", "demo")
        agents.wake("a")
        roost.call("watch", file=str(home.work / "a"))
        numbers = count()

        def writes(path: Path) -> None:
            """The program's own tool writes the file."""
            call = f"@@tool {tool} {json.dumps({field: str(path), 'content': 'new'})}@@\n@@silent@@"
            roost.until_message(roost.send("a", call)["id"], "done")
            assert path.read_text() == "new"

        def told() -> list[str]:
            mail = [item["body"] for item in roost.call("inbox", name="operator")]
            return [body for body in mail if " wrote " in body]

        def both_write() -> list[str]:
            """A file in their turn; on a busy machine their writes may lie too far apart. All news so far."""
            both = home.work / "a" / f"both{next(numbers)}"
            writes(both)
            roost.until_message(roost.send("b", f"@@silent@@\n@@write {both}@@")["id"], "done")
            return told()

        writes(home.work / "a" / "alone")
        (news, *_) = wait_until(both_write, timeout=PATIENCE, why="the operator is told")
        assert f"'a' wrote {(home.work / 'a').resolve()}/both" in news
        assert " and 'b' at " in news
        assert not any("alone" in body for body in told())
