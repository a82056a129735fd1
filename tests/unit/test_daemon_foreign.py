"""Whose a process is that has a conversation open, judged on a process table in memory (P5)."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from roost.core.vocabulary.session import Processes, Session, WakeCause
from roost.daemon.session.foreign import Foreign, Holder
from roost.host.interfaces.processes import Marker
from roost.host.memory.processes import MemoryProcesses
from roost.runtimes.runtime import Claim

OURS, OTHERS = "/r", "/other"


class Table:
    """A process table, and one session of ours."""

    def __init__(self) -> None:
        self.processes = MemoryProcesses()
        agent = self.processes.spawn(marker=Marker("s", "n", OURS))
        self.session = Session(
            *("s", "p", 1, "n", WakeCause.PARKED_ALWAYS, True, 0, 0),
            conversation="c",
            processes=Processes(agent, agent, agent, "/s"),
        )

    def judge(self, pid: int, start: int | None = None) -> Holder | None:
        machine = SimpleNamespace(
            processes=self.processes, places=SimpleNamespace(home=Path(OURS)), runtimes=None
        )
        fleet = SimpleNamespace(listeners=SimpleNamespace(on_committed=[]))
        foreign = Foreign(cast("Any", machine), cast("Any", fleet), cast("Any", None))
        return foreign._judge(Claim(pid, start, "its file"), self.session)


@pytest.fixture
def table() -> Table:
    return Table()


def test_a_process_without_a_marker_is_somebody_elses(table: Table) -> None:
    stranger = table.processes.spawn()
    assert table.judge(stranger.pid, stranger.start) == Holder(stranger.pid, "program", "its file", None)


def test_a_session_of_another_home_is_named_by_it(table: Table) -> None:
    stranger = table.processes.spawn(marker=Marker("x", "y", OTHERS))
    holder = table.judge(stranger.pid)
    assert holder is not None
    assert holder.named == f"process {stranger.pid} (program), of another roost ({OTHERS})"


def test_what_carries_our_marker_is_ours(table: Table) -> None:
    earlier = table.processes.spawn(marker=Marker("earlier", "n", OURS))
    assert table.judge(earlier.pid) is None


def test_a_child_of_our_agent_is_ours_whatever_it_says(table: Table) -> None:
    assert table.session.processes is not None
    child = table.processes.spawn(parent=table.session.processes.agent.pid)
    assert table.judge(child.pid) is None


def test_H4_zombies_and_recycled_pids_hold_nothing(table: Table) -> None:
    stranger = table.processes.spawn()
    assert table.judge(stranger.pid, stranger.start + 1) is None
    table.processes.end(stranger.pid, zombie=True)
    assert table.judge(stranger.pid, stranger.start) is None
    assert table.judge(999_999) is None
