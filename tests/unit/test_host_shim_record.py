"""How a shim passes an agent's end on: to a daemon that listens at once, to a later one by the disk."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from roost.host.shimlib import record
from roost.host.shimlib.record import FIFO, write_record

_END: dict[str, Any] = {"session": "s1", "signal": 9}


@contextmanager
def listening(spool: Path) -> Iterator[Callable[[], bytes]]:
    """As a daemon listens in that folder; what is returned gives what has come."""
    os.mkfifo(spool / FIFO)
    pipe = os.open(spool / FIFO, os.O_RDWR | os.O_NONBLOCK)

    def came() -> bytes:
        try:
            return os.read(pipe, 4096)
        except BlockingIOError:
            return b""

    try:
        yield came
    finally:
        os.close(pipe)


def written(spool: Path) -> list[str]:
    return [path.name for path in spool.iterdir() if path.name != FIFO]


def test_L1_who_listens_hears_of_an_end_before_the_disk_is_asked_for_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[bytes] = []
    with listening(tmp_path) as came:

        def refused(_path: str, _text: str) -> None:
            heard.append(came())
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(record, "write_atomic", refused)
        failed = write_record(str(tmp_path), "s1", _END, str(tmp_path))
    assert failed is not None
    assert [line.count(b'"s1"') for line in heard] == [1]


def test_L1_a_file_that_comes_after_the_store_has_it_all_does_not_stay(tmp_path: Path) -> None:
    """The daemon has closed the session meanwhile, with its folder and its record."""
    with listening(tmp_path) as came:
        assert write_record(str(tmp_path), "s1", _END, str(tmp_path / "gone")) is None
        assert (bool(came()), written(tmp_path)) == (True, [])
        assert write_record(str(tmp_path), "s1", _END, str(tmp_path)) is None
        assert (bool(came()), written(tmp_path)) == (True, ["s1.json"])


@pytest.mark.parametrize("under", ["write_atomic", "unlink"])
def test_N7_a_daemon_that_takes_the_file_away_under_its_hands_does_not_stop_a_shim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, under: str
) -> None:
    """It still has to end the agent's children."""

    def taken(*_: object) -> None:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(record if under == "write_atomic" else os, under, taken)
    with listening(tmp_path) as came:
        assert write_record(str(tmp_path), "s1", _END, str(tmp_path / "gone")) is None
        assert came()


def test_N4_what_nobody_hears_stays_whatever_became_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    durable: list[str] = []
    monkeypatch.setattr(record, "make_durable", durable.append)
    assert write_record(str(tmp_path), "s1", _END, str(tmp_path / "gone")) is None
    assert written(tmp_path) == ["s1.json"]
    assert durable == [f"{tmp_path}/s1.json"]
