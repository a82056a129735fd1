"""Who has connected (F31), by a process table in memory: trees, scopes, markers, leftovers."""

import asyncio
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from roost.core.vocabulary.peer import PeerState
from roost.core.vocabulary.session import Processes, ServerThread, Session
from roost.daemon.serve import callers
from roost.daemon.serve.caller import OPERATOR, Caller
from roost.daemon.serve.callers import Callers
from roost.errors import DeniedError
from roost.host.interfaces.processes import Marker
from roost.host.memory.processes import MemoryProcesses
from roost.host.process_table import WALKS, ProcessRow, ancestors
from roost.host.remote import Remote
from tests.support import store_samples

HOME = Path("/srv/roost")


class Stage:
    """A peer `worker` with a session: server, shim, agent."""

    def __init__(self) -> None:
        self.system = MemoryProcesses()
        self.marker = Marker("s" * 32, "n", str(HOME), "worker")
        server = self.system.spawn(marker=self.marker)
        shim = self.system.spawn(parent=server.pid, marker=self.marker)
        self.agent = self.system.spawn(parent=shim.pid, marker=self.marker)
        self.state: PeerState | None = None
        fleet = SimpleNamespace(
            states=lambda: [self.state], find=lambda name: self.state if name == "worker" else None
        )
        self.callers = Callers(cast("Any", fleet), self.system, HOME, self.holder)
        known = Processes(self.agent, shim, server, f"/run/t/{'s' * 16}")
        self.launching = replace(store_samples.session(), id="s" * 32, nonce="n", processes=None)
        self.session = replace(self.launching, processes=known)

    @staticmethod
    async def holder(token: str) -> Caller:
        return Caller("worker", token)

    def asks(self, caller: Caller, token: str | None = None, *, looks: bool = False) -> Caller:
        return asyncio.run(self.callers.proven(token, caller, looks=looks))

    def has(self, *sessions: Session) -> None:
        self.state = PeerState.of(store_samples.peer(), sessions, ())
        self.callers.committed("worker", self.state, ())

    def who(self, pid: int) -> Caller:
        return self.callers.of(Remote(os.getuid(), pid))


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_the_nearest_session_above_a_process_is_its_own(stage: Stage) -> None:
    stage.has(stage.session)
    bare = stage.system.spawn(parent=stage.agent.pid)
    posing = stage.system.spawn(parent=bare.pid, marker=Marker("other", "m", str(HOME)))
    for process in (stage.agent, bare, posing):
        assert stage.who(process.pid) == Caller("worker", "s" * 32, process.pid)
    outside = stage.system.spawn()
    assert stage.who(outside.pid) == Caller(pid=outside.pid)


def test_a_session_that_is_being_launched_is_known_by_its_marker(stage: Stage) -> None:
    stage.has(stage.launching)
    assert stage.who(stage.system.spawn(parent=stage.agent.pid).pid).peer == "worker"


def test_F31_of_a_server_with_many_threads_each_is_known_by_what_its_shell_was_told(stage: Stage) -> None:
    server = stage.system.spawn()
    thread = ServerThread("unix:/s", "t1", server)
    stage.has(replace(stage.session, processes=None, thread=thread))
    shell = stage.system.spawn(parent=server.pid, environ={"CODEX_THREAD_ID": "t1"})
    posing = stage.system.spawn(parent=shell.pid, environ={"CODEX_THREAD_ID": "t2"})
    assert stage.who(posing.pid) == Caller("worker", "s" * 32, posing.pid)
    other = stage.system.spawn(parent=server.pid, environ={"CODEX_THREAD_ID": "t2"})
    untold = stage.system.spawn(parent=server.pid)
    elsewhere = stage.system.spawn(parent=stage.system.spawn().pid, environ={"CODEX_THREAD_ID": "t1"})
    for process in (other, untold, elsewhere, server):
        assert stage.who(process.pid) == Caller(pid=process.pid)
    stage.has()  # it has left: it may join again
    assert stage.who(shell.pid) == Caller(pid=shell.pid)


def test_what_an_ended_session_left_is_no_operator(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.has(stage.session)
    stage.has()
    assert "session of 'worker'" in (stage.who(stage.agent.pid).refused or "")
    bare = stage.system.spawn()
    monkeypatch.setattr(callers, "scope_of", {bare.pid: "s" * 16}.get)
    assert "session of 'worker'" in (stage.who(bare.pid).refused or "")
    stage.has(stage.session)
    assert stage.who(bare.pid).peer == "worker"


def test_another_homes_agent_is_an_operator_here(stage: Stage) -> None:
    stage.has(stage.session)
    theirs = stage.system.spawn(marker=Marker("s" * 32, "n", "/another"))
    assert stage.who(theirs.pid) == Caller(pid=theirs.pid)


def test_who_is_gone_and_who_is_another_user_are_refused(stage: Stage) -> None:
    assert "has ended" in (stage.who(4).refused or "")
    assert "another user" in (stage.callers.of(Remote(os.getuid() + 1, stage.agent.pid)).refused or "")
    assert (
        stage.who(0) == OPERATOR
    )  # outside of our pid namespace: nothing that a session started can be there


def test_a_table_that_cannot_be_read_makes_nobody_the_operator(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.system.broken = True
    monkeypatch.setattr(callers, "remote_of", lambda _socket: Remote(os.getuid(), stage.agent.pid))
    found = asyncio.run(stage.callers.at(cast("Any", None)))
    with pytest.raises(DeniedError, match="cannot be told"):
        stage.asks(found)
    assert not stage.asks(found, looks=True).is_agent, "it is shown as ever what is so"


def test_an_agents_connection_ends_with_its_session(stage: Stage) -> None:
    stage.has(stage.session)
    caller = stage.who(stage.agent.pid)
    assert stage.asks(caller) is caller
    assert stage.asks(caller, "s" * 32).session == "s" * 32
    with pytest.raises(DeniedError, match="another session"):
        stage.asks(caller, "t")
    stage.has()
    with pytest.raises(DeniedError, match="has ended"):
        stage.asks(caller)


def test_a_parent_that_ends_within_the_look_hides_nothing() -> None:
    """The shim gets the child: the line is read again, however often that happens."""
    rows = {
        1: ProcessRow(1, 0, 1, 0, zombie=False),
        10: ProcessRow(10, 1, 5, 0, zombie=False),
        12: ProcessRow(12, 11, 8, 0, zombie=False),
    }
    parents = {11: ProcessRow(11, 10, 7, 0, zombie=False)}
    seen: list[int] = []

    def row_of(pid: int) -> ProcessRow | None:
        seen.append(pid)
        if pid == 11 and pid in parents:  # it ends as it is looked for
            del parents[11]
            rows[12] = replace(rows[12], ppid=10)
            return None
        return rows.get(pid)

    assert [row.pid for row in ancestors(12, row_of) or ()] == [12, 10, 1]
    rows[12] = replace(rows[12], ppid=13)
    rows[13] = ProcessRow(13, 1, 99, 0, zombie=False)  # a reused pid: it is younger than its child
    assert [row.pid for row in ancestors(12, row_of) or ()] == [12]


def test_a_line_that_never_holds_still_is_not_told() -> None:
    turns = iter(range(10 * WALKS))
    found = ancestors(
        5, lambda pid: ProcessRow(5, 100 + next(turns), 9, 0, zombie=False) if pid == 5 else None
    )
    assert found is None
