"""The unit of systemd's user manager that keeps the hub of a fleet running."""

import os

from roost.cli.service.ask import ServiceError
from roost.cli.service.install import write_if_different
from roost.cli.service.systemd import Systemd, quote, unit_folder

UNIT = "roost-hub.service"


def unit(program: str, configuration: str) -> str:
    """Its text. The server is started again whenever it ends."""
    words = " ".join(quote(word).replace("$", "$$") for word in (program, "-c", configuration))
    return (
        "# Made by `roost fleet init`; `systemctl --user edit` keeps changes of your own.\n\n"
        "[Unit]\nDescription=roost, the hub of a fleet of hosts (nats-server)\n\n"
        f"[Service]\nExecStart={words}\nRestart=always\nRestartSec=2\nLimitNOFILE=65536\n\n"
        "[Install]\nWantedBy=default.target\n"
    )


def keep_running(program: str, configuration: str) -> str:
    """Write the unit and start it; its path. Raises ServiceError, with the next step."""
    path = unit_folder(os.environ) / UNIT
    by_hand = f"start it by hand, and keep it running: {program} -c {configuration}"
    if path.exists() and quote(configuration) not in path.read_text("utf-8", "replace"):
        raise ServiceError(f"{path} keeps another hub; {by_hand}")
    manager = Systemd(os.environ)
    try:
        manager.check()
        write_if_different(path, unit(program, configuration))
        manager.keep_running(UNIT)
    except ServiceError as error:
        raise ServiceError(f"systemd does not keep the hub running: {error.message}; {by_hand}") from error
    return str(path)
