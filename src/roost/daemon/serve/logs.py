"""lifecycle.log, delivery.log, exits.log: a logfmt line for each decision, attempt, exit; no bodies (P12)."""

import asyncio
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from roost.core.vocabulary import commands as c
from roost.core.vocabulary.view import iso
from roost.host.errors import UnsafeDirectory
from roost.host.files import ensure_private_directory
from roost.host.shimlib.logfile import append
from roost.local.paths import Places
from roost.store.interfaces import JournalRow

_log = logging.getLogger("roost.logs")

_PLAIN = re.compile(r"[!#-<>-\[\]-~]+")
"""What needs no quotes: printable ASCII but space, quote, `=` and backslash."""


def logfmt(fields: Mapping[str, object]) -> str:
    """`key=value` pairs; values with spaces, quotes or `=` are quoted, None is left out."""
    words = {key: str(value) for key, value in fields.items() if value is not None}
    texts = words.values()
    if not (all(texts) and _PLAIN.fullmatch("".join(texts))):  # one look at all of them: most need no quotes
        words = {key: _value(text) for key, text in words.items()}
    return " ".join([f"{key}={text}" for key, text in words.items()])


def _value(text: str) -> str:
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    if not escaped.isprintable():
        escaped = "".join(char for char in escaped if char.isprintable())
    return f'"{escaped}"'


class RotatingLog:
    """One size-rotated file, to which other processes may append too. A write that fails breaks nothing.

    Its folder is made again where somebody has removed it.
    """

    def __init__(self, path: Path, size: int, files: int) -> None:
        """Append to `path`, rotated at `size` bytes, `files` files in all."""
        ensure_private_directory(path.parent)
        self._path = path
        self._size = size
        self._files = files
        self._failing = False

    def write(self, lines: Sequence[Mapping[str, object]]) -> None:
        """Append lines, in one write; that it cannot be done is said once."""
        if not lines:
            return
        text = "".join(logfmt(fields) + "\n" for fields in lines)
        try:
            self._append(text.encode())
        except (OSError, UnsafeDirectory) as error:
            if not self._failing:
                why = error.strerror if isinstance(error, OSError) else error.message
                _log.warning("%s cannot be written: %s", self._path, why)
            self._failing = True
        else:
            self._failing = False

    def _append(self, data: bytes) -> None:
        try:
            append(str(self._path), data, self._size, self._files)
        except FileNotFoundError:
            ensure_private_directory(self._path.parent)
            append(str(self._path), data, self._size, self._files)


class Logs:
    """The three logs, written from what was committed. The shims append to exits.log too."""

    def __init__(self, places: Places, size: int, files: int) -> None:
        """Log into the places' log directory."""
        self._lifecycle = RotatingLog(places.logs / "lifecycle.log", size, files)
        self._delivery = RotatingLog(places.logs / "delivery.log", size, files)
        self._exits = RotatingLog(places.exits_log, size, files)
        self._later: list[JournalRow] = []

    def soon(self, rows: Iterable[JournalRow]) -> None:
        """Log journal lines once those who follow the journal were told, with all that comes by then.

        A timer comes after all that is ready already: who waits for an answer does not wait for the logs.
        """
        if not self._later:
            asyncio.get_running_loop().call_later(0, self._now)
        self._later += rows

    def _now(self) -> None:
        rows, self._later = self._later, []
        self.rows(rows)

    def rows(self, rows: Iterable[JournalRow]) -> None:
        """Log journal lines: what became of messages, of sessions, and how sessions ended."""
        delivery: list[Mapping[str, object]] = []
        lifecycle: list[Mapping[str, object]] = []
        exits: list[Mapping[str, object]] = []
        at, ts = None, None
        for row in rows:
            if row.ts != at:
                at, ts = row.ts, iso(row.ts)
            fields = {
                "ts": ts,
                "ev": row.kind,
                "peer": row.peer,
                "session": row.session,
                "message": row.message,
                "cause": row.cause,
                **row.data,
            }
            (lifecycle if row.message is None else delivery).append(fields)
            if row.kind == "stopped":
                exits.append({**fields, "ev": "exit"})
        self._delivery.write(delivery)
        self._lifecycle.write(lifecycle)
        self._exits.write(exits)

    def attempts(self, peer: str, at: float, commands: Iterable[c.Command]) -> None:
        """Log each attempt of a delivery."""
        made = [command for command in commands if type(command) is c.SaveAttempt]
        self._delivery.write(
            [
                {
                    "ts": iso(at),
                    "ev": "attempt",
                    "peer": peer,
                    "session": command.session,
                    "message": command.message_id,
                    "outcome": command.outcome,
                    "why": command.why,
                }
                for command in made
            ]
        )
