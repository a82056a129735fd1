"""A hook by which a program asks for a permission, and whose answer it takes."""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from roost.core.vocabulary.question import Asking

Reply = Callable[[str, str], Mapping[str, Any]]
"""Makes what the hook answers, of an option and of words along with it."""


class HookAsks(Struct, frozen=True):
    """What is asked by a hook, how it is answered, and for how long its program waits (seconds)."""

    asking: Asking
    reply: Reply
    seconds: float
