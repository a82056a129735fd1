"""The text that is pasted for a message: its body, a pointer to a file, or word of an earlier offer."""

from collections.abc import Callable, Coroutine
from typing import Any

from roost.core.messages import envelope
from roost.core.vocabulary.message import Message


async def message_text(
    message: Message,
    seed: str,
    body: bytes,
    spill: Callable[[Message, str], Coroutine[Any, Any, str]],
    *,
    redrive: bool,
    longest: int,
    by_command: bool,
) -> str:
    """The text to paste for a message; a body of more than `longest` bytes becomes a file by `spill`.

    `by_command`: see `envelope.wrap`.
    """
    mark = envelope.boundary(seed, message.id, message.attempts)
    if redrive:
        return envelope.wrap_redrive(message, mark, by_command=by_command)
    shown = body.decode("utf-8", "replace")
    if len(body) > longest:
        shown = envelope.pointer(await spill(message, shown), len(body))
    return envelope.wrap(message, shown, mark, by_command=by_command)
