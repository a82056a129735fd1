"""The ground-truth log: one JSON line per thing that truly happened, written before the agent acts."""

import json
import os
import time


def timestamp() -> str:
    """Return the present time, ISO-8601 UTC with microseconds."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{nanoseconds // 1000:06d}Z"


def append(descriptor: int, record: dict[str, object]) -> None:
    """Append one JSON line by a single write to a descriptor opened with O_APPEND."""
    os.write(descriptor, json.dumps(record, separators=(",", ":")).encode() + b"\n")


class Log:
    """The file named by `ROOST_DEMO_LOG`, or nothing when there is none."""

    __slots__ = ("_descriptor", "_session")

    def __init__(self, path: str, session: str) -> None:
        """Open `path` for appending ("" for no log); `session` goes into every line. Raises OSError."""
        self._session = session
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if path else -1

    def write(self, what: str, text: str) -> None:
        """Record that `what` (start, prompt, turn_end, dialog, exit) happens, with its whole text."""
        if self._descriptor < 0:
            return
        # hashlib loads OpenSSL: only a logging agent pays for it.
        import hashlib  # noqa: PLC0415

        exact = text.encode("utf-8", "surrogatepass")
        append(
            self._descriptor,
            {
                "ts": timestamp(),
                "pid": os.getpid(),
                "session": self._session,
                "what": what,
                "text": text,
                "sha256": hashlib.sha256(exact).hexdigest(),
                "bytes": len(exact),
            },
        )
