"""`service`: the daemon as a service that starts with the machine."""

import sys

from roost.cli.app import App
from roost.cli.command import Argument, Choice, Option, command
from roost.cli.output import remark, say, show_json, warn
from roost.errors import UsageError

_PLATFORMS = {"systemd": "linux", "launchd": "darwin"}


@command(
    "service",
    Argument("action", kind=Choice(["install", "uninstall", "print"])),
    Option(
        "--platform", kind=Choice(list(_PLATFORMS)), help="Whose files `print` shows (else this machine's)."
    ),
)
def service_command(app: App, action: str, platform: str | None) -> None:
    """Run the daemon as a service of yours: systemd on Linux, launchd on macOS.

    `install` makes the machine start it, restart it when it fails or hangs, and run `roost gc` every ten
    minutes; a daemon started by hand hands over. `uninstall` takes it back; agents live on. `print` shows the
    files and changes nothing.
    """
    if action != "print" and platform is not None:
        raise UsageError("--platform is for `print`; see `roost service --help`")
    {"install": _install, "uninstall": _uninstall, "print": _print}[action](app, platform)


def _print(app: App, platform: str | None) -> None:
    from roost.cli.service.install import manager_for, setup_of

    files = manager_for(_PLATFORMS[platform] if platform else sys.platform).files(setup_of(app))
    if app.json:
        show_json([{"path": str(path), "text": text} for path, text in files.items()])
        return
    for path, text in files.items():
        say(f"# {path}")
        say(text)


def _install(app: App, _platform: str | None) -> None:
    from roost.cli.service.install import install, manager_for
    from roost.cli.service.linger import lingers

    manager = manager_for(sys.platform)
    done = install(app, manager)
    status = app.call("status")
    if app.json:
        show_json({"written": [str(path) for path in done.written], "took_over": done.took_over})
        return
    for path in done.written:
        say(f"wrote {path}")
    if done.took_over:
        remark("the daemon that was started by hand has handed over; its agents live on")
    said = "installed" if done.written else "installed already; nothing had to change"
    if done.resumed:
        said = "installed, which an earlier try had begun"
    remark(f"the service is {said}; roost {status['version']} is up (pid {status['pid']})")
    if sys.platform == "linux" and lingers() is False:
        warn("lingering is off: logging out ends daemon and agents; `loginctl enable-linger` keeps them")


def _uninstall(app: App, _platform: str | None) -> None:
    from roost.cli.service.install import manager_for, uninstall

    removed = uninstall(app, manager_for(sys.platform))
    if app.json:
        show_json({"removed": [str(path) for path in removed]})
        return
    for path in removed:
        say(f"removed {path}")
    if removed:
        remark("the service is gone and its daemon down; agents live on, `roost up` takes them over by hand")
    else:
        say("no service is installed")
