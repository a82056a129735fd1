"""The daemon, which notes what it calls of roost, in order.

Each SIGUSR2 writes that to the folder `ROOST_TRACES`, as the file `1`, `2` ..., and begins anew; nothing is
noted before the first. A line is a module's path in the package and a function's name:
`daemon/state/fleet.py Fleet.tell`. Calls of one function one after another are one line.
"""

import itertools
import os
import signal
import sys
import threading
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import roost
from roost.daemon.__main__ import leave, main

PACKAGE = f"{Path(roost.__file__).parent}/"
TRACES = Path(os.environ["ROOST_TRACES"])
_called: list[CodeType] = []
_numbers = itertools.count(1)
_noting = False


def _note(frame: FrameType, event: str, _what: Any) -> None:  # noqa: ANN401 -- as the interpreter calls it
    if _noting and event == "call":
        _called.append(frame.f_code)


def _turn(_number: int, _frame: FrameType | None) -> None:
    global _noting  # noqa: PLW0603 -- there is one trace of a process
    _noting = False
    ours = (code for code in _called if code.co_filename.startswith(PACKAGE))
    lines = [
        f"{code.co_filename.removeprefix(PACKAGE)} {code.co_qualname}\n"
        for code, _ in itertools.groupby(ours)
    ]
    _called.clear()
    path = TRACES / str(next(_numbers))
    path.with_suffix(".new").write_text("".join(lines))
    path.with_suffix(".new").rename(path)
    _noting = True
    sys.setprofile(_note)


if __name__ == "__main__":
    threading.setprofile(_note)  # threads that exist already could not be asked to note anything
    signal.signal(signal.SIGUSR2, _turn)
    leave(main())
