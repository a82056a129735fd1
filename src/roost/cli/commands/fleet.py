"""`fleet`: this host and others that write to each other."""

import sys
from collections.abc import Callable

from roost.cli.app import App
from roost.cli.command import Argument, Choice, Number, Option, command
from roost.cli.enrol import enrol
from roost.cli.output import counted, local, one_line, paint, remark, say, show_json, warn
from roost.client.connection import DOWN, Record
from roost.core.vocabulary.durations import parse_duration
from roost.errors import NoDaemonError, RoostError, UsageError

_TAKES: dict[str, tuple[str, ...]] = {
    "status": (),
    "init": ("name", "listen", "advertise", "now"),
    "token": ("ttl", "uses"),
    "join": ("what", "name", "hub", "new_keys"),
    "leave": ("force",),
    "revoke": ("what",),
}
"""What goes with each action; the names of parameters."""
_HUB = "the hub"
_WHAT = {"join": "the token that `roost fleet token` printed on the hub's host", "revoke": "the host"}


@command(
    "fleet",
    Argument("action", required=False, kind=Choice(list(_TAKES))),
    Argument("what", required=False, metavar="TOKEN|HOST"),
    Option("--name", metavar="HOST", help="What this host is called there (else as the machine is)."),
    Option("--listen", metavar="ADDR:PORT", help="init: where the hub listens (0.0.0.0:4222)."),
    Option("--advertise", metavar="ADDR:PORT", help="init: where other hosts reach it."),
    Option("--now", help="init: have systemd keep the hub's server running."),
    Option("--hub", metavar="ADDR:PORT", help="join: where this host reaches the hub."),
    Option("--new-keys", help="join: with other keys than before, as another host."),
    Option("--ttl", metavar="DURATION", kind=parse_duration, help="token: how long it is good (1h)."),
    Option("--uses", kind=Number(1), metavar="N", help="token: how many hosts it lets in (1)."),
    Option("--force", help="leave: also where the hub cannot be told."),
)
def fleet_command(app: App, action: str | None, what: str | None, **given: object) -> int | None:
    """Join hosts to a fleet, whose peers write to each other as NAME@HOST.

    `init` makes this host the hub and prints the line by which another joins; `token` prints one more.
    `join TOKEN` (- reads it from standard input) is all that the other host does. `status`, or no word,
    shows the hosts, and which are silent since when. `leave` takes this host out, `revoke HOST` (on the
    hub's host) another one, for good: its name and its key come back no more. A daemon that runs is started
    anew where it has to be; agents live on. docs/how-to/fleet.md walks through it.
    """
    action = action or "status"
    _check(action, {"what": what, **given})
    if action in ("join", "revoke") and not what:
        raise UsageError(f"`roost fleet {action}` needs {_WHAT[action]}")
    return _ACTIONS[action](app, {"what": what, **given})


def _check(action: str, given: Record) -> None:
    for name, value in given.items():
        if value not in (None, False) and name not in _TAKES[action]:
            word = f"'{value}'" if name == "what" else f"--{name.replace('_', '-')}"
            raise UsageError(f"{word} does not go with `roost fleet {action}`; see `roost fleet --help`")


def _init(app: App, given: Record) -> int:
    _check_restart(app)
    made: Record = enrol(app, "init", {key: given[key] for key in ("name", "listen", "advertise")})
    unit, failed = _hub_unit(made) if given["now"] else (None, "")
    restarted = _restart(app, _HUB)
    line = f"roost fleet join {made['token']}" if made["token"] else None
    if app.json:
        show_json({**made, "line": line, "unit": unit, "restarted": restarted})
        return _tell_failed(failed)
    known = "the hub of a new fleet" if line else "the hub of its fleet already"
    remark(f"this host is '{made['host']}', {known}; others reach it as {made['advertise']}")
    if unit is None:
        remark(
            f"nats-server {made['version']} is its server; keep this running (--now has systemd do so):"
            f" {made['program']} -c {made['configuration']}"
        )
    _say_daemon(restarted)
    if line is None:
        remark("`roost fleet token` prints the line by which another host joins")
    else:
        remark("within an hour, one other host joins by this line; `roost fleet token` prints another:")
        say(line)
    return _tell_failed(failed)


def _hub_unit(made: Record) -> tuple[str | None, str]:
    """Where the unit is that keeps the hub running, or why there is none: the join line is printed yet."""
    from roost.cli.service.hub_unit import keep_running

    try:
        return keep_running(str(made["program"]), str(made["configuration"])), ""
    except RoostError as error:
        return None, error.message


def _tell_failed(why: str) -> int:
    if why:
        warn(why)
    return 1 if why else 0


def _token(app: App, given: Record) -> None:
    asked = {key: given[key] for key in ("ttl", "uses") if given[key] is not None}
    made: Record = app.call("fleet_token", asked, patience=None)
    line = f"roost fleet join {made['token']}"
    if app.json:
        show_json({**made, "line": line})
        return
    hosts = counted(made["uses"], "host")
    warn(f"{hosts} may join by this line until {local(made['expires_at'])}; it is a secret")
    say(line)


def _join(app: App, given: Record) -> None:
    token = sys.stdin.read() if given["what"] == "-" else given["what"]
    asked = {"token": token, **{key: given[key] for key in ("name", "hub", "new_keys")}}
    _check_restart(app)
    done: Record = enrol(app, "join", asked)
    restarted = _restart(app, done["host"])
    if app.json:
        show_json({**done, "restarted": restarted})
        return
    remark(f"this host is '{done['host']}' of the fleet" + ("" if done["new"] else " already"))
    _say_daemon(restarted)


def _leave(app: App, given: Record) -> None:
    _check_restart(app)
    done: Record = enrol(app, "leave", {"force": given["force"]})
    restarted = _restart(app, None)
    if app.json:
        show_json({"host": done["host"], "restarted": restarted})
        return
    remark(f"this host is in no fleet any more; its name there, '{done['host']}', stays its own")
    _say_daemon(restarted)


def _revoke(app: App, given: Record) -> None:
    done: Record = app.call("fleet_revoke", {"host": given["what"]}, patience=None)
    if app.json:
        show_json(done)
        return
    remark(f"'{done['host']}' is let in no more" + (", and was cut off" if done["cut_off"] else ""))
    if not done["cut_off"]:
        warn(f"it is cut off as soon as the hub can be told: {one_line(done['why'])}")


def _status(app: App, _given: Record) -> None:
    try:
        told: Record | None = app.call("fleet")
    except NoDaemonError:
        told = enrol(app, "show", {})
        if told is not None:
            told |= {"trouble": f"{DOWN}, so nothing is known of the others", "hosts": None, "tokens": []}
    if app.json:
        show_json(told)
        return
    if told is None:
        say("this host is in no fleet; `roost fleet init` makes one, `roost fleet join TOKEN` joins one")
        return
    where = "with the hub" if told["is_hub"] else f"the hub is {' '.join(told['servers'])}"
    say(f"{paint(told['host'], 'bold')}  this host, {where}")
    for host in told["hosts"] or ():
        _show(host)
    for token in told["tokens"]:
        left = counted(token["left"], "host")
        remark(f"the token {token['id']} lets {left} in until {local(token['expires_at'])}")
    if told["trouble"]:
        warn(one_line(told["trouble"]))


def _show(host: Record) -> None:
    if host["reached"]:
        state = paint("reached", "green")
    elif host["silent_since"]:
        state = paint(f"unreachable, silent since {local(host['silent_since'])}", "yellow")
    else:
        state = paint("unreachable, not heard of yet", "yellow")
    say(f"{host['host']}  {state}  {counted(host['peers'], 'peer')}")
    if trouble := host.get("trouble"):  # a daemon of an earlier version does not tell
        warn(f"what is for '{host['host']}' does not arrive: {one_line(trouble)}")


def _check_restart(app: App) -> None:
    """Raise RoostError where the daemon that runs could not be started anew: before anything is changed."""
    from roost.cli.commands.daemon import check_restart

    if app.token is None:  # an agent is refused by what comes next
        check_restart(app)


def _restart(app: App, host: object) -> bool | None:
    """Have the daemon be this host of a fleet, be the hub, or (None) neither.

    True: it was started anew; None: none runs.
    """
    from roost.cli.commands.daemon import restart

    try:
        told: Record | None = app.call("fleet")
    except NoDaemonError:
        return None
    if told is not None and (host == told["host"] or (host == _HUB and told["is_hub"])):
        return False
    return True if restart(app) else None


def _say_daemon(restarted: bool | None) -> None:  # noqa: FBT001 -- what `_restart` says
    if restarted is None:
        remark("the daemon is down; `roost up` starts it")
    elif restarted:
        remark("the daemon was started anew, since it enters or leaves a fleet only then; its agents live on")


_ACTIONS: dict[str, Callable[[App, Record], int | None]] = {
    "status": _status,
    "init": _init,
    "token": _token,
    "join": _join,
    "leave": _leave,
    "revoke": _revoke,
}
