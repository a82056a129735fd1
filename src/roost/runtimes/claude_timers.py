"""Timers that a Claude Code session has set for itself, as its transcript tells (2.1.332, measured).

CronCreate and ScheduleWakeup answer with the time when the timer fires, CronDelete with the id alone. A timer
that fires leaves a line `scheduled_task_fire`. All of them end with the process.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from msgspec import Struct

_WAKEUP = "wakeup"
"""ScheduleWakeup names no id; there is one at a time."""


class _Timer(Struct, frozen=True):
    due: float
    recurring: bool


class ClaudeTimers:
    """The timers that are set now."""

    def __init__(self) -> None:
        """Begin with none."""
        self._timers: dict[str, _Timer] = {}

    def note_result(self, result: object) -> None:
        """A tool has answered."""
        if not isinstance(result, dict):
            return
        known = cast("Mapping[str, Any]", result)
        ident = str(known.get("id"))
        if isinstance(known.get("nextFireAt"), int | float):
            self._timers[ident] = _Timer(known["nextFireAt"] / 1000, bool(known.get("recurring")))
        elif isinstance(known.get("scheduledFor"), int | float):
            self._timers[_WAKEUP] = _Timer(known["scheduledFor"] / 1000, recurring=False)
        elif set(known) == {"id"}:
            self._timers.pop(ident, None)

    def note_fired(self, ident: object) -> None:
        """A timer has fired; one that does not recur is over."""
        name = ident if isinstance(ident, str) and ident in self._timers else _WAKEUP
        timer = self._timers.get(name)
        if timer is not None and not timer.recurring:
            del self._timers[name]

    def words(self) -> list[str]:
        """Each timer in a few words, the next one first."""
        timers = sorted(self._timers.values(), key=lambda timer: timer.due)
        return [
            "a timer that recurs" if timer.recurring else f"a timer is set for {_time(timer.due)}"
            for timer in timers
        ]


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
