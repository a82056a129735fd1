"""The daemon that dies when it is asked for its tools, while the file that `ROOST_DIES` names is there."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from roost.daemon.__main__ import main
from roost.daemon.serve.mcp import tools


async def _die(ctx: Any, call_next: Any) -> Any:  # noqa: ANN401 -- a middleware of the library
    order = Path(os.environ["ROOST_DIES"])
    if ctx.method == "tools/list" and order.exists():
        order.unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return await call_next(ctx)


if __name__ == "__main__":
    tools._note_told = _die  # pyright: ignore[reportPrivateUsage]
    sys.exit(main())
