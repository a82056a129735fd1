"""The three standard streams, which a starter may have closed."""

from __future__ import annotations

import os
import sys

STDERR = 2
"""The last of the three standard descriptors."""


def open_closed_streams() -> None:
    """What the starter has closed: no file of ours may get its number, and nothing is written to None."""
    while (spare := os.open(os.devnull, os.O_RDWR)) <= STDERR:
        os.set_inheritable(spare, True)  # noqa: FBT003 -- what we start or become has no gap there either
    os.close(spare)
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 -- for the whole process
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: SIM115, PTH123
