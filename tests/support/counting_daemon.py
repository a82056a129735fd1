"""The daemon, which on SIGUSR2 writes to the file `ROOST_COUNTS` how many tasks its loop has."""

import asyncio
import os
import signal
from pathlib import Path
from types import FrameType

from roost.daemon.__main__ import leave, main

COUNTS = Path(os.environ["ROOST_COUNTS"])


def _count(_number: int, _frame: FrameType | None) -> None:
    fresh = COUNTS.with_suffix(".new")
    fresh.write_text(str(len(asyncio.all_tasks())))
    fresh.rename(COUNTS)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR2, _count)
    leave(main())
