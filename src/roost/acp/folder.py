"""The folder of a conversation's records: its name holds the agent's id of it, whatever stands in that."""

import re
from urllib.parse import quote

_LONGEST = 200
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")


class BadIdError(ValueError):
    """An id of which no folder's name can be made."""


def folder_name(conversation: str) -> str:
    """The name of a conversation's folder; raises BadIdError where none can be made."""
    name = conversation
    if not _PLAIN.fullmatch(name):
        try:
            name = quote(name, safe="").replace(".", "%2E")
        except UnicodeEncodeError:
            name = ""
    if not name or len(name) > _LONGEST:
        raise BadIdError(f"the agent's session has an id that cannot be used: {conversation[:80]!r}")
    return name
