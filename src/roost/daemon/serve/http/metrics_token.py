"""The token that opens the metrics, and nothing else."""

import hmac
from pathlib import Path

from roost.host.files import write_atomic


class MetricsToken:
    """The token of this roost's metrics: made once, readable by its owner only."""

    def __init__(self, path: Path, fresh: str) -> None:
        """Keep it in `path`; `fresh` is a new one, should there be none yet."""
        self._path = path
        self._fresh = fresh
        self._token = b""

    def prepare(self) -> None:
        """Blocking: read it, or make it. Raises OSError."""
        self._token = self._kept()

    def _kept(self) -> bytes:
        if not self._path.exists():
            write_atomic(self._path, self._fresh.encode() + b"\n")
        return self._path.read_bytes().strip()

    def opens(self, token: str) -> bool:
        """Whether this is it."""
        return bool(self._token) and hmac.compare_digest(token.encode(), self._token)
