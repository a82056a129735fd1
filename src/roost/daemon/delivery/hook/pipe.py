"""The pipe of a program at rest: a named one, on which a part of it waits for a prompt."""

import os
from contextlib import suppress
from pathlib import Path

from roost.host.interfaces.clock import Clock

FULL = 0.005
"""Seconds until a full pipe is written to again."""
LONGEST = 10.0
"""Seconds until a reader that takes nothing more is given up."""


async def hand_over(pipe: Path, text: str, clock: Clock) -> bool:
    """Give the text to whoever waits there; False: nobody does, and nothing of it was given."""
    try:
        descriptor = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    left = memoryview(text.encode("utf-8", "replace"))
    deadline = clock.monotonic() + LONGEST
    with suppress(OSError):  # what was cut off there is looked for
        try:
            while left and clock.monotonic() < deadline:
                try:
                    left = left[os.write(descriptor, left) :]
                except BlockingIOError:
                    await clock.sleep(FULL)
        finally:
            os.close(descriptor)
    return True
