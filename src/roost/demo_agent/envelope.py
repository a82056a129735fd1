"""The envelope around a message that came through the fabric."""

import re
from typing import NamedTuple

_HEADER = re.compile(r"\[roost message (?P<id>\S+) from (?P<sender>[^\s\]]+)[^\n]*\]")


class Message(NamedTuple):
    """A prompt. `id` and `sender` are empty when a person typed it."""

    id: str
    sender: str
    body: str


def parse(text: str) -> Message:
    """Return the message inside `text`.

    An envelope counts only if the text's last line closes the id of its first line: a body cannot end it
    early, because only the very end is looked at. Anything else is a prompt typed by a person.
    """
    trimmed = text.strip("\n")
    header, _, rest = trimmed.partition("\n")
    body, newline, closing = rest.rpartition("\n")
    match = _HEADER.fullmatch(header.rstrip())
    if match is None:
        return Message("", "", text)
    if not newline:
        body, closing = "", rest
    if not re.match(rf"\[end of roost message {re.escape(match['id'])}(?=[\s:\]])", closing):
        return Message("", "", text)
    return Message(match["id"], match["sender"], body)
