"""The daemon whose connections to hooks break at times, after what they ask for was given to them.

`ROOST_CUTS` names a file; while it is there, the share of answers that it holds is lost.
"""

import os
import random
import sys
from pathlib import Path
from typing import Any

from roost.daemon.__main__ import main
from roost.daemon.serve.http.protocol import BoundedProtocol

_CUTS = Path(os.environ["ROOST_CUTS"])
_CHANCE = random.Random()  # noqa: S311 -- bad luck is no secret
_headers = BoundedProtocol.on_headers_complete


class _Cut:
    """A connection that breaks once something is to be answered."""

    def __init__(self, transport: Any) -> None:  # noqa: ANN401 -- stands in for a transport
        self._transport = transport

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._transport, name)

    def write(self, _data: bytes) -> None:
        self._transport.abort()


def _share() -> float:
    try:
        return float(_CUTS.read_text())
    except (OSError, ValueError):
        return 0.0


def _headers_complete(self: Any) -> None:  # noqa: ANN401 -- a protocol of uvicorn
    if self.url.startswith(b"/hooks/") and _CHANCE.random() < _share():
        self.transport = _Cut(self.transport)
    _headers(self)


if __name__ == "__main__":
    BoundedProtocol.on_headers_complete = _headers_complete
    sys.exit(main())
