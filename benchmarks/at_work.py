"""What sessions in the middle of a turn cost the daemon, beside the same sessions at rest."""

from benchmarks import crowd
from benchmarks.home import daemon, until
from benchmarks.result import Result

SESSIONS = 30
WINDOW = 10.0
"""Seconds for which the daemon is watched, at rest and at work."""
TARGET = 6.0
_TURN = "@@delay 600@@\n@@silent@@"


def run() -> Result:
    """Nothing is written or drawn in these turns, as while a model thinks or a tool runs."""
    with daemon() as home:
        crowd.start(home, SESSIONS)
        pid = {"daemon": [int(home.ask("status")["pid"])]}
        rests = crowd.shares(pid, WINDOW)["daemon"]
        for row in home.ask("list"):
            home.ask("send", to=row["name"], body=_TURN)
        until(lambda: all(row["state"] == "working" for row in home.ask("list")), "all are at work")
        works = crowd.shares(pid, WINDOW)["daemon"]
    return Result(
        name="at-work",
        what=f"processor time of a daemon with {SESSIONS} demo sessions in turns, over {WINDOW:g} s",
        unit="%",
        measured=works,
        floor=rests,
        floor_is="the same sessions at rest, over as long",
        judged_as="% of a core",
        judged=works,
        target=TARGET,
    )
