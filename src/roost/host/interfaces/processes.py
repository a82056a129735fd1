"""Processes, as the layers above may ask about them and end them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from roost.core.vocabulary.identity import ProcessId
from roost.host.interfaces.watch import Watch


@dataclass(frozen=True, slots=True)
class Marker:
    """What the launcher planted in a session's environment: `ROOST_SESSION` and `ROOST_NONCE`.

    `home` is the `ROOST_HOME` beside them: it tells whose session it is; `peer` is the `ROOST_PEER`. Neither
    is a part of its identity.
    """

    session: str
    nonce: str
    home: str | None = field(default=None, compare=False)
    peer: str | None = field(default=None, compare=False)

    def is_of(self, other: "Marker") -> bool:
        """Whether both name one session; a copied home has sessions of the same names, which are not ours."""
        return self == other and (not self.home or not other.home or self.home == other.home)


class Liveness(StrEnum):
    """What is known about a process. A failed look is `UNKNOWN`, never `DEAD`."""

    ALIVE = "alive"
    DEAD = "dead"
    UNKNOWN = "unknown"


class Probe(NamedTuple):
    """A verdict and the sentence that explains it; `stopped`: it lives, held by a signal or a debugger."""

    liveness: Liveness
    reason: str
    stopped: bool = False


class Processes(Protocol):
    """Processes of this machine, addressed by identity."""

    def boot_id(self) -> str:
        """Name of the running boot. Raises SensorError when it cannot be read."""
        ...

    def host_id(self) -> str:
        """A name of this machine that outlives reboots and changes of its network name."""
        ...

    def identify(self, pid: int) -> ProcessId | None:
        """Identity of the process that has `pid` now; None when there is none or it is a zombie.

        Raises SensorError when the machine does not tell.
        """
        ...

    def probe(self, process: ProcessId) -> Probe:
        """Whether that very process lives: a zombie, a recycled pid and another boot are dead.

        A process that the table does not list and the kernel still knows is unknown.
        """
        ...

    def probe_all(self, processes: Sequence[ProcessId]) -> list[Probe]:
        """As `probe` for each, in one look: for many at once."""
        ...

    def environ_marker(self, pid: int) -> Marker | None:
        """What our launcher planted in the process's environment; None when absent or not readable."""
        ...

    def variable(self, pid: int, name: str) -> str | None:
        """A variable of the environment that it was started with; None when absent or not readable."""
        ...

    def command_line(self, pid: int) -> list[str]:
        """The words that the process was started with; empty when they may not be read."""
        ...

    def ancestors(self, pid: int) -> list[ProcessId]:
        """The process that has `pid` and all above it, nearest first; empty when there is none.

        A process whose parent ends is given to the nearest subreaper above, as our shims are. Raises
        SensorError.
        """
        ...

    def tree(
        self, root: ProcessId | None, session: str, nonce: str, home: str | None = None
    ) -> list[ProcessId]:
        """Live processes of a session: `root`, its descendants, and all of our user that carry the marker.

        With `home`, what carries the marker beside another ROOST_HOME is not of this session. `root` may be
        None or dead: the marker still finds children that left the tree. Sorted by pid. Raises SensorError
        when the process table cannot be read (an empty answer is proof, an error none).
        """
        ...

    def marked(self) -> list[tuple[ProcessId, Marker]]:
        """All live processes of our user that carry any marker. Raises SensorError."""
        ...

    def cpu_seconds(self, processes: Sequence[ProcessId]) -> float:
        """Processor time that these very processes, and the children that they waited for, have used so far.

        Those that are gone count nothing. Raises SensorError.
        """
        ...

    def signal(self, process: ProcessId, signum: int) -> bool:
        """Signal that very process; False when it is gone or its pid belongs to another now.

        Raises SensorError when the identity cannot be read (nothing is sent then) and PermissionError
        when the kernel refuses.
        """
        ...

    def watch(self, process: ProcessId, callback: Callable[[], None]) -> Watch:
        """Call `callback` once, in the running loop, when that very process is gone.

        Already gone or recycled: on the next turn of the loop. Raises SensorError when it cannot be watched.
        """
        ...
