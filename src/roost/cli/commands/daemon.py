"""`up`, `down` and `status`: the daemon itself."""

from roost.cli.app import App
from roost.cli.command import Option, command
from roost.cli.drift import tell
from roost.cli.health import show
from roost.cli.output import remark, say, show_json
from roost.client.connection import ConnectionLostError, Record
from roost.errors import NoDaemonError, RoostError, UsageError


@command(
    "up",
    Option("--foreground", help="Run in this terminal until Ctrl-C."),
    Option("--replace", help="Put a daemon of this program, with this environment, in the place of another."),
)
def up_command(app: App, foreground: bool, replace: bool) -> None:  # noqa: FBT001 -- flags
    """Start the daemon; returns when it answers. Does nothing when it runs already.

    With a service installed (`roost service install`) the service starts it. From inside an agent's session
    it is started outside of it, with the environment that it had before. `--replace` is for after an
    upgrade; agents live on. --json prints its status.
    """
    if foreground and app.json:
        raise UsageError("--json does not go with --foreground, which prints nothing")
    status = _status(app)
    if status is not None and not replace:
        _say_up(app, status, "already up")
        tell(app)
        return
    if status is not None:
        _check_next(app, foreground=foreground)
        _end(app)
        status = None
    from roost.cli.launch import LockedError, StartError, run_in_foreground, start, wait_until_up
    from roost.cli.service.install import start_service

    if foreground:
        run_in_foreground(app)
    try:
        if not start_service(app):
            status = start(app)
    except StartError as error:
        # Of two that start at the same time one finds the other's daemon in its way, and that is success too.
        held = wait_until_up(app) or isinstance(error, LockedError)
        if (status := _status(app)) is None:
            if not held:
                raise
            status = start(app)  # a pass of `roost gc` held the lock, and has ended
    if status is None or app.json:
        status = app.call("status")
    _say_up(app, status, "up")


def restart(app: App) -> bool:
    """Put a new daemon in the place of the one that runs; agents live on. False: none runs."""
    from roost.cli.launch import start
    from roost.cli.service.install import start_service

    if not check_restart(app):
        return False
    _end(app)
    if not start_service(app):
        start(app)
    return True


def check_restart(app: App) -> bool:
    """Whether one runs; StartError where no other could take its place: it goes on then."""
    if _status(app) is None:
        return False
    _check_next(app)
    return True


def _check_next(app: App, *, foreground: bool = False) -> None:
    """Raise StartError where no daemon could start in the place of the one that runs."""
    from roost.cli.launch import check_start
    from roost.cli.service.install import environment_of_service

    check_start(app, None if foreground else environment_of_service(app), foreground=foreground)


def _say_up(app: App, status: Record, words: str) -> None:
    if app.json:
        show_json(status)
    else:
        say(f"roost {status['version']} is {words} (pid {status['pid']})")


def _end(app: App) -> None:
    """End the daemon that runs; its agents live on."""
    import contextlib

    from roost.cli.launch import wait_until_down

    with contextlib.suppress(ConnectionLostError, NoDaemonError):
        app.call("down", {"agents": False})
    wait_until_down(app)


def _status(app: App) -> Record | None:
    try:
        return app.call("status")
    except NoDaemonError:
        return None
    except ConnectionLostError as error:
        if error.facts.get("mute"):
            raise
        from roost.cli.launch import wait_until_down

        wait_until_down(app)  # it is just ending, as after a kill: its socket outlives it for a moment
        return None


@command("down", Option("--agents", help="End the agents too; without it they live on."), data=False)
def down_command(app: App, agents: bool) -> None:  # noqa: FBT001 -- a flag
    """Stop the daemon; returns when it has ended. Agents live on and are adopted by the next `up`."""
    from roost.cli.launch import wait_until_down
    from roost.cli.service.install import is_installed

    try:
        app.call("down", {"agents": agents})
    except NoDaemonError:
        if agents:
            raise
        say("the daemon is not running")
        return
    except ConnectionLostError:
        # It ended before its answer was through, or hangs; whether it has really ended is seen next.
        pass
    wait_until_down(app)
    if agents:
        _check_agents_ended(app)
    say("roost is down; its agents have ended" if agents else "roost is down; agents live on")
    if is_installed(app):
        remark("its service starts it again with the machine; `roost service uninstall` puts an end to that")


def _check_agents_ended(app: App) -> None:
    """A daemon that died on the way may have left agents behind: nobody may believe that they ended."""
    from roost.cli.offline import live_peers

    left = live_peers(app.places.database)
    if left:
        log = app.places.logs / "daemon.log"
        raise RoostError(
            f"the daemon ended before these agents did: {', '.join(left)};"
            f" `roost up` and `roost down --agents` try again (see {log})"
        )


@command("status")
def status_command(app: App) -> None:
    """Show the daemon's health. Exit code 5: it is not running."""
    show(app)
