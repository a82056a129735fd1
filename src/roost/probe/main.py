"""`roost probe`: a trial, shown as it goes and as a table at the end."""

import contextlib
import time
from collections.abc import Sequence

from roost.cli.output import Progress, remark, show_json
from roost.cli.table import table
from roost.local.paths import Places
from roost.local.proven import PROVEN, Probed, write_probe
from roost.probe.trial import Result, Seen, Trial
from roost.stage.ending import terminable

FAILED = 1
"""The exit code when a check has failed."""


def run(places: Places, runtime: str, *, live: bool, as_json: bool) -> int:
    """Try a runtime; returns the exit code. What came of it is kept for `roost doctor`, where a roost is.

    Raises UsageError for a runtime that is not known, StepError where no daemon can be started.
    """
    trial, seen, progress = Trial(places.config, runtime), list[Seen](), Progress()
    progress.show(f"{runtime}: version")
    try:
        with terminable(), contextlib.closing(trial.run(live=live, tell=remark)) as checks:
            for each in checks:
                seen.append(each)
                progress.show(f"{runtime}: {each.check} {each.result}")
    finally:
        progress.clear()
    failed = tuple(each.check for each in seen if each.result is Result.FAILED)
    if trial.version:
        with contextlib.suppress(OSError):
            write_probe(places.state, runtime, Probed(trial.version, time.time(), failed))
    if as_json:
        show_json([_object(each) for each in seen])
    else:
        _show(runtime, trial.version, seen, failed)
    return FAILED if failed else 0


def _object(seen: Seen) -> dict[str, object]:
    return {
        "check": seen.check,
        "result": str(seen.result),
        "seen": seen.seen,
        "seconds": round(seen.seconds, 3),
    }


def _show(runtime: str, version: str, seen: Sequence[Seen], failed: Sequence[str]) -> None:
    rows = [(each.check, str(each.result), f"{each.seconds:.1f} s", each.seen) for each in seen]
    table(("CHECK", "RESULT", "TIME", "SEEN"), rows, whole=len(rows))
    proven = PROVEN.get(runtime)
    if failed and proven is not None and proven != version:
        remark(f"with {version}, other than with {proven}, these fail: {', '.join(failed)}")
    elif failed:
        remark(f"{runtime}: {', '.join(failed)} failed")
