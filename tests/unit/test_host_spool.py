"""Death records and reports of the shim, good and bad."""

import json
from pathlib import Path

import pytest

from roost.core.vocabulary.identity import ProcessId
from roost.host.memory.processes import MemoryProcesses
from roost.host.shim_spec import BadRecord, DeathRecord, read_started
from roost.host.spool import Quarantined, Spool

_RECORD = {
    "session": "s1",
    "peer": "anna",
    "generation": 3,
    "nonce": "n",
    "boot": "b",
    "at": 17.5,
    "exit_code": None,
    "signal": 9,
    "core": False,
    "agent": {"pid": 7, "start": 70},
    "cause": None,
    "error": None,
    "oom": None,
    "server_alive": True,
    "children_left": [8, 9],
}


def write(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**_RECORD, **changes}))


def test_records_come_oldest_first_and_go_when_removed(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    write(spool.record_path("s1"))
    write(spool.record_path("s2"), session="s2", at=3)
    found, bad = spool.records()
    assert bad == []
    assert [record.session for record in found] == ["s2", "s1"]
    assert found[1] == DeathRecord(
        session="s1", peer="anna", generation=3, nonce="n", boot="b", at=17.5, exit_code=None, signal=9,
        core=False, agent=ProcessId("b", 7, 70), cause=None, error=None, oom=None, server_alive=True,
        children_left=(8, 9),
    )  # fmt: skip
    assert spool.read("s1") == found[1]
    spool.remove("s1")
    spool.remove("s1")
    assert spool.read("s1") is None
    assert [record.session for record in spool.records()[0]] == ["s2"]


def test_what_a_killed_shim_left_half_written_goes_with_its_record(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    mine, other = (spool.path / f"{session}.json.7.tmp" for session in ("s1", "s10"))
    mine.write_bytes(b'{"ses')
    other.write_bytes(b"{")
    spool.remove("s1")
    assert not mine.exists()
    assert other.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"session": "s1"}',
        json.dumps({**_RECORD, "session": "other"}).encode(),
        json.dumps({**_RECORD, "exit_code": 0}).encode(),
        json.dumps({**_RECORD, "signal": None}).encode(),
        json.dumps({**_RECORD, "signal": 900}).encode(),
        json.dumps({**_RECORD, "signal": True}).encode(),
        json.dumps({**_RECORD, "at": "soon"}).encode(),
        json.dumps({**_RECORD, "children_left": 7}).encode(),
    ],
)
def test_bad_record_is_put_aside_and_reported_once(tmp_path: Path, content: bytes) -> None:
    spool = Spool(tmp_path / "spool")
    for _ in range(2):
        spool.record_path("s1").write_bytes(content)
        write(spool.record_path("s2"), session="s2")
        found, bad = spool.records()
        assert [record.session for record in found] == ["s2"]
        assert [type(each) for each in bad] == [Quarantined]
        assert bad[0].path.read_bytes() == content
        assert spool.records()[1] == []
    assert len(list((spool.path / "bad").iterdir())) == 2


def test_half_written_and_foreign_files_are_left_alone(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool")
    for name in ("s1.json.99.tmp", ".s1.json", "notes.txt"):
        (spool.path / name).touch()
    assert spool.records() == ([], [])
    assert len(list(spool.path.iterdir())) == 3


def test_report_of_the_start(tmp_path: Path) -> None:
    processes = MemoryProcesses()
    known = processes.spawn()
    path = tmp_path / "started"
    assert read_started(path, processes) is None
    one = {"pid": 5, "start": 50}
    path.write_text(
        json.dumps({"agent": {"pid": known.pid, "start": None}, "shim": one, "server": one, "boot": "b"})
    )
    started = read_started(path, processes)
    assert started
    assert started.error is None
    assert started.shim == ProcessId("b", 5, 50)
    assert started.agent == known
    path.write_text('{"error": "cannot run x"}')
    failed = read_started(path, processes)
    assert failed
    assert (failed.agent, failed.error) == (None, "cannot run x")
    path.write_text("{")
    with pytest.raises(BadRecord):
        read_started(path, processes)
