"""What the daemon needs to know of an agent program. Its quirks stay behind this interface."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from msgspec import Struct, field

from roost.core.vocabulary.limits import POINTER_BYTES
from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.policy import Traits
from roost.runtimes.call import Call
from roost.runtimes.carrier import Carrier
from roost.runtimes.context import Context
from roost.runtimes.joining import Joining
from roost.runtimes.sensor import Sensor
from roost.runtimes.turns.transcript import Transcript


class Beside(Struct, frozen=True):
    """The same program once more, as the server of the one in the pane: `name` in words, its arguments.

    It listens on the session's socket. It is there before, and the session ends when either does.
    """

    name: str
    argv: tuple[str, ...]


class LaunchPlan(Struct, frozen=True):
    """How to start one session: arguments, additional environment, files for its private directory.

    `calls`: its program calls the tools as it starts, or never (Codex 0.171.0 begins its turn without them).
    `beside`: what it needs beside it.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    calls: bool = True
    beside: Beside | None = None


class Claim(Struct, frozen=True):
    """A process that, by what its program leaves behind, has a conversation open.

    `start` as in ProcessId; None where the evidence is the process itself and cannot be older than it.
    """

    pid: int
    start: int | None
    source: str


class Controls(Struct, frozen=True):
    """How the program is told things that are no messages: names of keys, and a command for its input line.

    `interrupt` ends its turn, `clear` empties its input line, or some lines of it, and does nothing to an
    empty one: it ends no program, however often it is pressed. `compact` compacts its conversation.
    `pastes` is the text that has to be pasted for another one to arrive whole.
    `tells`: its record tells an interrupted turn from a finished one, answers, and a compaction.
    `shows`: its input line is known to show what was pasted. `empty`: where it is not, that its prompt goes
    away while a text stands there, all the same. `longest`: bytes of a body above which it is given a file.
    `late`: seconds for which a prompt that was taken may not stand in its record yet. `exact`: its record or
    its API names the end of each turn; otherwise that is concluded, or an answer stands for it.
    `carrier`: how its hooks take mail in a person's own terminal. `joining`: how one that runs already joins.
    """

    interrupt: tuple[str, ...] = ("Escape",)
    clear: tuple[str, ...] = ()
    compact: str | None = None
    pastes: Callable[[str], str] = str
    tells: bool = True
    shows: bool = True
    empty: bool = False
    longest: int = POINTER_BYTES
    late: float = 0.0
    exact: bool = True
    carrier: Carrier | None = None
    joining: Joining | None = None


class Runtime(Protocol):
    """One agent program. Methods marked blocking touch the disk: the daemon calls them in a thread."""

    @property
    def name(self) -> str:
        """The name in `--runtime`."""
        ...

    @property
    def traits(self) -> Traits:
        """Its nature."""
        ...

    @property
    def submit_delay(self) -> float:
        """Seconds between the paste and the Enter."""
        ...

    @property
    def controls(self) -> Controls:
        """How it is interrupted and told to compact."""
        ...

    @property
    def passes(self) -> tuple[str, ...]:
        """Names or patterns (`AWS_*`) of variables that it needs from the daemon's environment."""
        ...

    def locate(self, path: str | None) -> str:
        """Blocking: the absolute path of its program on the search path; raises RuntimeMissingError."""
        ...

    def check(self, settings: Settings) -> None:
        """Blocking: raise InvalidSettingError for arguments that contradict those of roost itself."""
        ...

    def plan(self, context: Context) -> LaunchPlan:
        """Blocking: how to start or resume this session. Raises InvalidSettingError as `check` does."""
        ...

    def sensor(self, context: Context) -> Sensor:
        """The sensor of one session."""
        ...

    def call(self, context: Context) -> Call | None:
        """Its program's API for one session; None: it is told by its terminal. Nothing is connected yet."""
        ...

    def claims(self, context: Context) -> Sequence[Claim]:
        """Blocking: the processes, ours or not, that may have the session's conversation open.

        Each is a hint until somebody has seen that the very process lives. Raises OSError.
        """
        ...

    def transcript(self, context: Context) -> Path | None:
        """Blocking: by what the conversation can be gone on with, if that is there. Raises OSError."""
        ...

    def transcripts(self, context: Context) -> Sequence[Path]:
        """Blocking: all files that record the session's conversation, the one that goes on last.

        Raises OSError.
        """
        ...

    def written(self, context: Context, since: float) -> Sequence[Path]:
        """Blocking: the records of all conversations of its program that were written since, latest first.

        `since`: Unix seconds. One that ends in PACKED cannot be searched. Raises OSError where a folder
        cannot be listed.
        """
        ...

    def conversation_of(self, record: Path) -> str | None:
        """The conversation that a record is of; None when its name does not tell."""
        ...

    def said(self, context: Context, *, whole: bool) -> Transcript | None:
        """Blocking: what was said in the session's conversation; None: its program keeps no record of that.

        `whole`: with all that tools were given and gave. Raises OSError, UnreadableError.
        """
        ...

    def given(self, line: bytes) -> bool:
        """Whether a line with a message in it shows that its model was given it, though it is no prompt."""
        ...
