"""Installing and removing the service. What is there and right already is left alone."""

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from roost.cli.app import App
from roost.cli.launch import check_start
from roost.cli.service.ask import ServiceError
from roost.cli.service.setup import Setup, current_setup, places_of
from roost.cli.service.systemd import Systemd
from roost.errors import DeniedError, NoDaemonError
from roost.present.finding import quote

_MARK = ".roost-service-install"
_MARK_TEXT = (
    "`roost service install` is at work, or was cut off: what runs may be older than the files here.\n"
)


class Manager(Protocol):
    """One service manager; all but the first four methods talk to it."""

    @property
    def manages(self) -> str:
        """Its name."""
        ...

    def files(self, setup: Setup) -> dict[Path, str]:
        """Every file of the service and its text."""
        ...

    def installed(self) -> str | None:
        """The text of the installed daemon's file, None when there is none."""
        ...

    def environment_in(self, text: str) -> dict[str, str]:
        """The variables that an installed file sets."""
        ...

    def interpreter_in(self, text: str) -> str | None:
        """The interpreter that an installed file starts."""
        ...

    def check(self) -> None:
        """Raise ServiceError, with the next step, unless the manager answers."""
        ...

    def state(self) -> str:
        """`active` while the daemon runs as a service."""
        ...

    def timer_state(self) -> str:
        """`active` while the sweep is due again and again."""
        ...

    def apply(self, *, changed: bool) -> None:
        """Make daemon and sweep run, now and after every start of the machine."""
        ...

    def start(self) -> None:
        """Start the daemon; returns when it is ready."""
        ...

    def leave(self) -> None:
        """Stop daemon and sweep, and start them no more."""
        ...

    def forget(self) -> None:
        """The files are gone."""
        ...


class Installed(NamedTuple):
    """What an installation did: the files that it wrote, and whether it took over from a daemon by hand.

    `resumed`: an earlier one was cut off, and this one has done what that one left.
    """

    written: tuple[Path, ...]
    took_over: bool
    resumed: bool


def manager_for(platform: str) -> Manager:
    """The service manager of a platform (`sys.platform`). Raises ServiceError where none is known."""
    if platform == "darwin":
        from roost.cli.service.launchd import Launchd  # reads property lists

        return Launchd(os.environ)
    if platform == "linux":
        return Systemd(os.environ)
    raise ServiceError(f"no service manager is known for {platform}; `roost up` starts the daemon by hand")


def setup_of(app: App) -> Setup:
    """The service that this command line would install."""
    return current_setup(os.environ, app.chosen_home)


def belongs(app: App, manager: Manager) -> bool:
    """Whether the installed service, if any, is the one of this command line's folder."""
    text = manager.installed()
    return text is not None and places_of(manager.environment_in(text)).home == app.places.home


def _check_home(app: App, manager: Manager) -> None:
    """Raise ServiceError for the service of another folder: it is left alone."""
    text = manager.installed()
    if text is None or belongs(app, manager):
        return
    home = places_of(manager.environment_in(text)).home
    raise ServiceError(
        f"the installed service keeps {home}; `roost --home {quote(home)} service uninstall` removes it first"
    )


def install(app: App, manager: Manager) -> Installed:
    """Write what differs, and have the manager run it. A daemon that was started by hand hands over."""
    if app.token is not None:
        raise DeniedError("an agent cannot install a service; ask the person who runs this machine")
    _check_home(app, manager)
    manager.check()
    files, mark = manager.files(setup_of(app)), _mark(app, manager)
    resumed = mark.exists()
    changed = any(differs(path, text) for path, text in files.items())
    if resumed or changed or manager.state() != "active":  # whatever runs ends for another
        check_start(app, _completed(setup_of(app).environ))
    if changed:
        write_if_different(mark, _MARK_TEXT)
    written = tuple(path for path, text in files.items() if write_if_different(path, text))
    took_over = manager.state() != "active" and _stop_by_hand(app)
    manager.apply(changed=resumed or bool(written))
    mark.unlink(missing_ok=True)
    return Installed(written, took_over, resumed)


def _mark(app: App, manager: Manager) -> Path:
    """The file beside the service's own, there from their first change until the manager goes by them."""
    return next(iter(manager.files(setup_of(app)))).with_name(_MARK)


def is_cut_off(app: App, manager: Manager) -> bool:
    """Whether files were written that the manager may not go by yet, as after an installation that failed."""
    return _mark(app, manager).exists()


def uninstall(app: App, manager: Manager) -> tuple[Path, ...]:
    """Stop the service and remove its files, which are returned; agents live on.

    Files that do not tell whose the service is are removed by anybody: else nobody could.
    """
    if app.token is not None:
        raise DeniedError("an agent cannot remove the service; ask the person who runs this machine")
    if manager.environment_in(manager.installed() or ""):
        _check_home(app, manager)
    there = [path for path in manager.files(setup_of(app)) if path.exists()]
    if not there:
        return ()
    unreachable: ServiceError | None = None
    try:
        manager.check()
    except ServiceError as error:
        # A manager that is not there runs nothing: its files can go all the same.
        unreachable = error
    if unreachable is None:
        manager.leave()
    for path in (*there, _mark(app, manager)):
        path.unlink(missing_ok=True)
    if unreachable is None:
        manager.forget()
    return tuple(there)


def is_installed(app: App) -> bool:
    """Whether a service is installed for this command line's folder."""
    return sys.platform in ("linux", "darwin") and belongs(app, manager_for(sys.platform))


def start_service(app: App) -> bool:
    """Start the daemon through the service, if one is installed for this folder and its manager answers."""
    manager = _starter(app)
    if manager is None:
        return False
    manager.start()
    return True


def environment_of_service(app: App) -> dict[str, str] | None:
    """What `start_service` would start the daemon with; None: it would not."""
    manager = _starter(app)
    return None if manager is None else _completed(manager.environment_in(manager.installed() or ""))


def _completed(environ: Mapping[str, str]) -> dict[str, str]:
    """With what a service manager adds that decides where things are."""
    return {"HOME": os.environ.get("HOME", ""), **environ}


def _starter(app: App) -> Manager | None:
    """What starts the daemon of this folder as a service; None: none is installed, or none answers."""
    if not is_installed(app):
        return None
    manager = manager_for(sys.platform)
    try:
        manager.check()
    except ServiceError:
        return None
    return manager


def _stop_by_hand(app: App) -> bool:
    """End a daemon that runs outside the service; its agents live on. False: there is none."""
    from roost.cli.launch import wait_until_down
    from roost.client.connection import ConnectionLostError

    try:
        with contextlib.suppress(ConnectionLostError):
            app.call("down", {"agents": False}, patience=None)
    except NoDaemonError:
        return False
    wait_until_down(app)
    return True


def differs(path: Path, text: str) -> bool:
    """Whether a file says something else, or cannot be read."""
    try:
        return path.read_text("utf-8") != text
    except (OSError, UnicodeDecodeError):
        return True


def write_if_different(path: Path, text: str) -> bool:
    """Replace a file unless it says this already; True: it was replaced. Readers see all or nothing."""
    if not differs(path, text):
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ServiceError(f"{path} cannot be written: {error.strerror}; make its folder writable") from error
    return True
