"""Reading /proc: what is gone, what is unreadable, what is odd."""

import os
import sys
from pathlib import Path

import pytest

from roost.host import process_linux
from roost.host.errors import SensorError
from roost.host.interfaces.processes import Liveness, Marker
from roost.host.process import SystemProcesses
from roost.host.process_table import ProcessRow, marker_of, members

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux")


def fake_process(proc: Path, pid: str, stat: str) -> None:
    folder = proc / pid
    folder.mkdir(parents=True)
    (folder / "stat").write_text(stat)


def stat_line(pid: int, name: str, state: str = "S", ppid: int = 1, start: int = 77) -> str:
    return f"{pid} ({name}) {state} {ppid} " + " ".join(["0"] * 17) + f" {start} 0 0"


def test_command_names_with_spaces_and_parentheses(tmp_path: Path) -> None:
    fake_process(tmp_path, "7", stat_line(7, "a) S 3 (b", start=4242))
    row = process_linux.row(7, tmp_path)
    assert row
    assert (row.ppid, row.start, row.zombie) == (1, 4242, False)


def test_N5_empty_proc_is_unknown_never_dead(tmp_path: Path) -> None:
    with pytest.raises(SensorError):
        process_linux.row(7, tmp_path)
    with pytest.raises(SensorError):
        list(process_linux.rows(tmp_path))
    with pytest.raises(SensorError):
        process_linux.boot_id(tmp_path)


def test_N5_garbage_in_stat_is_unknown(tmp_path: Path) -> None:
    fake_process(tmp_path, "self", "x")
    fake_process(tmp_path, "7", "7 (x) S")
    with pytest.raises(SensorError):
        process_linux.row(7, tmp_path)


def test_N5_system_says_unknown_when_proc_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_: int) -> ProcessRow | None:
        raise SensorError("cannot read /proc/1/stat: Input/output error")

    processes = SystemProcesses()
    me = processes.identify(os.getpid())
    assert me
    assert processes.probe(me).liveness is Liveness.ALIVE
    monkeypatch.setattr(process_linux, "row", unreadable)
    verdict = processes.probe(me)
    assert verdict.liveness is Liveness.UNKNOWN
    assert "Input/output error" in verdict.reason


def test_missing_process_under_a_live_proc_is_gone(tmp_path: Path) -> None:
    fake_process(tmp_path, "self", "x")
    assert process_linux.row(7, tmp_path) is None


def test_process_whose_first_thread_ended_lives_in_the_others(tmp_path: Path) -> None:
    fake_process(tmp_path, "7", stat_line(7, "x", state="Z"))
    assert process_linux.row(7, tmp_path) == ProcessRow(7, 1, 77, os.getuid(), zombie=True)
    for thread in ("7", "8"):
        (tmp_path / "7/task" / thread).mkdir(parents=True)
    assert process_linux.row(7, tmp_path) == ProcessRow(7, 1, 77, os.getuid(), zombie=False)


def test_own_process_can_be_opened_and_a_wrong_start_cannot() -> None:
    me = process_linux.row(os.getpid())
    assert me
    pidfd = process_linux.open_process(me.pid, me.start)
    assert pidfd is not None
    os.close(pidfd)
    assert process_linux.open_process(me.pid, me.start + 1) is None


def test_N7_process_between_two_programs_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    between = "7 (x) R 1 " + " ".join(["0"] * 60)
    fake_process(tmp_path, "7", between)
    environ = tmp_path / "7/environ"
    environ.touch()
    monkeypatch.setattr(os, "sched_yield", lambda: environ.write_bytes(b"A=1\0"))
    assert process_linux.environ(7, tmp_path) == b"A=1\0"


@pytest.mark.parametrize("state", ["Z", "S"])
def test_empty_environments_are_believed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    flags, end = ("0", "1") if state == "S" else ("0", "0")
    fake_process(tmp_path, "7", f"7 (x) {state} 1 0 0 0 0 {flags} " + " ".join(["0"] * 41) + f" {end} 0")
    (tmp_path / "7/environ").touch()
    monkeypatch.setattr(os, "sched_yield", lambda: pytest.fail("must not wait"))
    assert process_linux.environ(7, tmp_path) == b""


def test_marker_needs_both_parts() -> None:
    assert marker_of(b"A=1\0ROOST_SESSION=s\0ROOST_NONCE=n\0") == Marker("s", "n")
    assert marker_of(b"ROOST_SESSION=s\0") is None
    assert marker_of(b"ROOST_SESSION=\0ROOST_NONCE=\0") is None
    assert marker_of(b"XROOST_SESSION=s\0ROOST_NONCE=n") is None


def test_H4_child_older_than_its_parent_is_a_reused_pid() -> None:
    rows = [
        ProcessRow(10, 1, 500, 0, zombie=False),
        ProcessRow(11, 10, 400, 0, zombie=False),
        ProcessRow(12, 10, 600, 0, zombie=False),
        ProcessRow(13, 12, 600, 0, zombie=True),
    ]
    assert [row.pid for row in members(rows, (10, 500), lambda _: False, uid=0)] == [10, 12]
    assert members(rows, (10, 499), lambda _: False, uid=0) == []


def test_B3_marked_processes_of_other_users_are_left_alone() -> None:
    rows = [ProcessRow(10, 1, 5, 0, zombie=False), ProcessRow(11, 1, 5, 1000, zombie=False)]
    assert [row.pid for row in members(rows, None, lambda _: True, uid=1000)] == [11]
