"""A start loads nothing that only the agents' tools need; the first call over MCP waits for it."""

import shutil
import threading
from pathlib import Path

from roost.local.program import FOLDER
from tests.support.daemon import Roost, roost_in
from tests.support.home import Home
from tests.support.posting import LISTING, post


def loaded(roost: Roost) -> bool:
    """Whether the library behind the tools is in the daemon's memory."""
    return "pydantic_core" in Path(f"/proc/{roost.daemon.pid}/maps").read_text()


def test_the_tools_are_loaded_at_the_first_call_and_never_out_of_another_program(home: Home) -> None:
    library = home.root / "lib"
    shutil.copytree(FOLDER, library / "roost", ignore=shutil.ignore_patterns("__pycache__"))
    part = library / "roost/daemon/serve/mcp/tools.py"
    began = part.read_text()
    with roost_in(home, started=False) as roost:
        roost.start(environ={"PYTHONPATH": str(library)})
        roost.add("a")
        roost.call("wake", name="a")
        bearer = f"Bearer {roost.token('a')}"
        assert post(roost, "/hooks/Stop", Authorization=bearer)[0] == 200
        assert not loaded(roost)
        part.write_text(began + "\n# of another version\n")
        for _ in range(2):  # what has failed is tried again
            status, said = post(roost, "/mcp", LISTING, Authorization=bearer)
            assert (status, "`roost up --replace`" in said) == (503, True), said
        assert not loaded(roost)
        assert "roost was replaced under this daemon" in roost.said()
        part.write_text(began)
        answers: list[int] = []

        def call() -> None:
            answers.append(post(roost, "/mcp", LISTING, Authorization=bearer)[0])

        callers = [threading.Thread(target=call) for _ in range(3)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert answers == [200, 200, 200]
        assert loaded(roost)
