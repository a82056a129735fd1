"""`gc` and `adopt`: compare the registry with what really runs, and decide about what it does not know."""

from __future__ import annotations

import json
import subprocess
import sys

from roost.cli.app import App
from roost.cli.command import Argument, Option, command
from roost.cli.output import remark, say, show_json, warn
from roost.cli.registry import show_rows
from roost.cli.table import table
from roost.client.connection import Record
from roost.errors import BUSY, NoDaemonError, RoostError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TRIES = 6
_SECONDS = 120.0


@command(
    "gc",
    Option("--dry-run", help="Change nothing, only say what would be done."),
    Option(
        "--end",
        metavar="SESSION",
        multiple=True,
        help="End this session, which runs and is not in the registry (`all`: every such one).",
    ),
)
def gc_command(app: App, dry_run: bool, end: tuple[str, ...]) -> int:  # noqa: FBT001 -- a flag
    """Close sessions of the registry that are dead, for certain.

    While the daemon runs it looks after that itself: then this only reports what it finds. Without a daemon
    dead sessions are closed and the others kept, each with its reason. Sessions that run and that the
    registry does not know are shown and kept: `roost adopt` takes one in, `--end` ends it.
    """
    if end and dry_run:
        raise UsageError("--end and --dry-run exclude each other")
    if end:
        return _end(app, list(end))
    report = _ask(app, "gc", {}, ["--dry-run"] if dry_run else [])
    if app.json:
        show_json(report)
    else:
        _show(report, dry_run=dry_run)
    return 0


@command(
    "adopt",
    Argument("session", required=False),
    Option("--all", "everything", help="Every session that can be taken in."),
    Option("--store", help="Take the store that is here for the right one, though another ran here before."),
)
def adopt_command(app: App, session: str | None, everything: bool, store: bool) -> None:  # noqa: FBT001 -- flags
    """Take a session that runs into a registry that has lost it.

    It goes to the peer that it was started for, which is made again where it is missing. `roost gc` lists
    such sessions.
    """
    params: Record = {"session": session, "all": everything, "store": store}
    # A daemon refuses to start on a copy of a store: then there is none to be asked.
    alone = store and session is None and not everything
    rows: list[Record] = (
        _ask(app, "adopt", params, ["--adopt-store"]) if alone else app.call("adopt", params, patience=None)
    )
    if app.json:
        show_json(rows)
    elif store:
        say("the store that is here counts as the right one now")
    elif not rows:
        say("nothing was taken in")
    else:
        show_rows(rows)


def _end(app: App, sessions: list[str]) -> int:
    words = [word for session in sessions for word in ("--end", session)]
    report = _ask(app, "gc", {"end": sessions}, words)
    ended: list[Record] = report["ended"]
    if app.json:
        show_json(ended)
    elif not ended:
        say("nothing runs outside the registry")
    for each in () if app.json else ended:
        remark(f"session {each['session'][:8]} of {each['peer'] or 'nobody'}: {each['why']}")
    return 0 if all(each["ended"] for each in ended) else 1


def _ask(app: App, method: str, params: Record, words: list[str]) -> Any:  # noqa: ANN401 -- JSON
    """The daemon's report, or that of a process of our own while no daemon runs."""
    for _ in range(_TRIES):
        try:
            return app.call(method, params, patience=None)
        except NoDaemonError:
            report = _sweep(app, words)
        if report is not None:
            return report
    raise RoostError("another program holds the daemon's lock and does not answer; see `roost doctor`")


def _sweep(app: App, words: list[str]) -> Any:  # noqa: ANN401 -- JSON
    """The report of a process of its own, with the means of a daemon; None when somebody has the lock."""
    home = ["--home", app.chosen_home] if app.chosen_home else []
    command = [sys.executable, "-P", "-m", "roost.daemon.gc", *home, *words]
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
        pids, ident = ", ".join(map(str, orphan["pids"])), str(orphan["session"])[:8]
        if orphan["closed"]:
            remark(f"left of session {ident}, which has ended: process {pids}; {_who(report)} ends it")
        else:
            remark(
                f"session {ident} of {orphan['peer'] or 'nobody'} is not in the registry and is kept:"
                f" process {pids};"
                f" `roost adopt {ident}` or `roost gc --end {ident}`"
            )
    if report["daemon"] and closing:
        say(f"{len(closing)} to close; the daemon does it")
    elif dry_run:
        say(f"{len(closing)} to close; nothing was changed")
    else:
        say(f"{report['closed']} closed, {len(found) - len(closing)} kept")


def _who(report: Record) -> str:
    return "the daemon" if report["daemon"] else "`roost up`"
