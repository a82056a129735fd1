"""A daemon that has its code and begins once nobody holds the file `ROOST_TEST_GATE` for itself."""

import fcntl
import os
from pathlib import Path

from roost.daemon.__main__ import leave, main

if __name__ == "__main__":
    with Path(os.environ.pop("ROOST_TEST_GATE")).open() as gate:
        fcntl.flock(gate, fcntl.LOCK_SH)
    leave(main())
