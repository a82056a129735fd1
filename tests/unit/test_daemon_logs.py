"""The daemon's logs: logfmt, one line each, metadata only (P12)."""

import asyncio
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from roost.daemon.serve.logs import Logs, RotatingLog, logfmt
from roost.host.shimlib import logfile
from roost.local.paths import find_places
from roost.store.records import JournalRow
from tests.support.wait import eventually


def row(kind: str, message: str | None = None, **data: object) -> JournalRow:
    return JournalRow(1, 0.0, kind, "ada", "s1", message, "crashed" if kind == "stopped" else None, data)


def test_P12_values_are_quoted_only_where_they_must_be() -> None:
    assert logfmt({"a": "x", "b": 1, "c": None, "d": ""}) == 'a=x b=1 d=""'
    assert logfmt({"why": 'a "b"=c\\\nd'}) == 'why="a \\"b\\"=c\\\\\\nd"'
    assert logfmt({"why": "esc\x1b[31m"}) == 'why="esc[31m"'


def test_P12_an_exit_is_a_line_in_lifecycle_and_exits_and_a_message_in_delivery(tmp_path: Path) -> None:
    places = find_places({"ROOST_HOME": str(tmp_path)})
    logs = Logs(places, 10_000, 2)
    logs.rows((row("queued", "m1", sender="bob"), row("unknown", "m1"), row("stopped", signal=9)))
    assert (places.logs / "delivery.log").read_text().count("message=m1") == 2
    stopped = "peer=ada session=s1 cause=crashed signal=9\n"
    assert (places.logs / "lifecycle.log").read_text() == f"ts=1970-01-01T00:00:00.000Z ev=stopped {stopped}"
    assert places.exits_log.read_text() == f"ts=1970-01-01T00:00:00.000Z ev=exit {stopped}"


async def test_who_waits_for_an_answer_does_not_wait_for_the_logs(tmp_path: Path) -> None:
    places = find_places({"ROOST_HOME": str(tmp_path)})
    logs, log, there = Logs(places, 10_000, 2), places.logs / "delivery.log", list[bool]()
    logs.soon((row("queued", "m1"),))
    logs.soon((row("queued", "m2"),))
    asyncio.get_running_loop().call_soon(lambda: there.append(log.exists()))
    await eventually(log.exists, timeout=20, why="the lines are logged")

    assert there == [False]
    assert [line.rpartition("=")[2] for line in log.read_text().splitlines()] == ["m1", "m2"]


def test_P12_logs_rotate_by_size_and_keep_the_chosen_number_of_files(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "x.log", 100, 2)
    for number in range(20):
        log.write([{"number": number, "text": "x" * 30}])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.log", "x.log.1"]
    assert all(path.stat().st_size <= 150 for path in tmp_path.iterdir())


def test_P12_two_writers_rotate_one_log_and_lose_no_line(tmp_path: Path) -> None:
    path = tmp_path / "exits.log"
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITER, str(Path(logfile.__file__).parent), str(path), name])
        for name in "ab"
    ]
    assert [writer.wait(20) for writer in writers] == [0, 0]
    lines = [line for each in tmp_path.iterdir() for line in each.read_text().splitlines()]
    assert sorted(lines) == sorted(f"{name} {number:04d}" for name in "ab" for number in range(500))
    assert len(list(tmp_path.iterdir())) > 3


_WRITER = """
import sys
sys.path.insert(0, sys.argv[1])
from logfile import append
for number in range(500):
    append(sys.argv[2], f"{sys.argv[3]} {number:04d}\\n".encode(), 500, 100)
"""


def test_P12_a_log_that_cannot_be_written_breaks_nothing_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = RotatingLog(tmp_path / "x.log", 100, 2)
    (tmp_path / "x.log").mkdir()
    for _ in range(3):
        log.write([{"a": 1}])
    assert [record.getMessage().count("cannot be written") for record in caplog.records] == [1]
    (tmp_path / "x.log").rmdir()
    log.write([{"a": 2}])
    assert (tmp_path / "x.log").read_text() == "a=2\n"


def test_P12_a_log_goes_on_where_its_folder_was_removed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "logs"
    log = RotatingLog(folder / "x.log", 100, 2)
    log.write([{"a": 1}])
    shutil.rmtree(folder)
    log.write([{"a": 2}])
    assert ((folder / "x.log").read_text(), folder.stat().st_mode & 0o777) == ("a=2\n", 0o700)
    shutil.rmtree(folder)
    folder.symlink_to(tmp_path / "nowhere")
    for _ in range(2):
        log.write([{"a": 3}])
    assert ["remove it or choose another" in record.getMessage() for record in caplog.records] == [True]


def test_F14_the_daemons_own_log_goes_on_where_its_folder_was_removed(tmp_path: Path) -> None:
    log = tmp_path / "logs/daemon.log"
    log.parent.mkdir()
    looked_after(log, log, "log.unlink(); log.parent.rmdir()")
    assert (log.read_bytes(), log.parent.stat().st_mode & 0o777) == (b".", 0o700)


@pytest.mark.parametrize(
    "change", ["", "log.unlink()", "log.rename(log.with_name('old'))", "log.unlink(); log.touch()"]
)
def test_F14_the_daemons_own_log_is_rotated_and_goes_on_also_where_it_was_removed_or_moved(
    tmp_path: Path, change: str
) -> None:
    log, before = tmp_path / "daemon.log", {"old"} if "old" in change else set[str]()
    looked_after(log, log, change)
    assert log.read_bytes() == b"."
    assert (tmp_path / "daemon.log.1").read_bytes() == b"." + b"2" * 60 + b"." + b"3" * 60
    assert {path.name for path in tmp_path.iterdir()} == {"daemon.log", "daemon.log.1", *before}


@pytest.mark.parametrize(("change", "left"), [("", {"daemon.log", "other"}), ("log.unlink()", {"other"})])
def test_F14_streams_that_are_not_the_log_are_left_alone(tmp_path: Path, change: str, left: set[str]) -> None:
    log, other = tmp_path / "daemon.log", tmp_path / "other"
    log.write_bytes(b"x" * 200)
    looked_after(log, other, change)
    assert other.stat().st_size == 4 * 61
    assert {path.name for path in tmp_path.iterdir()} == left


def test_F14_a_pipe_in_the_place_of_the_log_is_not_waited_for(tmp_path: Path) -> None:
    log = tmp_path / "daemon.log"
    looked_after(log, log, "log.unlink(); os.mkfifo(log)")
    assert log.is_fifo()


def looked_after(log: Path, streams: Path, change: str) -> None:
    """Look after the log in a process whose standard streams are this file, as `roost up` gives them."""
    with streams.open("ab") as stream:
        argv = [sys.executable, "-c", _LOOKING, str(log), change]
        subprocess.run(argv, stdout=stream, stderr=stream, check=True, timeout=20)


_LOOKING = """
import asyncio, os, sys
from pathlib import Path
from roost.daemon.health.own_log import EVERY, OwnLog
from roost.host.memory.clock import VirtualClock

class Here:
    async def run(self, work, *args):
        return work(*args)

async def main(log):
    clock = VirtualClock()
    looking = asyncio.create_task(OwnLog(log, 100, 2, clock, Here()).run())
    for number in range(4):
        os.write(2, b"%d" % number * 60)
        await clock.advance(EVERY)
        os.write(1, b".")
        if number == 0:
            exec(sys.argv[2])
    looking.cancel()

asyncio.run(main(Path(sys.argv[1])))
"""
