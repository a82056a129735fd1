"""The directory where shims leave their death records until the daemon has them in its store."""

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from roost.host.fifo import Fifo
from roost.host.files import ensure_private_directory
from roost.host.interfaces.watch import Watch
from roost.host.shim_spec import FIFO, BadRecord, DeathRecord, parse_death, read_death

_RECORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*\.json")


class Quarantined(Struct, frozen=True):
    """A file that is no death record: where it lies now and what is wrong with it."""

    path: Path
    reason: str


class Spool:
    """Death records, one file per session. Remove a record only after it has been committed elsewhere."""

    def __init__(self, path: Path) -> None:
        """Use the directory `path`; made private on first use. Raises UnsafeDirectory."""
        self.path = ensure_private_directory(path)
        self._aside = path / "bad"

    def listen(self, recorded: Callable[[DeathRecord], None]) -> Watch:
        """Call back in the running loop with each record as its shim writes it. Raises SensorError.

        Nothing may depend on it: a record that was not heard of is there when its shim has left.
        """

        def heard(line: bytes) -> None:
            with contextlib.suppress(BadRecord):  # a torn line: the record itself is on the disk
                recorded(parse_death(self.path / FIFO, line))

        return Fifo(self.path / FIFO, heard)

    def record_path(self, session: str) -> Path:
        """Where the shim of `session` writes."""
        return self.path / f"{session}.json"

    def read(self, session: str) -> DeathRecord | Quarantined | None:
        """The record of one session; None when there is none (yet)."""
        path = self.record_path(session)
        return self._read(path) if path.exists() else None

    def records(self) -> tuple[list[DeathRecord], list[Quarantined]]:
        """All records, oldest death first, and what had to be put aside. Other files are left alone."""
        found: list[DeathRecord] = []
        bad: list[Quarantined] = []
        for path in sorted(self.path.iterdir()):
            if not _RECORD.fullmatch(path.name) or not path.is_file():
                continue
            result = self._read(path)
            if isinstance(result, DeathRecord):
                found.append(result)
            elif result is not None:
                bad.append(result)
        return sorted(found, key=lambda record: record.at), bad

    def remove(self, session: str) -> None:
        """Forget a record that has been imported, and what a shim that was killed had written of it.

        Harmless when it is gone.
        """
        record = self.record_path(session)
        record.unlink(missing_ok=True)
        for torn in self.path.glob(f"{record.name}.*.tmp"):
            torn.unlink(missing_ok=True)

    def _read(self, path: Path) -> DeathRecord | Quarantined | None:
        try:
            record = read_death(path)
            if record.session != path.stem:
                raise BadRecord(f"{path} speaks of session {record.session}")  # noqa: TRY301 one way to be bad
        except BadRecord as error:
            if not path.exists():
                return None
            return self._quarantine(path, str(error))
        return record

    def _quarantine(self, path: Path, reason: str) -> Quarantined:
        ensure_private_directory(self._aside)
        target, number = self._aside / path.name, 0
        while target.exists():
            number += 1
            target = self._aside / f"{path.stem}.{number}.json"
        path.rename(target)
        return Quarantined(target, reason)
