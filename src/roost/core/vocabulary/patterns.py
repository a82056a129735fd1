"""Patterns of names, as in a shell: `AWS_*`."""

from collections.abc import Iterable
from fnmatch import fnmatchcase

_WILD = frozenset("*?[")


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether one of these patterns is of this name."""
    return any(_is_of(name, pattern) for pattern in patterns)


def _is_of(name: str, pattern: str) -> bool:
    """As fnmatchcase has it, which compiles a regex for each pattern: most need none, and each start asks."""
    head = pattern.removesuffix("*")
    if not _WILD.isdisjoint(head):
        return fnmatchcase(name, pattern)
    return name == head if head == pattern else name.startswith(head)
