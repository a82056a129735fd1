"""The draft: what was typed and pasted since the last submitted message."""

_LONGEST_SHOWN_PASTE = 200
_MOST_SHOWN_LINES = 2


class Composer:
    """Text being written, with long pastes shown as placeholders. The cursor is always at the end."""

    __slots__ = ("_pastes", "_pieces")

    def __init__(self) -> None:
        """Start empty."""
        self._pieces: list[tuple[str, str]] = []
        self._pastes = 0

    def __bool__(self) -> bool:
        """Whether there is a draft."""
        return bool(self._pieces)

    @property
    def text(self) -> str:
        """The draft's exact text."""
        return "".join(text for text, _ in self._pieces)

    @property
    def shown(self) -> str:
        """The draft as the screen shows it."""
        return "".join(shown for _, shown in self._pieces)

    def type(self, text: str) -> None:
        """Add typed text, one piece per character, so that backspace takes them one by one."""
        self._pieces.extend((character, character) for character in text)

    def paste(self, text: str) -> None:
        """Add a pasted text: a short one is shown verbatim, a long one as a placeholder."""
        newlines = text.count("\n")
        if len(text) <= _LONGEST_SHOWN_PASTE and newlines < _MOST_SHOWN_LINES:
            self.type(text)
            return
        self._pastes += 1
        extent = f" +{newlines} lines" if newlines else ""
        self._pieces.append((text, f"[Pasted text #{self._pastes}{extent}]"))

    def backspace(self) -> None:
        """Remove the last character, or the last placeholder with all its text."""
        if self._pieces:
            self._pieces.pop()

    def clear(self) -> None:
        """Forget the draft."""
        self._pieces.clear()

    def take(self) -> str:
        """Return the draft's exact text and forget it."""
        text = self.text
        self.clear()
        return text
