"""What a probed agent is told: a fake model and the demo agent take directives, a real model plain words."""

from pathlib import Path
from typing import Protocol


class Words(Protocol):
    """Bodies of messages that make an agent do something."""

    @property
    def fills(self) -> tuple[int, ...]:
        """Sizes in bytes of the bodies that have to arrive whole."""
        ...

    def line(self, text: str) -> str:
        """Take this text and do nothing with it."""
        ...

    def busy(self) -> str:
        """Be in a turn until it is interrupted."""
        ...

    def pause(self) -> str:
        """Be in a turn for some seconds."""
        ...

    def asks(self, made: Path) -> str | None:
        """Ask for the permission to make this file; None: it is not to be tried."""
        ...


class Directives:
    """For the fake model, and for the demo agent, whose permission dialog is for nothing (`demo`)."""

    fills = (607, 8 * 1024, 100 * 1024)

    def __init__(self, *, demo: bool) -> None:
        """Speak to one of the two."""
        self._demo = demo

    def line(self, text: str) -> str:
        """No answer is wanted."""
        return f"@@silent@@\n{text}"

    def busy(self) -> str:
        """Half a minute; an interrupt ends it."""
        return "@@delay 30@@\n@@silent@@"

    def pause(self) -> str:
        """Long enough to be killed in it."""
        return "@@delay 3@@\n@@silent@@"

    def asks(self, made: Path) -> str:
        """By the program's own shell."""
        return "@@ask@@\n@@silent@@" if self._demo else f"@@bash touch {made}@@\n@@silent@@"


class PlainWords:
    """For a real model: a few short turns, which cost something."""

    fills = (607,)

    def line(self, text: str) -> str:
        """One word back."""
        return f"{text}\n\nThis is a test of the connection. Do nothing; answer with the one word: ready"

    def busy(self) -> str:
        """A long answer, which is interrupted."""
        return "Count aloud from 1 to 400, one number a line, in your answer, without any tool."

    def pause(self) -> str:
        """A shorter one, which is gone on with after a kill."""
        return "Count aloud from 1 to 60, one number a line, in your answer, without any tool."

    def asks(self, made: Path) -> None:
        """Not tried: what a model asks for is its own decision."""
        del made
