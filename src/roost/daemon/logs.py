"""lifecycle.log and delivery.log: one logfmt line for each decision and each attempt; no bodies (P12)."""

import logging
import logging.handlers
from collections.abc import Iterable, Mapping
from pathlib import Path

from roost.core import commands as c
from roost.core.view import iso
from roost.host.files import ensure_private_directory
from roost.store.interfaces import JournalRow

_DELIVERY = frozenset(
    {"queued", "offered", "accepted", "done", "expired", "refused", "dead-letter", "notice"}
)


def logfmt(fields: Mapping[str, object]) -> str:
    """`key=value` pairs; values with spaces, quotes or `=` are quoted, None is left out."""
    return " ".join(f"{key}={_value(value)}" for key, value in fields.items() if value is not None)


def _value(value: object) -> str:
    text = str(value)
    if text and all(char.isprintable() and char not in ' "=\\' for char in text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return '"' + "".join(char for char in escaped if char.isprintable()) + '"'


class RotatingLog:
    """One size-rotated file. A write that fails breaks nothing: it is reported on the daemon's own log."""

    def __init__(self, path: Path, size: int, files: int) -> None:
        """Append to `path`, rotated at `size` bytes, `files` files in all."""
        ensure_private_directory(path.parent)
        self._handler = logging.handlers.RotatingFileHandler(
            path, maxBytes=size, backupCount=max(files - 1, 1), encoding="utf-8", delay=True
        )
        self._handler.setFormatter(logging.Formatter("%(message)s"))

    def write(self, fields: Mapping[str, object]) -> None:
        """Append one line."""
        record = logging.LogRecord("roost", logging.INFO, "", 0, logfmt(fields), None, None)
        self._handler.handle(record)

    def close(self) -> None:
        """Let go of the file."""
        self._handler.close()


class Logs:
    """The two logs, written from what was committed."""

    def __init__(self, directory: Path, size: int, files: int) -> None:
        """Log into a directory."""
        self._lifecycle = RotatingLog(directory / "lifecycle.log", size, files)
        self._delivery = RotatingLog(directory / "delivery.log", size, files)

    def rows(self, rows: Iterable[JournalRow]) -> None:
        """Log journal lines; message events also go by attempt into the delivery log."""
        for row in rows:
            log = self._delivery if row.kind in _DELIVERY else self._lifecycle
            log.write(
                {
                    "ts": iso(row.ts),
                    "ev": row.kind,
                    "peer": row.peer,
                    "session": row.session,
                    "message": row.message,
                    "cause": row.cause,
                    **row.data,
                }
            )

    def attempts(self, peer: str, at: float, commands: Iterable[c.Command]) -> None:
        """Log each attempt of a delivery."""
        for command in commands:
            if isinstance(command, c.SaveAttempt):
                self._delivery.write(
                    {
                        "ts": iso(at),
                        "ev": "attempt",
                        "peer": peer,
                        "session": command.session,
                        "message": command.message_id,
                        "outcome": command.outcome,
                        "why": command.why,
                    }
                )

    def close(self) -> None:
        """Let go of the files."""
        self._lifecycle.close()
        self._delivery.close()
