"""`doctor`: what is missing or wrong, and the command that mends it."""

from roost.cli.app import App
from roost.cli.client import Record
from roost.cli.command import command
from roost.cli.output import local, one_line, paint, say, show_json, wrap
from roost.errors import NoDaemonError, RoostError

_INDENT = 7
_MARKS = {True: ("ok", "green"), False: ("WRONG", "red"), None: ("note", "yellow")}


@command("doctor")
def doctor_command(app: App) -> int:
    """Look for what is missing or wrong; each finding names its cure.

    Exit code 1: something is wrong.
    """
    from roost.cli.doctor import examine
    from roost.cli.doctor_service import examine_service
    from roost.cli.environment import findings as compared

    findings = [*examine(app.places), *examine_service(app), *compared(app)]
    known = {str(finding["check"]) for finding in findings}
    findings.extend(finding for finding in _daemon(app) if finding["check"] not in known)
    if app.json:
        show_json(findings)
    else:
        for finding in findings:
            _show(finding)
    return 1 if any(finding["ok"] is False for finding in findings) else 0


def _daemon(app: App) -> list[Record]:
    """Whether the daemon answers, and what it found itself."""
    from roost.cli.doctor import good, note, wrong

    try:
        status: Record = app.call("status")
        # An agent may ask how the daemon is, not what it found.
        own: list[Record] = app.call("doctor") if app.token is None else []
    except NoDaemonError:
        return [note("daemon", "it is not running", "roost up")]
    except RoostError as error:
        return [wrong("daemon", error.message, "roost down, then roost up")]
    found = own
    if not any(finding["check"] == "daemon" for finding in own):
        found = [good("daemon", f"version {status['version']}, pid {status['pid']}"), *own]
    config: str | None = status.get("config")
    if config is not None and config != str(app.places.config):
        detail = f"the daemon reads {config}; the environment here names {app.places.config}"
        found = [
            note("daemon's config", detail),
            *(each for each in found if each["check"] != "daemon's config"),
        ]
    return found


def _show(finding: Record) -> None:
    mark, colour = _MARKS[finding["ok"]]
    found = f"{one_line(finding['check'])}: {local(one_line(finding['detail']))}"
    say(f"{paint(mark.ljust(5), colour)}  {wrap(found, _INDENT, _INDENT)}")
    if finding.get("fix"):
        say(wrap(f"       -> {one_line(finding['fix'])}", _INDENT + 3))
