"""The envelope around a message that came through the fabric."""

import re
from typing import NamedTuple

_HEADER = re.compile(r"\[roost message (?P<id>\S+) from (?P<sender>[^\s\]]+)[^\n]*\]")
_NOTE_BEFORE = re.compile(r"\(in reply to [0-9a-f]{32}\)")
_NOTE_AFTER = re.compile(r"\(attached: [^\n]+\)")
_POINTER = re.compile(
    r"\(this message is \d+ bytes long; its text is in the file (.+) - read that file now\)"
)
_NO_ANSWER = "no answer is needed"


class Message(NamedTuple):
    """A prompt. `id` and `sender` are empty when a person typed it."""

    id: str
    sender: str
    body: str
    wants_answer: bool = True
    """False for a notice, whose closing line says that no answer is needed."""


def parse(text: str) -> Message:
    """Return the message inside `text`.

    An envelope counts only if the text's last line closes the id of its first line: a body cannot end it
    early, because only the very end is looked at. Anything else is a prompt typed by a person.
    """
    typed = Message("", "", text)
    lines = text.strip("\n").split("\n")
    header, closing = _HEADER.fullmatch(lines[0].rstrip()), lines[-1]
    if header is None or not re.match(
        rf"\[end of roost message {re.escape(header['id'])}(?=[\s:\]])", closing
    ):
        return typed
    inside = lines[1:-1]
    # The fabric's own notes stand right inside the envelope's lines.
    if inside and _NOTE_BEFORE.fullmatch(inside[0]):
        del inside[0]
    if inside and _NOTE_AFTER.fullmatch(inside[-1]):
        del inside[-1]
    return Message(header["id"], header["sender"], "\n".join(inside), _NO_ANSWER not in closing)


def pointer(body: str) -> str:
    """Return the path of the file to which this body points, "" if it is no pointer."""
    match = _POINTER.fullmatch(body)
    return match[1] if match else ""
