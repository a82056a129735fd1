"""A daemon in a container of its own: pids, host name, machine id and boot id of another machine.

Real namespaces, as root. The first process of the container is a shell that reaps what is left to it.
"""

import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.daemon import PATIENCE, Roost

_INSIDE = """
mount --make-rprivate /
hostname "$1"
if [ -n "$2" ]; then mount --bind "$2" /etc/machine-id; else mount --bind /dev/null /etc/machine-id; fi
if [ -n "$3" ]; then mount --bind "$3" /proc/sys/kernel/random/boot_id; fi
shift 3
"$@" &
wait $!
while test -e "$ROOST_HOME/keep"; do sleep 1; done
"""


@dataclass(frozen=True, slots=True)
class Container:
    """What the machine in it is called. `boot`: None for the boot of the machine below."""

    name: str
    machine: str | None = None
    boot: str | None = None
    words: list[str] = field(default_factory=list[str])

    def start(self, roost: Roost) -> None:
        """Start the daemon in a new one."""
        roost.start(*self.argv(roost), sys.executable, "-m", "roost.daemon")

    def argv(self, roost: Roost) -> list[str]:
        """What goes before a command that is to run in a new one."""
        return [
            *("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--mount", "--uts"),
            *("sh", "-c", _INSIDE, "sh", self.name),
            *(self._file(roost, "machine", self.machine), self._file(roost, "boot", self.boot)),
        ]

    def _file(self, roost: Roost, name: str, text: str | None) -> str:
        if text is None:
            return ""
        path: Path = roost.home.root / f"{self.name}.{name}"
        path.write_text(text + "\n")
        return str(path)


def end(roost: Roost) -> None:
    """End the container at once, with all that runs in it."""
    roost.daemon.send_signal(signal.SIGKILL)
    roost.daemon.wait(PATIENCE)
