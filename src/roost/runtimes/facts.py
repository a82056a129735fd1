"""What an agent's own record shows."""

from msgspec import Struct

from roost.faults import Fault

INTERRUPTED = "the turn was interrupted at its terminal"
HOOK, PROGRAM = "a hook", "its program"
"""Who refuses a prompt."""


class Prompted(Struct, frozen=True):
    """The agent's own record shows that it took this text as a prompt.

    `joins`: into the turn that was running; otherwise it began one.
    """

    text: str
    source: str
    joins: bool = False


class Answered(Struct, frozen=True):
    """The agent's own record shows that the model has said or done something in the running turn."""

    source: str


class Rejected(Struct, frozen=True):
    """The agent's own record shows that its program kept a prompt from the model, in the program's words.

    `text` holds the prompt where the record repeats it; None: it is the one recorded, or else entered, last.
    `by`: who refused it.
    """

    source: str
    why: str
    text: str | None = None
    by: str = HOOK


class TurnOver(Struct, frozen=True):
    """The agent's own record shows the end of a turn; `failed` says why when the model gave no answer.

    `interrupted`: somebody ended the turn on purpose. `fault`: whose fault it is. `forgets`: its program took
    the turn's prompt out of the conversation again. `leaves`: its program writes the same when it is ended by
    a signal, so that nobody may have been there.
    """

    source: str
    failed: str | None = None
    interrupted: bool = False
    fault: Fault = Fault.UNKNOWN
    forgets: bool = False
    leaves: bool = False


class Compacted(Struct, frozen=True):
    """The agent's own record shows that its conversation was compacted (`at`: Unix seconds, as it says)."""

    source: str
    at: float


class ConversationSeen(Struct, frozen=True):
    """The id of the conversation that the session runs.

    `anew`: when it began (Unix seconds), where its record shows that it holds nothing of the one before.
    """

    conversation: str
    anew: float | None = None


class Wrote(Struct, frozen=True):
    """The agent has written this file by a tool of its program.

    A relative path is one of its peer's folder. `at`: Unix seconds, where it is said; 0: just now.
    """

    path: str
    at: float = 0.0


Fact = Prompted | Answered | Rejected | TurnOver | Compacted | ConversationSeen | Wrote
