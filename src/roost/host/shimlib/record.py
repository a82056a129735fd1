"""The death record: told to a daemon that listens, and written to the disk for one that did not get to it."""

from __future__ import annotations

import os

from .machine import announce, make_durable, write_atomic
from .text import to_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# In the directory of death records: where a daemon listens.
FIFO = "bell"


def write_record(spool: str, session: str, record: dict[str, Any], folder: str) -> OSError | None:
    """Tell of the end of one session and write its record into `spool`; the error of a disk that refused it.

    A daemon that hears of it need not wait for the disk. It may have stored it before the file is there: then
    `folder`, which the session had, is gone, and the file has nothing to tell any more.
    """
    path = f"{spool}/{session}.json"
    text = to_json(record)
    heard = announce(f"{spool}/{FIFO}", text.replace("\n", " ") + "\n")
    try:
        write_atomic(path, text)
        if not heard:
            # One that has heard has a durable store of its own, and would wait for the same disk.
            make_durable(path)
        elif not os.path.exists(folder):
            os.unlink(path)
    except OSError as failure:
        # The daemon takes away what it needs no more, maybe under our hands.
        return None if heard and not os.path.exists(folder) else failure
    return None
