"""Terminals, as the layers above may start, read and type into them."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from roost.core.vocabulary.identity import ProcessId


class PasteOutcome(StrEnum):
    """`DEAD`: the pane's process was gone and nothing was pasted."""

    PASTED = "pasted"
    DEAD = "dead"


class Frame(Struct, frozen=True):
    """One look at a terminal: its visible screen, lines joined by newlines, and what that screen is.

    `title` as the program set it; `mode` is the mode of tmux (`copy-mode`) that takes keys in place of the
    program, "" where the program gets them. `logged`: what it shows goes to its log. `keyed`: when an
    attached human last pressed a key (Unix seconds); None: nobody is attached.
    """

    text: str
    title: str
    columns: int
    rows: int
    mode: str = ""
    logged: bool = True
    keyed: float | None = None


class Presence(Struct, frozen=True):
    """Who is or was at the keys of a terminal, in Unix seconds.

    `joined`: when somebody who can type joined last, 0: nobody ever has. `keyed`: the latest key of whoever
    is there now, None: nobody is. `stirred`: the latest key or join of all, also of those who have left and
    of connections like ours.
    """

    joined: float
    keyed: float | None
    stirred: float

    @property
    def trace(self) -> str:
        """The same as before only if nobody has joined, left or pressed a key since."""
        return f"{self.joined:.0f}/{'-' if self.keyed is None else format(self.keyed, '.0f')}"


class Passed(Struct, frozen=True):
    """The labels of the latest paste and of the latest keys that had one; "" before the first."""

    pasted: str = ""
    keyed: str = ""


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

    @property
    def version(self) -> str:
        """The version of the tmux server: that of the program that was installed when it started."""
        ...

    async def capture(self, *, escapes: bool = False, history: int = 0) -> str:
        """The visible screen, lines joined by newlines; `escapes` keeps colours; `history`: lines above."""
        ...

    async def paste(self, text: bytes, label: str = "") -> PasteOutcome:
        """Paste `text` as one bracketed paste, newlines as they are.

        A `label` (letters, digits, `:/-._`) is kept with the terminal if, and only if, the text was pasted.

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
        """The visible screen and what it is, of one moment; `escapes` keeps colours."""
        ...

    async def caption(self, text: str, until: float) -> None:
        """Show a line about the session to whoever is attached; true until the Unix time `until`."""
        ...

    async def keys(self, *names: str, label: str = "") -> None:
        """Press named keys in order, such as Enter, Escape, Down, C-c. A `label` is kept as that of a paste.

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

    async def presence(self) -> Presence:
        """Who is or was at the keys."""
        ...

    async def passed(self) -> Passed | None:
        """What was pasted and pressed last, daemon or no daemon; None: its server does not keep that."""
        ...

    async def last_read(self) -> float | None:
        """When its program last took input from the terminal (Unix seconds, up to 8 s early).

        None where that cannot be told: the system may hold typed input back until the line is complete.
        """
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

    async def client(self, socket: Path) -> str:
        """The tmux program that a person joins the server on `socket` with. Raises TmuxMissing."""
        ...

    async def version(self) -> str:
        """For example `3.3a`. Raises TmuxMissing."""
        ...
