"""A question: what a session's program asks a person, and what has become of it.

The id and the words are those under which people find and answer it. What its program knows it by is the
`request` of its asking, and only that is answered.
"""

from enum import StrEnum

from msgspec import Struct
from msgspec.structs import force_setattr

MOST_TEXT = 16_000
"""Characters of a question's text that are kept."""


class Source(StrEnum):
    """What tells that it is asked, which is also the way in which it is answered."""

    API = "api"
    HOOK = "hook"
    SCREEN = "screen"


class OptionKind(StrEnum):
    """What an option does, where that is known (the words of the Agent Client Protocol)."""

    ALLOW_ONCE = "allow_once"
    ALLOW_ALWAYS = "allow_always"
    REJECT_ONCE = "reject_once"
    REJECT_ALWAYS = "reject_always"


ALLOW = (OptionKind.ALLOW_ONCE,)
DENY = (OptionKind.REJECT_ONCE, OptionKind.REJECT_ALWAYS)
"""The kinds that allow what was asked for this once, and those that deny it, the mildest first."""


class Option(Struct, frozen=True):
    """One answer that can be given. `kind`: "" where it is not known. `text`: words can go along with it."""

    id: str
    label: str
    kind: str = ""
    text: bool = False


class Asking(Struct, frozen=True):
    """What is asked, as its program tells it.

    `request` names it among all that the session asks. `tool` and `command`: what a permission is wanted for,
    where its program says so in so many words; a rule that allows something goes by these alone.
    """

    request: str
    text: str
    options: tuple[Option, ...]
    source: Source = Source.API
    tool: str = ""
    command: str = ""

    def __post_init__(self) -> None:
        """A text is bounded."""
        force_setattr(self, "text", self.text[:MOST_TEXT])


class QuestionState(StrEnum):
    """`open -> answering -> answered`, or `gone`: it was answered elsewhere, or withdrawn."""

    OPEN = "open"
    ANSWERING = "answering"
    ANSWERED = "answered"
    GONE = "gone"


class Question(Struct, frozen=True):
    """One question of a session. Times are Unix seconds.

    `standing`: its program still asks it, by the latest look. `option`, `by`, `text` and `at` are those of
    the latest answer that was given; `why` says what has come of it, where it is not as it should be.
    `overdue`: its time was over, and it was or could not be denied for that.
    """

    id: str
    asking: Asking
    since: float
    state: QuestionState = QuestionState.OPEN
    standing: bool = True
    option: str | None = None
    by: str = ""
    text: str = ""
    at: float = 0.0
    why: str = ""
    overdue: bool = False

    @property
    def pending(self) -> bool:
        """Whether it waits for an answer, or for one that was given to arrive."""
        return self.state in (QuestionState.OPEN, QuestionState.ANSWERING)

    @property
    def label(self) -> str:
        """The words of the answer."""
        return next((each.label for each in self.asking.options if each.id == self.option), self.option or "")

    @property
    def denied(self) -> bool:
        """Whether the answer denies what was asked for, as far as known."""
        return any(each.id == self.option and each.kind in DENY for each in self.asking.options)

    def option_of(self, kinds: tuple[OptionKind, ...]) -> Option | None:
        """The first option of these kinds, the first kind first."""
        return next((each for kind in kinds for each in self.asking.options if each.kind == kind), None)


class AllowRule(Struct, frozen=True):
    """What an operator allows without being asked; what is "" or empty stands for everything.

    `command`: the words with which it has to begin.
    """

    number: int
    tool: str = ""
    command: tuple[str, ...] = ()
    peer: str = ""

    @property
    def name(self) -> str:
        """As the journal names it."""
        return f"questions.allow rule {self.number}"
