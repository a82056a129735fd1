"""Opening while another process does: stands in for a race that real processes rarely lose."""

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
