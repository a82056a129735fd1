"""What this system gives of processes, as `doctor` looks at it: handles on them, room for more."""

import os
from collections.abc import Iterable, Iterator

from roost.daemon.health.checks.check import REPLACE
from roost.daemon.session.failures import TASKS
from roost.host.process import has_handles
from roost.host.process_limit import process_limit
from roost.present.finding import Code, Finding, note, quote, wrong


class ProcessesCheck:
    """Looks at this system."""

    async def findings(self) -> Iterable[Finding]:
        """What is found now."""
        return [*_handles(), *_room()]


def _handles() -> Iterator[Finding]:
    """How ends of processes are noticed."""
    if not has_handles():
        why = "this system gives no handles on processes (pidfd_open: a seccomp filter?); ends are looked for"
        advice = "allow pidfd_open and pidfd_send_signal (a newer container engine does); then:"
        yield note(Code.NO_HANDLES, "processes", why, advice=advice, fix=REPLACE)


def _room() -> Iterator[Finding]:
    """Whether another session can be started."""
    room = process_limit()
    if room is not None and room.left < TASKS:
        advice = "end what is not needed, or raise the limit:"
        file = quote(room.file)
        fix = f"echo max > {file}" if os.getuid() == 0 else f"echo max | sudo tee {file}"
        yield wrong(Code.PROCESSES_LEFT, "processes left", str(room), advice=advice, fix=fix)
