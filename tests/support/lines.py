"""Files that somebody else is still writing: what stands there whole."""

import json
from pathlib import Path
from typing import Any


def whole_lines(path: Path) -> list[str]:
    """The lines that are written to their end; none where there is no file."""
    if not path.exists():
        return []
    return [line.decode() for line in path.read_bytes().split(b"\n")[:-1]]


def json_lines(path: Path) -> list[dict[str, Any]]:
    """The same, decoded."""
    return [json.loads(line) for line in whole_lines(path)]
