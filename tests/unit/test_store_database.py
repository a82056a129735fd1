"""Opening while another process does, which stands in for a race that real processes rarely lose; no room."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from roost.errors import StoreError
from roost.store import database


class Contended:
    """A connection whose change to WAL is refused at once a few times, as SQLite does to avoid a deadlock."""

    def __init__(self, *answers: object) -> None:
        self.answers = list(answers)

    def pragma(self, name: str, value: str) -> str:
        assert (name, value) == ("journal_mode", "wal")
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)


def test_the_change_to_wal_is_tried_again() -> None:
    connection: Any = Contended(apsw.BusyError(), apsw.BusyError(), "wal")
    database._enter_wal(connection)
    assert connection.answers == []


def test_a_lock_that_stays_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_BUSY_MS", 0)
    connection: Any = Contended(apsw.BusyError())
    with pytest.raises(apsw.BusyError):
        database._enter_wal(connection)


def test_a_file_system_without_wal_is_an_error() -> None:
    connection: Any = Contended("delete")
    with pytest.raises(StoreError, match="local disk"):
        database._enter_wal(connection)


class NoTemporaryFiles(apsw.VFS):
    """The host's files, but for those that SQLite wants in a folder for temporary ones: there is none."""

    def __init__(self) -> None:
        super().__init__("no-temporary-files", "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        if name is None:
            raise apsw.IOError("no folder for temporary files")
        return super().xOpen(name, flags)


@pytest.fixture
def no_temporary_files() -> Iterator[None]:
    usual = apsw.vfs_names()[0]
    made = NoTemporaryFiles()
    apsw.set_default_vfs("no-temporary-files")
    yield
    apsw.set_default_vfs(usual)
    made.unregister()


@pytest.mark.usefixtures("no_temporary_files")
def test_a_large_statement_needs_no_folder_for_temporary_files(tmp_path: Path) -> None:
    """A container whose root is read-only has none. Each row is changed back where a later one cannot."""
    connection = database.open_database(tmp_path / "store.db")
    connection.execute("CREATE TABLE many (number INTEGER UNIQUE, body TEXT)")
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany("INSERT INTO many VALUES (?, ?)", [(number, "x" * 2000) for number in range(1000)])
    connection.execute("COMMIT")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE many SET number = 5000 - number, body = body || 'y'")
    connection.execute("COMMIT")
    connection.execute("SELECT * FROM many ORDER BY body").fetchall()
    connection.close()
