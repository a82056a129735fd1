"""The envelope around a message that came through the fabric."""

import re
from typing import NamedTuple

_HEADER = re.compile(r"\[roost message (?P<id>[^\s,:\]]+) from (?P<sender>[^\s\]]+)[^\n]*\]")
_CLOSING = re.compile(
    r"\[end of roost message (?P<id>[^\s,:\]]+)"
    r"(?:, in reply to (?P<reply_to>[^\s,:\]]+))?(?:[\s,:][^\n]*)?\]"
)
_POINTER = re.compile(
    r"\(this message is \d+ bytes long; its text is in the file (.+) - read that file now\)"
)
_NO_ANSWER = ": no answer is needed]"


class Message(NamedTuple):
    """A prompt. `id` and `sender` are empty when a person typed it."""

    id: str
    sender: str
    body: str
    wants_answer: bool = True
    """False for a notice, whose closing line says that no answer is needed."""
    reply_to: str = ""
    """The id of the message that this one answers, "" if it answers none."""

    @property
    def goes_on(self) -> bool:
        """Whether it is only the note that its own turn, cut off earlier, is to be gone on with."""
        return bool(self.id) and f"go on with message {self.id}" in self.body


def parse(text: str) -> Message:
    """Return the message inside `text`; the body is everything between the first line and the last.

    An envelope counts only if the text's last line closes the id of its first line: a body cannot end it
    early, because only the very end is looked at. Anything else is a prompt typed by a person.
    """
    lines = text.strip("\n").split("\n")
    header, closing = _HEADER.fullmatch(lines[0].rstrip()), _CLOSING.fullmatch(lines[-1].rstrip())
    if header is None or closing is None or header["id"] != closing["id"]:
        return Message("", "", text)
    return Message(
        header["id"],
        header["sender"],
        "\n".join(lines[1:-1]),
        wants_answer=not closing[0].endswith(_NO_ANSWER),
        reply_to=closing["reply_to"] or "",
    )


def pointer(body: str) -> str:
    """Return the path of the file to which this body points, "" if it is no pointer."""
    match = _POINTER.fullmatch(body)
    return match[1] if match else ""
