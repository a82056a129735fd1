"""Ending as another program."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def _execute(command: Sequence[str], environ: Mapping[str, str]) -> None:
    os.execvpe(command[0], list(command), environ)  # noqa: S606 -- no shell is wanted


execute: Callable[[Sequence[str], Mapping[str, str]], None] = _execute
"""Become a program, found by PATH, in this environment. Raises OSError.

Behind the native door it is the caller that becomes it.
"""
