"""The environment of this command, as far as a request can hold it."""

import os


def own_environ() -> "dict[str, str]":
    """What of it is text."""
    return {name: value for name, value in os.environ.items() if _is_text(name + value)}


def _is_text(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
