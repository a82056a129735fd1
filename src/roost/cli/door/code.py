"""The code of our own that this process has loaded."""

from __future__ import annotations

import os
import sys


class Code:
    """The files, as they were when they had been loaded."""

    def __init__(self) -> None:
        """All that are loaded now."""
        loaded = sorted(sys.modules.items())
        self._files = [
            file for name, module in loaded if name.startswith("roost.") and (file := module.__file__)
        ]
        self._stamps = self._now()

    def is_current(self) -> bool:
        """Whether a Python that starts now would load the same."""
        return self._now() == self._stamps

    def _now(self) -> list[tuple[int, int]]:
        """Empty when one of them is gone."""
        try:
            return [((found := os.stat(file)).st_mtime_ns, found.st_size) for file in self._files]  # noqa: PTH116 -- pathlib is not loaded here
        except OSError:
            return []
