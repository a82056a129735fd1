"""The daemon with a gate at its paste, so that a test can act between the daemon's own steps.

`ROOST_GATE` names a path. If `<path>.before` exists, a paste takes it away, makes `<path>.at`, and waits
before it pastes until somebody takes that away; with `<path>.after` it waits once it has pasted.
"""

import asyncio
import os
import sys
from pathlib import Path

from roost.daemon.__main__ import main
from roost.host.interfaces.terminals import PasteOutcome
from roost.host.tmux.terminal import TmuxTerminal

GATE = os.environ["ROOST_GATE"]
_paste = TmuxTerminal.paste


async def _gate(side: str) -> None:
    request, reached = Path(f"{GATE}.{side}"), Path(f"{GATE}.at")
    if request.exists():
        request.unlink()
        reached.touch()
        while reached.exists():  # noqa: ASYNC110 -- a test in another process opens the gate
            await asyncio.sleep(0.01)


async def _gated(self: TmuxTerminal, text: bytes, label: str = "") -> PasteOutcome:
    await _gate("before")
    outcome = await _paste(self, text, label)
    await _gate("after")
    return outcome


if __name__ == "__main__":
    TmuxTerminal.paste = _gated
    sys.exit(main())
