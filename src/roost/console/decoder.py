"""What the terminal sends, as events: typed text, keys, pastes."""

from enum import StrEnum
from typing import NamedTuple

_PASTE_BEGIN = b"\x1b[200~"
_PASTE_END = b"\x1b[201~"
_LONGEST_SEQUENCE = 64

_ESC = 0x1B
_TAB = 0x09
_SPACE = 0x20
_ASCII_END = 0x80
_CONTINUATION_MASK = 0xC0
_PARAMETERS = range(0x20, 0x40)
_FINALS = range(0x40, 0x7F)
_UTF8_LENGTHS = {
    **dict.fromkeys(range(0xC2, 0xE0), 2),
    **dict.fromkeys(range(0xE0, 0xF0), 3),
    **dict.fromkeys(range(0xF0, 0xF5), 4),
}

_CONTROL_KEYS = {
    0x03: "ctrl-c",
    0x04: "ctrl-d",
    0x08: "backspace",
    0x0A: "newline",
    0x0D: "enter",
    0x15: "ctrl-u",
    0x7F: "backspace",
}


class Kind(StrEnum):
    """What sort of input an event is."""

    TEXT = "text"
    KEY = "key"
    PASTE = "paste"


class Event(NamedTuple):
    """One input. `value` is a character (TEXT), a key's name (KEY) or the whole pasted text (PASTE)."""

    kind: Kind
    value: str


def pasted_text(data: bytes) -> str:
    """Return the text of a paste: CR, LF and CRLF all mean newline (tmux 3.3a turns each LF into CR)."""
    return data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")


class Decoder:
    """Incremental decoder of terminal input; how the bytes are split over reads makes no difference.

    A lone ESC at the end of the input may be a key or the start of a sequence. It is held back
    (`holds_escape`) until more bytes come or the caller decides by `flush` that the key was meant.
    """

    __slots__ = ("_buffer", "_pasting", "_searched")

    def __init__(self) -> None:
        """Start outside a paste with nothing held back."""
        self._buffer = bytearray()
        self._pasting = False
        self._searched = 0

    @property
    def holds_escape(self) -> bool:
        """Whether a lone ESC waits for a decision."""
        return not self._pasting and bytes(self._buffer) == b"\x1b"

    def flush(self) -> list[Event]:
        """Take a held-back ESC as the Escape key."""
        if not self.holds_escape:
            return []
        self._buffer.clear()
        return [Event(Kind.KEY, "escape")]

    def feed(self, data: bytes) -> list[Event]:
        """Return the events completed by `data`."""
        self._buffer += data
        events: list[Event] = []
        while self._buffer:
            progressed = self._paste(events) if self._pasting else self._ground(events)
            if not progressed:
                break
        return events

    def _paste(self, events: list[Event]) -> bool:
        """Finish the open paste if its end has arrived; look only at bytes not searched before."""
        end = self._buffer.find(_PASTE_END, max(0, self._searched - len(_PASTE_END)))
        if end < 0:
            self._searched = len(self._buffer)
            return False
        events.append(Event(Kind.PASTE, pasted_text(bytes(self._buffer[:end]))))
        del self._buffer[: end + len(_PASTE_END)]
        self._pasting = False
        return True

    def _ground(self, events: list[Event]) -> bool:
        """Consume everything up to a paste or to an unfinished sequence; say whether to go on."""
        position = 0
        while position < len(self._buffer):
            length = self._one(position, events)
            if length == 0:
                break
            position += length
            if self._pasting:
                break
        del self._buffer[:position]
        return self._pasting

    def _one(self, position: int, events: list[Event]) -> int:
        """Decode what starts at `position`; return its length in bytes, 0 when it is unfinished."""
        first = self._buffer[position]
        if first == _ESC:
            return self._escape(position, events)
        if first in _CONTROL_KEYS:
            events.append(Event(Kind.KEY, _CONTROL_KEYS[first]))
            return 1
        if first < _SPACE and first != _TAB:
            return 1
        if first < _ASCII_END:
            events.append(Event(Kind.TEXT, chr(first)))
            return 1
        return self._wide(position, events)

    def _wide(self, position: int, events: list[Event]) -> int:
        """Decode one UTF-8 character of several bytes; a broken one becomes U+FFFD."""
        first = self._buffer[position]
        wanted = _UTF8_LENGTHS.get(first, 1)
        length = 1
        while length < wanted:
            if position + length >= len(self._buffer):
                return 0
            if self._buffer[position + length] & _CONTINUATION_MASK != _ASCII_END:
                break
            length += 1
        try:
            character = self._buffer[position : position + length].decode("utf-8")
        except UnicodeDecodeError:
            character = "\ufffd"
        events.append(Event(Kind.TEXT, character))
        return length

    def _escape(self, position: int, events: list[Event]) -> int:
        """Decode a sequence that starts with ESC; unknown sequences are swallowed whole."""
        if position + 1 >= len(self._buffer):
            return 0
        second = self._buffer[position + 1]
        if second == ord("O"):
            return 3 if position + 2 < len(self._buffer) else 0
        if second != ord("["):
            events.append(Event(Kind.KEY, "escape"))
            return 1
        end = position + 2
        while end < len(self._buffer) and self._buffer[end] in _PARAMETERS:
            end += 1
            if end - position > _LONGEST_SEQUENCE:
                return end - position
        if end >= len(self._buffer):
            return 0
        if self._buffer[end] not in _FINALS:
            return end - position
        if bytes(self._buffer[position : end + 1]) == _PASTE_BEGIN:
            self._pasting = True
            self._searched = 0
        return end + 1 - position
