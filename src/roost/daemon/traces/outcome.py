"""What became of spans that a collector was told of."""

from enum import Enum


class Answer(Enum):
    """The collector has them, may take them later, or never will."""

    TAKEN = "taken"
    LATER = "later"
    NEVER = "never"


class Exported:
    """How the export fares. `failing`: why the collector takes nothing just now, "" while it does.

    `endpoint`: where it is, "" where no traces are asked for. `taken` and `dropped` count spans.
    """

    def __init__(self) -> None:
        """Nothing was told yet."""
        self.endpoint = ""
        self.failing = ""
        self.taken = 0
        self.dropped = 0
