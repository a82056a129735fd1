"""Whether the folder that a live session was started in still stands where it stood (F12)."""

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from roost.daemon.session.live_sessions import LiveSession, LiveSessions, Misplaced
from roost.daemon.state.threads import HungError, Threads
from roost.host.interfaces.clock import Clock

EVERY = 1.0
"""Seconds between two looks at all folders."""
BOUND = 2.0
"""Seconds until a look at a folder counts as hung, and the others go on without it."""


class Folder:
    """The folder of one session, as its shim found it at the start."""

    def __init__(self, report: Path, agent_pid: int) -> None:
        """`report`: what the shim wrote of the start; `agent_pid`: its working folder tells where it went."""
        self._report = report
        self._cwd = f"/proc/{agent_pid}/cwd"
        self._found: tuple[str, int, int] | None = None
        self._read = False

    def trouble(self) -> Misplaced | None:
        """Blocking: what is wrong; None when nothing is, or it cannot be seen."""
        if not self._read:
            self._found, self._read = _started_in(self._report), True
        if self._found is None:
            return None
        path, device, number = self._found
        try:
            now = os.stat(path)  # noqa: PTH116 -- a plain string here, at each look
        except (FileNotFoundError, NotADirectoryError):
            moved = self._moved(device, number)
            why = f"its folder {path} is {moved} now" if moved else f"its folder {path} was removed"
            return Misplaced(why, path, moved, taken=False)
        except OSError:
            return None
        if (now.st_dev, now.st_ino) == (device, number):
            return None
        moved = self._moved(device, number)
        why = f"another folder stands at {path}; it works in the old one, {moved or 'which was removed'}"
        return Misplaced(why, path, moved, taken=True)

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


class Folders:
    """Looks at the folders of all live sessions; one on a disk that does not answer holds up no other."""

    def __init__(self, live_sessions: LiveSessions, clock: Clock) -> None:
        """Look at these."""
        self._live_sessions = live_sessions
        self._clock = clock
        self._threads = Threads("folders", 1, BOUND)
        self._folders: dict[str, Folder] = {}
        self._slow: set[str] = set()

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await self.look()
            await self._clock.sleep(EVERY)

    async def look(self) -> None:
        """Note what is wrong with each folder, and have its driver tell it."""
        live_sessions = {
            live.session.id: live for live in self._live_sessions if live.session.processes is not None
        }
        self._folders = {
            session: self._folders.get(session) or Folder(live.context.home / "started.json", live.agent_pid)
            for session, live in live_sessions.items()
        }
        self._slow &= live_sessions.keys()
        quick = [session for session in live_sessions if session not in self._slow]
        found: list[Misplaced | None] = []
        try:
            await self._threads.run(_look, [self._folders[session] for session in quick], found)
        except HungError:
            self._slow.update(quick[len(found) :][:1])  # none where the look has ended meanwhile
        for session, trouble in zip(quick, found, strict=False):
            _note(live_sessions[session], trouble)
        for session in tuple(self._slow):
            with suppress(HungError):
                _note(
                    live_sessions[session],
                    await self._threads.run_for(session, self._folders[session].trouble),
                )
                self._slow.discard(session)


def _look(folders: Sequence[Folder], found: list[Misplaced | None]) -> None:
    """Blocking: one after the other, so that it is known at which one it hangs."""
    for folder in folders:
        found.append(folder.trouble())  # noqa: PERF401 -- see above


def _note(live: LiveSession, trouble: Misplaced | None) -> None:
    if live.misplaced != trouble:
        live.misplaced = trouble
        live.poke.set()


def _started_in(report: Path) -> tuple[str, int, int] | None:
    try:
        facts: dict[str, Any] = json.loads(report.read_bytes())
        return str(facts["cwd"]), int(facts["folder"][0]), int(facts["folder"][1])
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
