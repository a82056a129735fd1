"""A start loads nothing that only the loopback port or the agents' tools need; who calls waits for it."""

import shutil
import sys
import threading
from pathlib import Path

import psutil

from roost.local.program import FOLDER
from tests.support.daemon import Roost, roost_in
from tests.support.home import Home
from tests.support.posting import LISTING, post

NEEDED = {
    "apsw",
    "httptools",
    "msgspec",
    "roost",
    "typing_extensions",
}
"""What a daemon may have loaded when it answers, beside the standard library."""
SMALL = {"cython_runtime"}
"""What those look for, or bring along, at no cost."""
TELLS = """
import sys
before = set(sys.modules)
from pathlib import Path
from roost.host.notify import Notifier
from roost.daemon.__main__ import leave, main

answers = Notifier.ready

def ready(self, status):
    Path({path!r}).write_text("\\n".join(name for name in sys.modules if name not in before))
    answers(self, status)

Notifier.ready = ready
leave(main())
"""
"""A daemon that writes down which modules it has loaded when it answers, beside those of its interpreter."""


def test_a_daemon_has_loaded_nothing_else_when_it_answers(home: Home) -> None:
    """A start is an outage: whatever is loaded before the first answer makes it longer."""
    told = home.root / "modules"
    with roost_in(home, started=False) as roost:
        roost.start(sys.executable, "-c", TELLS.format(path=str(told)))
        roost.call("status")
        listening = [
            each.laddr.ip
            for each in psutil.Process(roost.daemon.pid).net_connections("inet")
            if each.status == psutil.CONN_LISTEN
        ]
        assert listening == ["127.0.0.1"], "the port of the agents' tools, and none for other hosts"
    modules = set(told.read_text().split("\n"))
    assert "roost.daemon.notify.courier" not in modules
    apart = ("roost.daemon.hosts.hosts", "roost.daemon.hosts.link", "roost.host.nats", "roost.host.seal")
    assert not {name for name in modules if name.startswith(apart)}, "it is in no fleet"
    packages = {name.partition(".")[0] for name in modules}
    foreign = {name for name in packages - sys.stdlib_module_names if not name.startswith("_")}
    assert foreign - SMALL == NEEDED
    assert "argparse" not in modules


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
