"""Ids that count."""

import itertools


class SequenceIds:
    """Ids for tests: each kind counts from 1, in the shape of the real ones."""

    def __init__(self) -> None:
        """Start all counters at 1."""
        self._ids = itertools.count(1)
        self._tokens = itertools.count(1)

    def new(self) -> str:
        """32 hexadecimal digits, sorted by age."""
        return f"{next(self._ids):012x}7000800000000000000a"

    def token(self) -> str:
        """43 characters, as the real token has."""
        return f"token-{next(self._tokens):037d}"
