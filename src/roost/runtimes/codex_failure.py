"""How Codex says that a turn failed, and whose fault it is.

Codex 0.169.0 classes its errors by `codex_error_info`, a word or an object with the HTTP status; the
app-server (0.171.0) spells the same names with capitals in place of underlines. A 400 has the class "other",
as most that it has no word for, and its message is the service's answer as it came: JSON.
"""

import re
from typing import cast

from roost.faults import Fault, fault_of

_OUTAGES = frozenset({"internal_server_error", "server_overloaded", "unauthorized", "usage_limit_exceeded"})
_CONNECTIONS = frozenset(
    {
        "http_connection_failed",
        "response_stream_connection_failed",
        "response_stream_disconnected",
        "response_too_many_failed_attempts",
    }
)
"""Kinds of errors that are no fault of what was asked; those of connections where they have no status."""
_REFUSED = frozenset({"bad_request", "context_window_exceeded", "cyber_policy"})
_BAD_REQUEST = 400
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def fault_in(error: object) -> Fault:
    """Whose fault it is that the turn failed, by the class of the error, its status, or its words."""
    info, words = _field(error, "codex_error_info"), failure(error) or ""
    if isinstance(info, dict):
        kind, about = next(iter(cast("dict[str, object]", info).items()), ("", None))
        status = _field(about, "http_status_code")
        if _name(kind) in _CONNECTIONS:
            return fault_of(words, status) if isinstance(status, int) else Fault.SERVICE
    kind = _name(info) if isinstance(info, str) else ""
    if kind in _OUTAGES:
        return Fault.SERVICE
    refused = kind in _REFUSED or (kind == "other" and words.startswith("{"))
    return fault_of(words, _BAD_REQUEST if refused else None)


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
