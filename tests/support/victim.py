"""A roost whose daemon dies, or stands still, at a step: tests/support/crash_daemon.py is that daemon."""

import json
import os
import signal
import sys
from pathlib import Path

from tests.support.daemon import Roost
from tests.support.lines import whole_lines

WITHOUT_END = 10**9
"""No step: nobody dies."""
_PROGRAM = Path(__file__).resolve().parent / "crash_daemon.py"


class Victim:
    """Orders go to the daemon through a file, the steps that it came through come back through another."""

    def __init__(self, roost: Roost) -> None:
        """Its daemon is started by `start`."""
        self.roost = roost
        self.order = roost.home.root / "order"
        self.steps = roost.home.root / "steps"
        roost.environ |= {
            "ROOST_CRASH": str(self.order),
            "ROOST_CRASH_STEPS": str(self.steps),
            "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        }

    def start(self) -> None:
        """Start it, once more if it has died."""
        self.roost.start(sys.executable, str(_PROGRAM))

    def command(
        self,
        step: int | str,
        *,
        body: bool = True,
        skip: int = 0,
        pid: int | None = None,
        number: signal.Signals = signal.SIGKILL,
    ) -> None:
        """Order a signal at that step, for the daemon itself or for `pid`."""
        self.steps.unlink(missing_ok=True)
        order = {"step": step, "body": body, "skip": skip, "pid": pid, "signal": number}
        made = self.order.with_suffix(".new")
        made.write_text(json.dumps(order))
        made.rename(self.order)

    def seen(self) -> list[str]:
        """The steps since the order was taken."""
        return whole_lines(self.steps)


def points(steps: list[str]) -> list[int]:
    """The steps at which a death leaves something else behind than at the one before, by their numbers.

    Between the end of one step and the beginning of the next nothing happens outside of the daemon: of those
    two the former is tried.
    """
    return [number for number in range(1, len(steps) + 1) if not _leaves_the_same(steps, number)]


def _leaves_the_same(steps: list[str], number: int) -> bool:
    return number > 1 and steps[number - 2].startswith("after ") and steps[number - 1].startswith("before ")
