"""`gc`: compare the registry with what really runs."""

import json
import subprocess
import sys

from roost.cli.app import App
from roost.cli.client import Record
from roost.cli.command import Option, command
from roost.cli.output import say, show_json, table, warn
from roost.errors import NoDaemonError, RoostError

BUSY = 75
"""The exit code of the pass when somebody else holds the daemon's lock."""
_TRIES = 6
_SECONDS = 120.0


@command("gc", Option("--dry-run", help="Change nothing, only say what would be done."))
def gc_command(app: App, dry_run: bool) -> None:  # noqa: FBT001 -- a flag
    """Close sessions of the registry that are dead, for certain.

    While the daemon runs it looks after that itself: then this only reports what it finds. Without a daemon
    dead sessions are closed and the others kept, each with its reason.
    """
    report = _ask(app, dry_run=dry_run)
    if app.json:
        show_json(report)
    else:
        _show(report, dry_run=dry_run)


def _ask(app: App, *, dry_run: bool) -> Record:
    """The daemon's report, or that of a pass of our own while no daemon runs."""
    for _ in range(_TRIES):
        try:
            return app.call("gc")
        except NoDaemonError:
            report = _sweep(app, dry_run=dry_run)
        if report is not None:
            return report
    raise RoostError("another program holds the daemon's lock and does not answer; see `roost doctor`")


def _sweep(app: App, *, dry_run: bool) -> Record | None:
    """The report of a process of its own, with the means of a daemon; None when somebody has the lock."""
    home = ["--home", app.chosen_home] if app.chosen_home else []
    command = [sys.executable, "-P", "-m", "roost.daemon.gc", *home, *(["--dry-run"] if dry_run else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise RoostError(
            f"it took longer than {_SECONDS:g} s and was given up; `roost up` does the same"
        ) from error
    if done.returncode == BUSY:
        return None
    if done.returncode != 0:
        raise RoostError(done.stderr.strip().rpartition("\n")[2] or "it failed; `roost doctor` looks for why")
    return json.loads(done.stdout)


def _show(report: Record, *, dry_run: bool) -> None:
    found: list[Record] = [each for each in report["found"] if each["session"] is not None]
    closing = [each for each in found if each["action"] == "close"]
    if found:
        table(
            ("PEER", "OUTCOME", "ACTION", "WHY"),
            ((each["peer"], each["outcome"], each["action"], each["why"]) for each in found),
        )
    if report["alarm"]:
        warn(f"alarm: {report['alarm']}")
    for orphan in report["orphans"]:
        pids = ", ".join(map(str, orphan["pids"]))
        say(f"no session in the registry: process {pids}; {_who(report)} ends it")
    if report["daemon"] and closing:
        say(f"{len(closing)} to close; the daemon does it")
    elif dry_run:
        say(f"{len(closing)} to close; nothing was changed")
    else:
        say(f"{report['closed']} closed, {len(found) - len(closing)} kept")


def _who(report: Record) -> str:
    return "the daemon" if report["daemon"] else "`roost up`"
