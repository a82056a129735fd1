"""The death record: on the disk first, then told to a daemon that listens."""

from __future__ import annotations

from .machine import announce, make_durable, write_atomic
from .text import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# In the directory of death records: where a daemon listens.
FIFO = "bell"


def write_record(spool: str, session: str, record: dict[str, Any]) -> OSError | None:
    """Write the record of one session into `spool`; returns the error of a disk that refused it."""
    path = f"{spool}/{session}.json"
    text = to_json(record)
    failed = None
    try:
        write_atomic(path, text)
    except OSError as failure:
        failed = failure
    # A daemon that hears of it has a durable store of its own, and would wait for the same disk.
    heard = announce(f"{spool}/{FIFO}", text.replace("\n", " ") + "\n")
    if not (heard or failed):
        make_durable(path)
    return failed
