"""Atomic writes, private directories and tails."""

import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roost.host.errors import UnsafeDirectory
from roost.host.files import Tail, ensure_private_directory, write_atomic


def test_write_is_private_and_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "record.json"
    write_atomic(target, b"one")
    write_atomic(target, b"two")
    assert target.read_bytes() == b"two"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_failed_write_keeps_the_old_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "record.json"
    write_atomic(target, b"one")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomic(target, b"two")
    assert target.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [target]


def test_directory_is_made_private(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    for name in ("open", "new/deep"):
        found = ensure_private_directory(tmp_path / name)
        assert stat.S_IMODE(found.stat().st_mode) == 0o700


def test_link_and_file_are_refused_as_directory(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "file").touch()
    for name in ("link", "file"):
        with pytest.raises(UnsafeDirectory):
            ensure_private_directory(tmp_path / name)


def test_directory_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(UnsafeDirectory, match="belongs to"):
        ensure_private_directory(tmp_path / "theirs")


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_tail_gives_each_line_once_and_waits_for_the_newline(tmp_path: Path) -> None:
    path = tmp_path / "log"
    tail = Tail(path)
    assert tail.read() == []
    append(path, b"one\ntw")
    assert tail.read() == [b"one"]
    assert tail.offset == 4
    append(path, b"o\n\nthree\n")
    assert tail.read() == [b"two", b"", b"three"]
    assert tail.read() == []
    tail.close()


def test_tail_follows_truncation_and_replacement(tmp_path: Path) -> None:
    path = tmp_path / "log"
    append(path, b"one\ntwo\n")
    tail = Tail(path)
    assert tail.read() == [b"one", b"two"]
    path.write_bytes(b"new\n")
    assert tail.read() == [b"new"]
    append(path, b"last of the old\n")
    path.rename(tmp_path / "log.1")
    append(path, b"first of the next\n")
    assert tail.behind()
    assert tail.read() == [b"last of the old"]
    assert tail.read() == [b"first of the next"]
    path.unlink()
    assert tail.read() == []
    tail.close()


def test_tail_from_offset(tmp_path: Path) -> None:
    path = tmp_path / "log"
    append(path, b"old\nnew\n")
    tail = Tail(path, offset=4)
    assert tail.read() == [b"new"]
    tail.close()


def test_tail_skips_a_monstrous_line_and_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "log"
    append(path, b"a\n" + b"x" * 100 + b"\nb\n")
    tail = Tail(path, bound=10, longest=30)
    lines: list[bytes] = []
    while tail.behind():
        lines += tail.read()
    assert lines == [b"a", b"b"]
    assert tail.skipped == 1
    tail.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=12), st.integers(1, 50))
def test_tail_equals_the_whole_file_however_it_grows(chunks: list[bytes], bound: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log"
        path.touch()
        tail = Tail(path, bound=bound)
        lines: list[bytes] = []
        for chunk in chunks:
            append(path, chunk)
            lines += tail.read()
        while tail.behind():
            lines += tail.read()
        tail.close()
        whole = b"".join(chunks).split(b"\n")[:-1]
        assert lines == whole
        assert tail.offset == sum(len(line) + 1 for line in whole)
