"""Backups where the file system has no hard links, as those of most USB sticks."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from roost.errors import RefusedError
from roost.store.backup import back_up
from roost.store.database import SCHEMA, open_database

pytestmark = pytest.mark.parametrize("refusal", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[apsw.Connection]:
    made = open_database(tmp_path / "roost.db")
    yield made
    made.close()


def folder(tmp_path: Path) -> Path:
    made = tmp_path / "stick"
    made.mkdir()
    return made


def refuse(monkeypatch: pytest.MonkeyPatch, number: int, *, meanwhile: Path | None = None) -> None:
    """Have no hard links; `meanwhile` somebody makes this file."""

    def link(*_paths: Path) -> None:
        if meanwhile is not None:
            meanwhile.write_text("of another")
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", link)


def test_a_backup_is_made_without_hard_links(
    store: apsw.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    refuse(monkeypatch, refusal)
    target = folder(tmp_path) / "copy.db"
    assert back_up(store, target).schema == SCHEMA
    assert (list(target.parent.iterdir()), target.stat().st_mode & 0o777) == ([target], 0o600)
    open_database(target).close()


def test_a_file_that_was_made_meanwhile_stays_as_it_is(
    store: apsw.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    target = folder(tmp_path) / "copy.db"
    refuse(monkeypatch, refusal, meanwhile=target)
    with pytest.raises(RefusedError):
        back_up(store, target)
    assert ([each.name for each in target.parent.iterdir()], target.read_text()) == (
        ["copy.db"],
        "of another",
    )


def test_a_copy_that_cannot_be_named_leaves_nothing(
    store: apsw.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    def rename(_path: Path, _target: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    refuse(monkeypatch, refusal)
    monkeypatch.setattr(Path, "rename", rename)
    target = folder(tmp_path) / "copy.db"
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        back_up(store, target)
    assert list(target.parent.iterdir()) == []
