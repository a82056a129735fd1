"""`roost demo`: plays the steps, sums up, and leaves nothing behind."""

import time
from collections.abc import Sequence

from roost.demo import words
from roost.demo.show import Show
from roost.demo.steps import STEPS, Step
from roost.errors import RoostError
from roost.stage.ending import terminable, undisturbed

FAILED = 1
"""The exit code when a step failed."""


def run() -> int:
    """Show the main job in a temporary home; returns the exit code.

    After a failure the home stays, with its logs. Ctrl-C, SIGTERM and a closed terminal end all that was
    started.
    """
    begun = time.monotonic()
    with terminable():
        show = Show()
        words.tell(f"Everything happens in {show.root} and is removed at the end.")
        passed = complete = False
        try:
            passed = _play(show, STEPS)
            complete = True
        finally:
            with undisturbed():
                left = show.close(keep=complete and not passed)
    for name in left if passed else ():
        words.failure(f"{name} had to be ended")
    if passed and not left:
        words.tell(
            f"All of it worked, in {time.monotonic() - begun:.1f} s. `roost --help` shows the commands."
        )
        return 0
    if not passed:
        words.tell(f"The home with its logs is kept: {show.root}")
    return FAILED


def _play(show: Show, steps: Sequence[Step]) -> bool:
    """Run the steps until one fails, then print the table; returns whether all passed."""
    rows: list[tuple[str, str, str, str]] = []
    failed = False
    for number, step in enumerate(steps, 1):
        name = f"{number} {step.name}"
        if failed:
            rows.append((name, "not run", "", ""))
            continue
        words.heading(number, step.title)
        begun = time.monotonic()
        try:
            seen = step.run(show)
        except RoostError as error:
            failed, seen = True, error.message
        except Exception as error:  # noqa: BLE001 -- an answer of an unexpected shape fails the step, not the show
            failed, seen = True, f"{type(error).__name__}: {error}"
        if failed:
            words.failure(seen)
        rows.append((name, "FAILED" if failed else "ok", f"{time.monotonic() - begun:.1f} s", seen))
    words.summary(rows)
    return not failed
