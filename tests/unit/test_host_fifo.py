"""The named pipe that shims announce deaths on: real pipes, read in a real loop."""

import asyncio
import json
import os
import select
import signal
import stat
from pathlib import Path

import pytest

from roost.host.fifo import Fifo
from roost.host.shimlib import record, shim
from roost.host.shimlib.machine import announce
from tests.support.wait import eventually

PATIENCE = 30.0


async def heard(lines: list[bytes], count: int) -> list[bytes]:
    await eventually(lambda: len(lines) >= count, timeout=PATIENCE, why=f"{count} lines were heard")
    return lines


async def test_lines_are_heard_as_they_come_and_none_after_the_end(tmp_path: Path) -> None:
    lines: list[bytes] = []
    fifo = Fifo(tmp_path / "bell", lines.append)
    assert stat.S_IMODE((tmp_path / "bell").stat().st_mode) == 0o600
    assert announce(str(tmp_path / "bell"), "one\n")
    assert await heard(lines, 1) == [b"one"]
    announce(str(tmp_path / "bell"), "two\n")
    announce(str(tmp_path / "bell"), "three\n")
    assert await heard(lines, 3) == [b"one", b"two", b"three"]
    fifo.cancel()
    fifo.cancel()
    assert not announce(str(tmp_path / "bell"), "nobody hears\n")
    again: list[bytes] = []
    fifo = Fifo(tmp_path / "bell", again.append)
    announce(str(tmp_path / "bell"), "four\n")
    assert await heard(again, 1) == [b"four"]
    fifo.cancel()


async def test_a_line_in_two_pieces_is_one_and_a_long_one_is_not_written(tmp_path: Path) -> None:
    lines: list[bytes] = []
    fifo = Fifo(tmp_path / "bell", lines.append)
    pipe = os.open(tmp_path / "bell", os.O_WRONLY)
    os.write(pipe, b"half ")
    await asyncio.sleep(0)
    os.write(pipe, b"whole\n")
    os.close(pipe)
    assert not announce(str(tmp_path / "bell"), "x" * select.PIPE_BUF + "\n")
    announce(str(tmp_path / "bell"), "last\n")
    assert await heard(lines, 2) == [b"half whole", b"last"]
    fifo.cancel()


async def test_what_is_no_pipe_is_replaced_and_a_full_one_holds_nobody_up(tmp_path: Path) -> None:
    path = tmp_path / "bell"
    path.write_text("not a pipe")
    lines: list[bytes] = []
    fifo = Fifo(path, lines.append)
    # More than a pipe takes; the loop does not run meanwhile.
    assert {announce(str(path), "x" * 1000 + "\n") for _ in range(1000)} == {True, False}
    await heard(lines, 1)
    assert set(lines) == {b"x" * 1000}
    fifo.cancel()


async def test_without_anybody_who_listens_announcing_is_harmless(tmp_path: Path) -> None:
    assert not announce(str(tmp_path / "missing"), "x\n")
    os.mkfifo(tmp_path / "bell")
    assert not announce(str(tmp_path / "bell"), "x\n")


async def test_a_death_record_waits_for_the_disk_where_nobody_hears_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    monkeypatch.setattr(record, "make_durable", synced.append)
    told = {"peer": "p", "generation": 1, "nonce": "n", "boot": "b", "spool": str(tmp_path)}
    facts = {**told, "argv": ["agent"], "started": str(tmp_path / "started")}
    shim.Shim({"session": "alone", **facts}).record(signal.SIGTERM, None)
    assert synced == [f"{tmp_path}/alone.json"]
    lines: list[bytes] = []
    fifo = Fifo(tmp_path / "bell", lines.append)
    shim.Shim({"session": "heard", **facts}).record(signal.SIGTERM, None)
    assert [json.loads(line)["session"] for line in await heard(lines, 1)] == ["heard"]
    assert synced == [f"{tmp_path}/alone.json"]
    assert (tmp_path / "heard.json").exists()
    fifo.cancel()
