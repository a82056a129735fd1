"""The times of a message as a picture: one bar for each step, from the end of the step before to its own."""

from msgspec import Struct

from roost.client.connection import Record
from roost.web.pages import unix

WIDTH = 1000.0
"""Units from the first step to the last."""
LEAST = 4.0
"""Units that the shortest bar has: it is to be seen."""


class Bar(Struct, frozen=True):
    """A step: what was done, at what time, how long it took, and where its bar lies (in units)."""

    what: str
    at: str
    took: float | None
    left: float
    width: float


class Picture(Struct, frozen=True):
    """All steps, and the seconds from the first to the last."""

    bars: tuple[Bar, ...]
    seconds: float


def picture(story: list[Record]) -> Picture:
    """The picture of a story as `message` tells it: steps in order, each with `at`, `what`, `took`."""
    times = [unix(str(step["at"])) for step in story]
    begin, end = min(times, default=0.0), max(times, default=0.0)
    scale = WIDTH / (end - begin) if end > begin else 0.0
    bars: list[Bar] = []
    before = begin
    for step, at in zip(story, times, strict=True):
        width = max((at - before) * scale, LEAST)
        left = min((before - begin) * scale, WIDTH - width)
        bars.append(
            Bar(str(step["what"]), str(step["at"]), step.get("took"), round(left, 1), round(width, 1))
        )
        before = at
    return Picture(tuple(bars), end - begin)
