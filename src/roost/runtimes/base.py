"""What the daemon needs to know of an agent program. Its quirks stay behind these interfaces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from roost.core.vocabulary.peer import Settings
from roost.core.vocabulary.policy import Traits
from roost.core.vocabulary.session import Session, SessionState


@dataclass(frozen=True, slots=True)
class Context:
    """One session as its runtime sees it.

    `home` is the session's private directory (0700), `environ` the environment the agent runs in, `shared` a
    directory of this runtime that all its sessions share, `url` the daemon's loopback address.
    """

    session: Session
    settings: Settings
    home: Path
    shared: Path
    environ: Mapping[str, str]
    url: str

    @property
    def directory(self) -> Path:
        """The folder the agent works in."""
        return Path(self.settings.dir)


@dataclass(frozen=True, slots=True)
class LaunchPlan:
    """How to start one session: arguments, additional environment, files for its private directory.

    `calls`: its program calls the tools as it starts, or never (Codex 0.171.0 begins its turn without them).
    """

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    calls: bool = True


@dataclass(frozen=True, slots=True)
class Prompted:
    """The agent's own record shows that it took this text as a prompt.

    `joins`: into the turn that was running; otherwise it began one.
    """

    text: str
    source: str
    joins: bool = False


@dataclass(frozen=True, slots=True)
class TurnOver:
    """The agent's own record shows the end of a turn; `failed` says why when the model gave no answer.

    `interrupted`: somebody ended the turn on purpose. `outage`: the model's service failed, and would have
    whatever it was asked.
    """

    source: str
    failed: str | None = None
    interrupted: bool = False
    outage: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """The agent's own record shows that the model has said or done something in the running turn."""

    source: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """The agent's own record shows that its program kept a prompt from the model, in the program's words.

    `text` holds the prompt where the record repeats it; None: it is the one recorded, or else entered, last.
    """

    source: str
    why: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Compacted:
    """The agent's own record shows that its conversation was compacted (`at`: Unix seconds, as it says)."""

    source: str
    at: float


@dataclass(frozen=True, slots=True)
class ConversationSeen:
    """The id of the conversation that the session runs."""

    conversation: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A process that, by what its program leaves behind, has a conversation open.

    `start` as in ProcessId; None where the evidence is the process itself and cannot be older than it.
    """

    pid: int
    start: int | None
    source: str


PACKED = ".zst"
"""How the name of a record ends that its program has compressed."""
INTERRUPTED = "the turn was interrupted at its terminal"

Fact = Prompted | Answered | Rejected | TurnOver | Compacted | ConversationSeen


@dataclass(frozen=True, slots=True)
class Reading:
    """A state with positive evidence for it, in words.

    `background`: what goes on, or is to begin, beside turns, by the program's own word; "" is nothing.
    """

    state: SessionState
    why: str
    background: str = ""


class Composer(StrEnum):
    """What stands in the input line.

    `ELSEWHERE`: another view of the program stands in its place. `HIDDEN`: none is seen, and not why.
    """

    EMPTY = "empty"
    FILLED = "filled"
    HIDDEN = "hidden"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True, slots=True)
class View:
    """What one look at the visible screen tells. `dialog` is the line of an open dialog: a question.

    `shows`: what stands where the input line would be, in the screen's own words, when it is ELSEWHERE or
    HIDDEN. `leave`: the key that leaves that view and, for all that is known, does nothing else.

    `draft` is what can be seen of the text in the input line, line breaks as spaces; it begins with an
    ellipsis where its beginning cannot be seen. `collapsed`: that is the placeholder of one long paste alone.
    """

    composer: Composer
    dialog: str | None = None
    busy: bool = False
    shows: str = ""
    leave: str | None = None
    draft: str = field(default="", compare=False)
    collapsed: bool = field(default=False, compare=False)


def at_rest(view: View, waits: str | None = None) -> Reading | None:
    """What a look tells of a program that runs no turn; None when no prompt, question or view is to be seen.

    `waits`: what the program itself says that it waits for.
    """
    if view.dialog is not None or waits is not None:
        return Reading(SessionState.BLOCKED, f"a dialog is open: {view.dialog or waits}")
    if view.composer is Composer.ELSEWHERE:
        return Reading(SessionState.BLOCKED, f"another view is open in its terminal: {view.shows}")
    if view.composer is Composer.HIDDEN:
        return None
    return Reading(SessionState.IDLE, "at its prompt")


@dataclass(frozen=True, slots=True)
class Controls:
    """How the program is told things that are no messages: names of keys, and a command for its input line.

    `interrupt` ends its turn, `clear` empties its input line and does nothing, once, to an empty one,
    `compact` compacts its conversation.
    `tells`: its record tells an interrupted turn from a finished one, answers, and a compaction.
    `shows`: its input line is known to show what was pasted.
    `late`: seconds for which a prompt that was taken may not stand in its record yet.
    """

    interrupt: tuple[str, ...] = ("Escape",)
    clear: tuple[str, ...] = ()
    compact: str | None = None
    tells: bool = True
    shows: bool = True
    late: float = 0.0


@dataclass(frozen=True, slots=True)
class Answer:
    """The next key for a known start-up dialog, to be pressed only while `expect` is on the screen."""

    dialog: str
    key: str
    expect: str


class Sensor(Protocol):
    """Turns what one session leaves behind into facts. Only `find` does any I/O."""

    since: float
    """Lines of a record that are older (Unix seconds) are not of this session."""

    @property
    def styled(self) -> bool:
        """Whether `on_screen` wants the screen with its escape sequences."""
        ...

    @property
    def records(self) -> bool:
        """Whether its program writes down every prompt: only then does a missing line prove anything."""
        ...

    @property
    def current(self) -> bool:
        """Whether the record that is followed is known to be the one that its process writes now.

        Only then does a prompt that is missing there prove that it was not taken.
        """
        ...

    def find(self, agent_pid: int, mark: str | None) -> Sequence[Fact]:
        """Blocking, in a thread before each look: find the files that no rule names in advance.

        `mark` is a text that has been handed over just now, which no other session's record can hold.
        """
        ...

    def tails(self) -> Sequence[Path]:
        """Files whose appended lines are evidence, as far as they are known now."""
        ...

    def status_path(self, agent_pid: int) -> Path | None:
        """A small file that the agent replaces at every change of its state, if it keeps one."""
        ...

    @property
    def watches_screen(self) -> bool:
        """Whether a turn, too, can only be told with a look at the screen (now); all else always is."""
        ...

    def on_lines(self, lines: Sequence[bytes]) -> list[Fact]:
        """Facts in newly appended lines of a tail."""
        ...

    def on_status(self, content: bytes | None) -> Sequence[Fact]:
        """Facts in the status file as it is now; None: it does not exist."""
        ...

    def on_hook(self, name: str, payload: Mapping[str, Any]) -> None:
        """Keep what the agent's hook `name` sent; it is a poke, and no evidence of any message."""
        ...

    def on_screen(self, screen: str, title: str) -> View:
        """A look at the visible screen; also remembered for `reading`."""
        ...

    def reading(self) -> Reading | None:
        """The state for which there is positive evidence now; None when there is none."""
        ...

    def boot_answer(self, screen: str) -> Answer | None:
        """The next key for a start-up dialog that this runtime knows and may answer; None otherwise."""
        ...


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

    def claims(self, context: Context) -> Sequence[Claim]:
        """Blocking: the processes, ours or not, that may have the session's conversation open.

        Each is a hint until somebody has seen that the very process lives. Raises OSError.
        """
        ...

    def transcript(self, context: Context) -> Path | None:
        """Blocking: the file by which the session's conversation can be gone on with, if there is one."""
        ...

    def transcripts(self, context: Context) -> Sequence[Path]:
        """Blocking: all files that record the session's conversation, the one that goes on last."""
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

    def given(self, line: bytes) -> bool:
        """Whether a line with a message in it shows that its model was given it, though it is no prompt."""
        ...
