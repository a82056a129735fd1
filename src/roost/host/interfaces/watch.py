"""A watch on something of the machine."""

from typing import Protocol


class Watch(Protocol):
    """A running watch."""

    def cancel(self) -> None:
        """Stop watching; the callback will not run any more. Harmless when repeated or after the callback."""
        ...
