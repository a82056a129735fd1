"""`doctor`: what is missing or wrong, and the command that mends it."""

import re
from collections.abc import Callable
from pathlib import Path

from roost.cli.app import App
from roost.cli.command import command
from roost.cli.output import local, one_line, paint, say, show_json, warn, wrap
from roost.client.connection import Client, Record
from roost.errors import NoDaemonError, RoostError
from roost.present.finding import Code, Finding, good, note, quote, wrong

_INDENT = 7
_MARKS = {True: ("ok", "green"), False: ("WRONG", "red"), None: ("note", "yellow")}
_PATIENCE = 10.0
"""Seconds without an answer after which a daemon does not answer."""
_CONTAINED = {"store": Code.STORE_DISPLACED, "linger": Code.LINGER_OFF}
"""What is not told of when the daemon has found this: it is the same trouble."""

_SHUT = {Code.FOLDER_CLOSED, Code.FOLDER_FOREIGN, Code.FOLDER_LOCKED}
"""What keeps us from asking the daemon."""
_OURS = re.compile(r"(^|; |&& |env -u \w+ )roost (?=[a-z])")
"""Where a command of ours begins in a command line."""
_NAMED = re.compile(r"(`|&& )roost (?=[a-z])")
"""Where one begins in a sentence, between backticks."""


@command("doctor")
def doctor_command(app: App) -> int:
    """Look for what is missing or wrong; each finding names its cure.

    What follows `->` is a command to be run as it stands, what stands in brackets a code that is the same in
    every version. --json: `check`, `code` (null where all is well), `ok` (null: worth knowing, not wrong),
    `detail`, `advice`, and `fix`, the command. Exit code 1: something is wrong.
    """
    findings = examined(app)
    if app.json:
        show_json(findings)
    else:
        for finding in findings:
            _show(finding)
    return 1 if any(finding["ok"] is False for finding in findings) else 0


def examined(app: App) -> list[Finding]:
    """All findings, in the order in which a person would mend them."""
    from roost.cli.doctor import examine
    from roost.cli.doctor_service import examine_service
    from roost.cli.environment import findings as compared

    status, about = _status(app)
    up = status is not None
    own = _daemon(app, status) if status is not None else []
    findings = [*examine(app.places, up=up), *examine_service(app, up=up), *(compared(app) if up else [])]
    findings = _once(findings, [*own, *about])
    if app.home is not None:
        findings = [_addressed(finding, app.home) for finding in findings]
    return findings


def _once(findings: list[Finding], own: list[Finding]) -> list[Finding]:
    """All findings, those of the daemon at the end; one trouble is told of once."""
    codes = {finding.get("code") for finding in own} - {None}
    kept = [each for each in findings if _CONTAINED.get(each["check"]) not in codes]
    silent = {Code.DAEMON_MUTE} if any(each["code"] in _SHUT for each in kept) else set[Code]()
    known = {each["check"] for each in kept}
    told = (each for each in own if each["check"] not in known and each.get("code") not in silent)
    return [*kept, *told]


def _status(app: App) -> tuple[Record | None, list[Finding]]:
    """What the daemon says of itself, and what there is to say when it says nothing."""
    ask: Callable[..., Record] = Client(app.socket, app.token, warn).call
    try:
        return ask("status", patience=_PATIENCE), []
    except NoDaemonError:
        return None, [note(Code.DAEMON_DOWN, "daemon", "it is not running", fix="roost up")]
    except RoostError as error:
        return None, [_mute(app, error)]


def _mute(app: App, error: RoostError) -> Finding:
    """A daemon that is there and does not answer: agents live on whatever becomes of it."""
    from roost.cli.launch import written_pid

    pid, mute = written_pid(app), error.facts.get("mute")
    why = f"it does not answer within {_PATIENCE:g} s" if mute else error.message.partition(";")[0]
    if pid is None:
        return wrong(Code.DAEMON_MUTE, "daemon", why, fix=f"rm {quote(app.socket)}; roost up")
    why += f" (pid {pid})"
    if _is_stopped(pid):
        return wrong(Code.DAEMON_MUTE, "daemon", f"{why}: it is stopped", fix=f"kill -CONT {pid}")
    advice = "wait, or put another in its place; its agents live on:"
    return wrong(Code.DAEMON_MUTE, "daemon", why, advice=advice, fix=f"kill -9 {pid}; roost up")


def _is_stopped(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0] in "Tt"
    except OSError:
        return False


def _daemon(app: App, status: Record) -> list[Finding]:
    """What the daemon found itself, and which configuration it reads."""
    # An agent may ask how the daemon is, not what it found.
    own: list[Finding] = app.call("doctor") if app.token is None else []
    if not any(finding["check"] == "daemon" for finding in own):
        own = [good("daemon", f"version {status['version']}, pid {status['pid']}"), *own]
    config: str | None = status.get("config")
    if config is None or config == str(app.places.config):
        return own
    detail = f"the daemon reads {config}; the environment here names {app.places.config}"
    fix: str | None = "roost up --replace"
    advice = "where it is meant to be the one that is named here:"
    if app.token is not None:
        fix, advice = None, "which one is meant is for the operator to say"
    other = note(Code.CONFIG_OTHER, "daemon's config", detail, advice=advice, fix=fix)
    return [*(each for each in own if each["check"] != "daemon's config"), other]


def _addressed(finding: Finding, home: str) -> Finding:
    """Its commands with the --home that this one was given: without it they would act on another folder."""
    ours = f"roost --home {quote(home)} "
    words = {part: finding.get(part) for part in ("detail", "advice")}
    fix = finding.get("fix")
    return {
        **finding,
        **{part: text and _NAMED.sub(lambda found: found[1] + ours, text) for part, text in words.items()},
        "fix": fix and _OURS.sub(lambda found: found[1] + ours, fix),
    }


def _show(finding: Finding) -> None:
    """What follows the arrow is never broken into lines: it can be marked and run."""
    mark, colour = _MARKS[finding["ok"]]
    code = f" [{finding['code']}]" if finding.get("code") else ""
    found = f"{one_line(finding['check'])}: {local(one_line(finding['detail']))}{code}"
    say(f"{paint(mark.ljust(5), colour)}  {wrap(found, _INDENT, _INDENT)}")
    if advice := finding.get("advice"):
        say(" " * _INDENT + wrap(one_line(advice), _INDENT, _INDENT))
    if fix := finding.get("fix"):
        say(f"{' ' * _INDENT}-> {fix if fix.isprintable() else one_line(fix)}")
