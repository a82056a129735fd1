"""Fresh names, as the layers above may ask for them."""

from typing import Protocol


class Ids(Protocol):
    """Fresh names, injected so that tests own them."""

    def new(self) -> str:
        """A UUIDv7 as 32 lower-case hexadecimal digits: later ids sort after earlier ones."""
        ...

    def token(self) -> str:
        """A secret of 256 random bits, safe in a URL and a header."""
        ...
