"""What a terminal program wrote, as text and colours: nothing in it can ask, switch or set a terminal."""

import codecs
import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_SEQUENCE = re.compile(r"(?:\x1b\[|\x9b)([0-?]*)([ -/]*)([@-~])")
_ESCAPE = re.compile(r"\x1b[ -/]*[0-Z\\^-~]")
_STRING = re.compile(r"\x1b[\]P^_X]|[\x90\x98\x9d-\x9f]")
_STRING_END = re.compile(r"\x1b\\|[\x07\x18\x1a\x9c]|(?=\x1b[^\\])")
_COLOUR = re.compile(r"[0-9;:]*")
_LONGEST = 4096
"""Characters that a sequence may have; what is longer is none."""


class TerminalText:
    """Takes bytes as they were written, in pieces of any size."""

    def __init__(self, *, colours: bool) -> None:
        """`colours`: keep the sequences that set colours and attributes of text, and only those."""
        self._colours = colours
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._in_string = False
        self.coloured = False

    def feed(self, data: bytes) -> str:
        """The text in `data`; a sequence that has only begun waits for the next piece."""
        text = self._rest + self._decoder.decode(data)
        self._rest = ""
        shown: list[str] = []
        at = 0
        while at < len(text):
            if self._in_string:
                at = self._skip(text, at)
                continue
            control = _CONTROL.search(text, at)
            if control is None:
                shown.append(text[at:])
                break
            shown.append(text[at : control.start()])
            at = self._sequence(text, control.start(), shown)
        return "".join(shown)

    def _skip(self, text: str, at: int) -> int:
        """Where a string (a title, a clipboard, a query) ends; it may go on in the next piece."""
        end = _STRING_END.search(text, at)
        if end is None:
            self._rest = text[-1] if text.endswith("\x1b") else ""
            return len(text)
        self._in_string = False
        return end.end()

    def _sequence(self, text: str, at: int, shown: list[str]) -> int:
        """Where what begins with a control character ends."""
        if string := _STRING.match(text, at):
            self._in_string = True
            return string.end()
        if found := _SEQUENCE.match(text, at):
            parameters, between, final = found.groups()
            if self._colours and final == "m" and not between and _COLOUR.fullmatch(parameters):
                shown.append(f"\x1b[{parameters}m")
                self.coloured = True
            return found.end()
        if found := _ESCAPE.match(text, at):
            return found.end()
        if text[at] in "\x1b\x9b" and _begun(text, at):
            self._rest = text[at:]
            return len(text)
        return at + 1


def _begun(text: str, at: int) -> bool:
    """Whether all that is left is the beginning of a sequence."""
    return len(text) - at < _LONGEST and re.fullmatch(r"(?:\x1b\[?|\x9b)[ -?]*", text[at:]) is not None
