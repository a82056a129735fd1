"""How Codex says that a turn failed, and whether its model's service is to blame.

Codex 0.169.0 classes its errors by `codex_error_info`, a word or an object with the HTTP status; the
app-server (0.171.0) spells the same names with capitals in place of underlines.
"""

import re
from typing import cast

_OUTAGES = frozenset({"internal_server_error", "server_overloaded", "unauthorized", "usage_limit_exceeded"})
_CONNECTIONS = frozenset(
    {
        "http_connection_failed",
        "response_stream_connection_failed",
        "response_stream_disconnected",
        "response_too_many_failed_attempts",
    }
)
_REFUSED = frozenset({401, 402, 403, 408, 429})
_SERVER = 500
"""Kinds of errors that are no fault of what was asked; those of connections with such a status, or none."""
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def is_outage(error: object) -> bool:
    """Whether the model's service failed, and would have whatever it was asked."""
    info = _field(error, "codex_error_info")
    if not isinstance(info, dict):
        return isinstance(info, str) and _name(info) in _OUTAGES
    ((kind, about),) = cast("dict[str, object]", info).items() or (("", None),)
    status = _field(about, "http_status_code")
    refused = not isinstance(status, int) or status in _REFUSED or status >= _SERVER
    return _name(kind) in _CONNECTIONS and refused


def failure(error: object) -> str | None:
    """Why the turn failed, in one line; None when it did not."""
    if error is None:
        return None
    message: object = cast("dict[str, object]", error).get("message") if isinstance(error, dict) else error
    return " ".join(str(message).split())[:200] or "the model did not answer"


def _field(holder: object, name: str) -> object:
    """A field by its name, however it is spelt."""
    if not isinstance(holder, dict):
        return None
    fields = cast("dict[str, object]", holder)
    return next((value for key, value in fields.items() if _name(key) == name), None)


def _name(text: str) -> str:
    return _CAPITAL.sub("_", text).lower()
