"""What the layers above may ask of the machine. Real parts and in-memory twins both satisfy these.

Times are in seconds: `now` since the Unix epoch, `monotonic` since an arbitrary start.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Protocol

from roost.core.vocabulary.identity import ProcessId


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


class PasteOutcome(StrEnum):
    """`DEAD`: the pane's process was gone and nothing was pasted."""

    PASTED = "pasted"
    DEAD = "dead"


class Clock(Protocol):
    """Time, injected so that tests own it."""

    def now(self) -> float:
        """Seconds since the Unix epoch; may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that the machine has run since an arbitrary start; never goes back."""
        ...

    def boottime(self) -> float:
        """As `monotonic`, and it goes on while the machine sleeps."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds` of monotonic time."""
        ...


class Ids(Protocol):
    """Fresh names, injected so that tests own them."""

    def new(self) -> str:
        """A UUIDv7 as 32 lower-case hexadecimal digits: later ids sort after earlier ones."""
        ...

    def token(self) -> str:
        """A secret of 256 random bits, safe in a URL and a header."""
        ...


class Watch(Protocol):
    """A running watch."""

    def cancel(self) -> None:
        """Stop watching; the callback will not run any more. Harmless when repeated or after the callback."""
        ...


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


@dataclass(frozen=True, slots=True)
class Frame:
    """One look at a terminal: its visible screen, lines joined by newlines, and what that screen is.

    `title` as the program set it; `mode` is the mode of tmux (`copy-mode`) that takes keys in place of the
    program, "" where the program gets them. `logged`: what it shows goes to its log.
    """

    text: str
    title: str
    columns: int
    rows: int
    mode: str = ""
    logged: bool = True


class Terminal(Protocol):
    """One session's terminal: a tmux server of its own with one pane.

    All methods that talk to tmux raise TmuxGone when the server or the connection has ended, TmuxTimeout
    when it does not answer in time (the outcome is unknown then), TmuxError when it refuses.
    """

    @property
    def socket(self) -> Path:
        """The tmux socket."""
        ...

    @property
    def server(self) -> ProcessId:
        """The tmux server process."""
        ...

    @property
    def pane_pid(self) -> int:
        """The pid of the pane's root process (the shim) as tmux started it."""
        ...

    async def capture(self, *, escapes: bool = False, history: int = 0) -> str:
        """The visible screen, lines joined by newlines; `escapes` keeps colours; `history`: lines above."""
        ...

    async def paste(self, text: bytes, path: Path) -> PasteOutcome:
        """Paste `text` as one bracketed paste, newlines as they are; `path` is a spool file made and removed.

        Raises PasteRefused when nothing was pasted, for certain, and tmux goes on. TmuxTimeout, TmuxGone: it
        may or may not have been pasted.
        """
        ...

    async def log_to(self, path: Path, size: int) -> None:
        """Append all that the pane writes from now on to `path` (made 0600), daemon or no daemon.

        At `size` bytes it becomes `<path>.1` and a new one begins. A file that cannot be written loses what
        is written meanwhile, no more.
        """
        ...

    async def look(self, *, escapes: bool = False) -> Frame:
        """The visible screen with its title, size and mode, of one moment; `escapes` keeps colours."""
        ...

    async def caption(self, text: str, until: float) -> None:
        """Show a line about the session to whoever is attached; true until the Unix time `until`."""
        ...

    async def keys(self, *names: str) -> None:
        """Press named keys in order, such as Enter, Escape, Down, C-c.

        Raises PaneInMode when a mode of tmux would get them; then none is pressed.
        """
        ...

    async def settle(self) -> bool:
        """Leave a mode of tmux and give the terminal its own size again, unless a human is attached.

        Returns whether nobody is.
        """
        ...

    async def clients(self) -> int:
        """Humans attached who can type (control connections and those who only read do not count)."""
        ...

    async def last_input(self) -> float | None:
        """When an attached human last pressed a key (Unix seconds); None when nobody is attached."""
        ...

    async def ping(self) -> None:
        """Return when tmux answers."""
        ...

    async def kill(self) -> None:
        """End the tmux server and return when its process is gone; the agent may outlive it.

        Raises TmuxTimeout when it is still there after 5 seconds.
        """
        ...

    def on_gone(self, callback: Callable[[], None]) -> None:
        """Call `callback` once when the connection ends without `close` (at once if it already has)."""
        ...

    async def close(self) -> None:
        """Leave the server running and drop our connection."""
        ...


class Terminals(Protocol):
    """Starts and adopts terminals."""

    async def start(self, socket: Path, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> Terminal:
        """Start a tmux server on `socket` with `argv` in its only pane, of 160 columns and 50 rows; connect.

        `env` is the whole environment of server and pane. A stale socket file is replaced; a live server on
        it raises TmuxError. Raises TmuxMissing when tmux is not installed.
        """
        ...

    async def adopt(self, socket: Path) -> Terminal:
        """Connect to a running server. TmuxGone: nobody answers there, which proves nothing of the agent."""
        ...

    async def reopen(self, socket: Path, server: ProcessId) -> None:
        """Return when that living server listens on `socket`, whose file or folder may have been removed.

        Raises TmuxGone when the server is dead, or does not listen there within 2 seconds; OSError when the
        folder cannot be made.
        """
        ...

    async def version(self) -> str:
        """For example `3.3a`. Raises TmuxMissing."""
        ...
