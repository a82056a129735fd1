"""Whether the folder that a live session was started in still stands where it stood (F12)."""

import json
import os
from pathlib import Path
from typing import Any


class Folder:
    """The folder of one session, as its shim found it at the start."""

    def __init__(self, report: Path, agent_pid: int) -> None:
        """`report`: what the shim wrote of the start; `agent_pid`: its working folder tells where it went."""
        self._report = report
        self._cwd = f"/proc/{agent_pid}/cwd"
        self._found: tuple[str, int, int] | None = None
        self._read = False

    def trouble(self) -> str | None:
        """Blocking: what is wrong, in words; None when nothing is, or it cannot be seen."""
        if not self._read:
            self._found, self._read = _started_in(self._report), True
        if self._found is None:
            return None
        path, device, number = self._found
        try:
            now = os.stat(path)  # noqa: PTH116 -- a plain string here, at each look
        except (FileNotFoundError, NotADirectoryError):
            moved = self._moved(device, number)
            return f"its folder {path} is {moved} now" if moved else f"its folder {path} was removed"
        except OSError:
            return None
        if (now.st_dev, now.st_ino) == (device, number):
            return None
        moved = self._moved(device, number)
        return f"another folder stands at {path}; it works in the old one, {moved or 'which was removed'}"

    def _moved(self, device: int, number: int) -> str | None:
        """Where the folder stands now, if the agent is still in it and its system tells."""
        try:
            found = os.stat(self._cwd)  # noqa: PTH116 -- as above
            place = os.readlink(self._cwd)  # noqa: PTH115 -- as above
        except OSError:
            return None
        if (found.st_dev, found.st_ino) != (device, number) or found.st_nlink == 0:
            return None
        return place


def _started_in(report: Path) -> tuple[str, int, int] | None:
    try:
        facts: dict[str, Any] = json.loads(report.read_bytes())
        return str(facts["cwd"]), int(facts["folder"][0]), int(facts["folder"][1])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
