"""What tmux keeps of an offer, daemon or no daemon: that its text was pasted, and that it was entered.

The label of a paste is `id:attempt:trace`, that of an Enter `id:attempt:trace:time:draws`, that of the key
that ends a turn `interrupt:trace:` with the label of the latest paste behind it.
"""

from roost.core.vocabulary.message import Message
from roost.daemon.session.free_line import Draws, FreeLine
from roost.daemon.session.live_sessions import HandOver
from roost.host.interfaces.terminals import Passed


def pasted_label(message: Message, trace: str) -> str:
    """Of a paste, while the terminal's people had left that trace."""
    return f"{message.id}:{message.attempts}:{trace}"


def entered_label(handover: HandOver, at: float, draws: Draws) -> str:
    """Of the Enter for what was pasted, at a time (Unix seconds)."""
    return f"{handover.message}:{handover.attempt}:{handover.trace}:{at:.3f}:{draws}"


def interrupt_label(passed: Passed, trace: str) -> str:
    """Of the key that ends a turn of ours over an empty input line, when its people had left that trace."""
    return f"interrupt:{trace}:{passed.pasted}"


def put_back(passed: Passed | None, trace: str) -> str | None:
    """The message that was pasted last if whatever stands in the input line since its turn's end is ours.

    That is so where nothing was pasted, and nobody has come or pressed a key, since we ended that turn.
    """
    if passed is None or not passed.pasted or passed.keyed != interrupt_label(passed, trace):
        return None
    return passed.pasted.split(":")[0]


def of(message: Message, label: str) -> bool:
    """Whether it is a label of this offer."""
    return label.startswith(f"{message.id}:{message.attempts}:")


def trace_of(label: str) -> str:
    """Of the people at the terminal when its text was pasted."""
    return label.split(":")[2]


def unentered(passed: Passed | None) -> HandOver | None:
    """The offer that was pasted last, if it was not entered."""
    if passed is None or not passed.pasted or passed.keyed.startswith(passed.pasted):
        return None
    message, attempt, trace = passed.pasted.split(":")
    return HandOver(message, int(attempt), 0.0, trace=trace)


def restore(free: FreeLine, passed: Passed | None, now: float) -> None:
    """Take over what an earlier daemon knew of the input line when it pressed Enter last.

    A server that was started by an earlier roost has kept nothing: what is seen now (Unix seconds) counts.
    """
    free.restored = True
    if passed is None:
        free.entered(now, "", now)
    elif passed.keyed:
        _, _, trace, at, draws = passed.keyed.split(":")
        free.entered(float(at), trace, now)
        free.draws = Draws(draws)
