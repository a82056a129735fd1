"""Looks for the mark of one message in growing records, and reads each byte of them once."""

from pathlib import Path

_STEP = 1 << 20


class Marks:
    """Which records hold the mark that is asked for."""

    def __init__(self) -> None:
        """Begin with nothing read."""
        self._mark = b""
        self._read: dict[Path, int] = {}
        self._held: set[Path] = set()

    def holds(self, path: Path, mark: str) -> bool:
        """Blocking: whether the record holds the mark now. Another mark than before begins anew."""
        needle = mark.encode()
        if needle != self._mark:
            self._mark, self._read, self._held = needle, {}, set()
        if path not in self._held and self._found(path, needle):
            self._held.add(path)
        return path in self._held

    def _found(self, path: Path, needle: bytes) -> bool:
        try:
            with path.open("rb") as file:
                at = max(self._read.get(path, 0) - len(needle), 0)
                file.seek(at)
                kept = b""
                while piece := file.read(_STEP):
                    at += len(piece)
                    if needle in kept + piece:
                        return True
                    kept = piece[-len(needle) :]
        except OSError:
            return False
        self._read[path] = at
        return False
