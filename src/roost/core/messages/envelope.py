"""The envelope: what an agent sees around a message, and how its traces are told from forgeries.

The header line keeps a message from starting with `/ ! @ $`, the closing line from ending with a backslash or
`@word` (Claude Code 2.1.328 and Codex 0.169 act on those). The boundary is random for each message, so a body
cannot forge it.
"""

import datetime as dt
import re
import unicodedata

from roost.core.vocabulary.identity import derive
from roost.core.vocabulary.message import Message

_HEADER = re.compile(
    r"\[roost message (?P<id>[0-9a-f]{32}) from \S+ topic .*? at \S+ boundary (?P<boundary>[0-9a-f]{16})\]"
)

_FIRST = re.compile(r"\[roostmessage(?P<id>[0-9a-f]{32})from")
_LAST = re.compile(r"\[endofroostmessage(?P<id>[0-9a-f]{32})(?!.*\[endofroostmessage)")
"""The beginnings of header and closing line as they are seen, without white space."""

_NO_LETTER = re.compile(r"[\W_]+")

_UNSEEN = ("Cf", "Co", "Cn")
"""Categories of characters that a header does without: formats (direction marks), private, unassigned."""


def clean_text(text: str) -> str:
    """The text without the characters that could act on a terminal: controls (C0, C1, DEL), and line noise.

    Newline and tab stay, CR LF and CR become newline. ESC would end the bracketed paste and type keys.
    """
    lined = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return "".join(char for char in lined if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))


def clean_line(text: str) -> str:
    """The text as one line without controls or invisible direction marks, for a header."""
    shown = "".join(char for char in clean_text(text) if unicodedata.category(char) not in _UNSEEN)
    return " ".join(shown.split())


def boundary(seed: str, message_id: str, attempt: int) -> str:
    """The boundary of one offer of a message, derived from the recipient's secret seed to be found again.

    Each attempt has its own: the trace of an earlier one is no evidence for this one.
    """
    return derive(seed, "boundary", message_id, attempt, size=8)


def _time(at: float) -> str:
    return dt.datetime.fromtimestamp(at, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _header(message: Message, mark: str) -> str:
    topic = clean_line(message.topic).replace("]", ")") if message.topic else "-"
    return (
        f"[roost message {message.id} from {message.sender} topic {topic}"
        f" at {_time(message.created_at)} boundary {mark}]"
    )


def _closing(message: Message, *, by_command: bool = False) -> str:
    notes = f", in reply to {message.reply_to}" if message.reply_to else ""
    if message.attachments:
        notes += f", attached: {' '.join(clean_line(path) for path in message.attachments)}"
    if message.notice is not None:
        return f"[end of roost message {message.id}{notes}: no answer is needed]"
    if by_command:
        answer = f"roost send {message.sender} TEXT --reply-to {message.id}"
        return f"[end of roost message {message.id}{notes}: answer by the shell with {answer}]"
    return f"[end of roost message {message.id}{notes}: answer with send_message reply_to={message.id}]"


def wrap(message: Message, body: str, mark: str, *, by_command: bool = False) -> str:
    """The text to paste for a message: the body stands alone between the two lines.

    `by_command`: its reader has none of our tools, and answers by a command.
    """
    closing = _closing(message, by_command=by_command)
    return "\n".join([_header(message, mark), clean_text(body), closing])


def unwrapped(text: str) -> str:
    """A prompt without the first and the last line of the envelope that it came in; any other as it is."""
    header, _, rest = text.partition("\n")
    found = _HEADER.fullmatch(header)
    if found is None:
        return text
    body, _, last = rest.rpartition("\n")
    return body if last.startswith(f"[end of roost message {found['id']}") else rest


def wrap_redrive(message: Message, mark: str, *, by_command: bool = False) -> str:
    """The text to paste when the resumed conversation already holds the body."""
    note = (
        f"Your turn on message {message.id} was cut off. The message is above in this conversation;"
        f" go on with message {message.id} from where you were."
    )
    return "\n".join([_header(message, mark), note, _closing(message, by_command=by_command)])


def pointer(path: str, size: int) -> str:
    """The body to paste instead of one that is too long to paste."""
    return f"(this message is {size} bytes long; its text is in the file {path} - read that file now)"


def stands_alone(shown: str, message_id: str) -> bool:
    """Whether a text seen in an input line is that message with nothing before or after it.

    Line breaks and white space do not count, as a screen wraps lines; an ellipsis in front stands for a
    beginning that cannot be seen.
    """
    text = "".join(shown.split())
    begins = text.startswith((f"[roostmessage{message_id}from", "\N{HORIZONTAL ELLIPSIS}"))
    closing = text[text.rfind(f"[endofroostmessage{message_id}") :]
    by_tool, by_command = f":answerwithsend_messagereply_to={message_id}]", f"TEXT--reply-to{message_id}]"
    return begins and closing.endswith((by_tool, by_command, ":noanswerisneeded]"))


def shown_alone(shown: str) -> str | None:
    """The id of the message of which a text seen in an input line is all that stands there; None: of none."""
    text = "".join(shown.split())
    found = _FIRST.match(text) or _LAST.search(text)
    return found["id"] if found is not None and stands_alone(shown, found["id"]) else None


def begins_on(screen: str, message_id: str) -> bool:
    """Whether the beginning of the text that was pasted for a message is to be seen on a screen.

    Only letters and digits count: lines are wrapped anywhere, and may stand in a frame.
    """
    return f"roostmessage{message_id}from" in _NO_LETTER.sub("", screen)


def ends_on(screen: str, message_id: str) -> bool:
    """Whether its end is to be seen there."""
    letters = _NO_LETTER.sub("", screen)
    return f"replyto{message_id}" in letters or f"{message_id}noanswerisneeded" in letters


def marks(text: str) -> frozenset[tuple[str, str]]:
    """All (message id, boundary) pairs whose headers appear in a text such as a transcript's prompt.

    The caller compares with the pair that it pasted: a header forged in a body has no true boundary.
    """
    return frozenset((match["id"], match["boundary"]) for match in _HEADER.finditer(text))
