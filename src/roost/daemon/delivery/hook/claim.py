"""Whose a text is that went into the pipe of a program at rest: a file that its reader takes, or we do.

A reader that was killed, or has not come to it yet, may have the text. It tells its program what it has read
only once it has renamed the file that the text names, so one that we have taken away is never told.
"""

from pathlib import Path

from roost.core.vocabulary.message import Message
from roost.host.files import PRIVATE_FILE

TAKEN = ".taken"
"""What a reader appends to the file's name."""


class Claim:
    """The claim to one offer's text. Everything here is a call or two of the system."""

    def __init__(self, pipe: Path, message: Message) -> None:
        """Nothing is claimed yet."""
        self.name = f"{message.id}.{message.attempts}"
        self._file = pipe.with_name(f"{pipe.name}.{self.name}")
        self._taken = self._file.with_name(self._file.name + TAKEN)

    def make(self) -> None:
        """A reader may take it from now on. Raises OSError."""
        self._file.touch(PRIVATE_FILE)

    def revoke(self) -> bool:
        """Whether no reader has taken it; none does from now on."""
        try:
            self._file.unlink()
        except OSError:
            return False
        return True

    @property
    def taken(self) -> bool:
        """Whether a reader has it: it has told its program, or is about to."""
        return self._taken.exists()

    def clear(self) -> None:
        """Its message came in, or the look for it is over."""
        self._file.unlink(missing_ok=True)
        self._taken.unlink(missing_ok=True)
