"""Starts a daemon that is nobody's child: run by a tmux server, as `python -I -S -E starter.py ORDER.json`.

The order is described in `roost.host.outside`. Standard library only.
"""

import json
import os
import resource
import sys
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main() -> None:
    """Read the order and carry it out in a process whose parent has ended."""
    path = Path(sys.argv[1])
    order = json.loads(path.read_text(encoding="utf-8"))
    path.unlink()
    apart, tell = os.pipe()
    if os.fork():
        # The terminal that we were given goes with us, and takes along what is still in its session.
        os.close(tell)
        os.read(apart, 1)
        os._exit(0)
    os.setsid()
    os.close(apart)
    os.close(tell)
    # Whoever asked may have gone meanwhile; without a reader this fails instead of waiting for one.
    ready = os.open(order["ready"], os.O_WRONLY | os.O_NONBLOCK)
    os.set_inheritable(ready, True)  # noqa: FBT003 -- it goes along
    try:
        become(order, ready)
    except (OSError, ValueError) as error:
        os.write(ready, f"error: the daemon cannot be started: {error}\n".encode("utf-8", "replace"))
        os._exit(1)


def become(order: "dict[str, Any]", ready: int) -> None:
    """Take what was chosen for the daemon, and become it."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.chdir("/")
    os.umask(order["umask"])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = order["open_files"]
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard < 0 else min(wanted, hard), hard))
    os.execve(order["argv"][0], [*order["argv"], "--ready-fd", str(ready)], order["environ"])  # noqa: S606


if __name__ == "__main__":
    main()
