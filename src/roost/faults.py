"""Whose fault it is that a model gave no answer, by what is known of its error, whichever program tells it.

A few HTTP statuses say that something is wrong with what was asked; any other would have been the answer to
whatever was asked. Some services give one of those few for what only a person can mend: a key that is not
valid (Gemini), a model that an account does not have (OpenAI). So words that say so come first. Where nothing
tells, nobody is to blame.
"""

import re
from enum import StrEnum


class Fault(StrEnum):
    """`SERVICE`: the model's service, or the right to use it. `REQUEST`: what was asked, history and all."""

    SERVICE = "service"
    REQUEST = "request"
    UNKNOWN = "unknown"


_OF_REQUEST = frozenset({400, 413, 414, 415, 422, 431})
_FAILED = range(400, 600)
_NO_ACCESS = re.compile(
    r"\bmodel[_ ]?not[_ ]?(?:found|available|supported)\b|ModelNotFound|selected model \(|no such model"
    r"|unknown model|\bmodels?\b\W{0,3}\S{0,80} (?:does not exist|(?:is|was) not found|(?:has been|is|was)"
    r" (?:deprecated|retired|decommissioned|shut down))|model is not supported when using"
    r"|api.?key (?:is )?(?:not valid|invalid|expired|not found)|credit balance|billing (?:account|details)"
    r"|location is not supported|\b(?:do not|don't|does not) have access\b",
    re.IGNORECASE,
)
_STATUS = re.compile(r"(?:\b(?:error|status|code|http)\b\W{0,4}|^)(\d{3})\b", re.IGNORECASE)
_ASKED = re.compile(
    r"invalid.(?:prompt|request)|(?:prompt|request|input) (?:is )?too (?:long|large)|flagged"
    r"|context (?:window|length|overflow)|too many tokens|(?:usage|content) polic|content.?filter",
    re.IGNORECASE,
)
_FAILS = re.compile(
    r"overloaded|rate.?limit|too many requests|quota|unavailable|timed? ?out|\b(?:40[1-4]|429|5\d\d)\b"
    r"|ECONN|ENOTFOUND|EAI_AGAIN|network|fetch failed|connection (?:error|refused|reset|closed)"
    r"|unable to connect|api key",
    re.IGNORECASE,
)


def fault_of(words: str, status: int | None = None) -> Fault:
    """Whose fault an error is, by its words and its HTTP status, which the words may name as well."""
    if _NO_ACCESS.search(words):
        return Fault.SERVICE
    if status is None and (named := _STATUS.search(words)) is not None:
        status = int(named[1])
    if status is not None and status in _FAILED:
        return Fault.REQUEST if status in _OF_REQUEST else Fault.SERVICE
    if _ASKED.search(words):
        return Fault.REQUEST
    return Fault.SERVICE if _FAILS.search(words) else Fault.UNKNOWN
