"""What one look at an agent's screen tells, and the state that it proves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import Struct

from roost.core.vocabulary.question import Asking
from roost.core.vocabulary.session import SessionState


class Reading(Struct, frozen=True):
    """A state with positive evidence for it, in words.

    `background`: what goes on, or is to begin, beside turns, by the program's own word; "" is nothing.
    `asks`: all that it asks a person and that can be answered from here; None: that is not known now.
    """

    state: SessionState
    why: str
    background: str = ""
    asks: tuple[Asking, ...] | None = ()


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
    `asking`: the dialog, all of it, where each of its options has a key that gives it at once: `keys`.
    """

    composer: Composer
    dialog: str | None = None
    busy: bool = False
    shows: str = ""
    leave: str | None = None
    draft: str = field(default="", compare=False)
    collapsed: bool = field(default=False, compare=False)
    asking: Asking | None = None
    keys: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)


def at_rest(view: View, waits: str | None = None) -> Reading | None:
    """What a look tells of a program that runs no turn; None when no prompt, question or view is to be seen.

    `waits`: what the program itself says that it waits for.
    """
    if view.dialog is not None or waits is not None:
        asks = (view.asking,) if view.asking is not None else ()
        return Reading(SessionState.BLOCKED, f"a dialog is open: {view.dialog or waits}", asks=asks)
    if view.composer is Composer.ELSEWHERE:
        return Reading(SessionState.BLOCKED, f"another view is open in its terminal: {view.shows}")
    if view.composer is Composer.HIDDEN:
        return None
    return Reading(SessionState.IDLE, "at its prompt")


class Answer(Struct, frozen=True):
    """The next key for a known start-up dialog, to be pressed only while `expect` is on the screen."""

    dialog: str
    key: str
    expect: str
