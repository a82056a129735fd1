"""Issue 17: a file that two peers write is told of, by what a real CLI tells of its own tool."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from tests.support.home import Home
from tests.support.real import PATIENCE, Agents, agents_in
from tests.support.wait import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]
ARGUMENTS = "--disable plugins --sandbox danger-full-access --ask-for-approval never"


def test_17_a_file_that_it_and_another_write_is_told_once(home: Home) -> None:
    """Codex's; those of Claude Code, Gemini CLI and an app-server are told of beside their other tests."""
    with agents_in(home, "demo", "codex") as agents:
        agents.settings["codex"] = {**agents.settings["codex"], "args": ARGUMENTS}
        agents.add("a", "codex")
        agents.wake("a")
        told_once(agents, by_patch)


def by_tool(name: str) -> Callable[[Path], str]:
    """How a model has a file written by a tool of this name."""
    return lambda path: f"@@tool {name} {json.dumps({'file_path': str(path), 'content': 'new'})}@@"


def by_patch(path: Path) -> str:
    """How Codex's does: its shell is given a patch, which Codex takes as one."""
    patch = f"*** Begin Patch\n*** Add File: {path}\n+new\n*** End Patch"
    given = {"cmd": f"apply_patch <<'EOF'\n{patch}\nEOF\n"}
    return f"@@tool exec_command {json.dumps(given)}@@"


def told_once(agents: Agents, call: Callable[[Path], str], name: str = "a", where: str = "a") -> None:
    """`call` is what has the program of this peer write a file, in the folder `where`."""
    roost, folder = agents.roost, agents.roost.home.work / where
    agents.add("b", "demo")
    roost.call("watch", file=str(folder))
    numbers = count()

    def writes(path: Path) -> None:
        """The program's own tool writes the file."""
        roost.until_message(roost.send(name, f"{call(path)}\n@@silent@@")["id"], "done")
        assert path.read_text().strip() == "new"

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
    assert f"'{name}' wrote {folder.resolve()}/both" in news
    assert " and 'b' at " in news
    assert not any("alone" in body for body in told())
