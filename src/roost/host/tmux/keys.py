"""Names of keys that may be pressed in a pane."""

import re

from roost.host.errors import TmuxError

_NAMED = frozenset(
    [
        *("Enter", "Escape", "Tab", "BTab", "Space", "BSpace", "Up", "Down", "Left", "Right"),
        *("Home", "End", "PPage", "NPage", "DC", "IC"),
        *(f"F{number}" for number in range(1, 13)),
    ]
)
_CHORD = re.compile(r"(?:C-|M-|S-){0,3}(?P<key>.+)", re.DOTALL)


def check_key(name: str) -> str:
    """`name` if tmux knows it as one key: it types unknown names letter by letter. Raises TmuxError."""
    chord = _CHORD.fullmatch(name)
    key = chord["key"] if chord else ""
    if key in _NAMED or (len(key) == 1 and key.isprintable()):
        return name
    raise TmuxError(f"{name!r} is not the name of a key; use names such as Enter, Escape, Down or C-c")
