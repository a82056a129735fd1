"""What the terminal shows, and what a person types there."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from roost.acp.loop import Loop, Timer
from roost.acp.paper import Paper
from roost.acp.questions import Question
from roost.acp.updates import Piece
from roost.console.composer import Composer
from roost.console.decoder import Decoder, Event, Kind
from roost.console.screen import Screen, clean, wrap

PROMPT = "acp> "
QUIT = ("/quit", "/exit")
_FRAME = 0.02
"""Seconds until a change is shown: what comes meanwhile is drawn with it, and no call waits for that."""
_ESCAPE_PATIENCE = 0.05
_LONGEST_PARTIAL = 2000
_MOST_LINES = 12
_MOST_DRAFT = 4000


class Person(Protocol):
    """What a person at the terminal can do. A text that is returned says why it was not done."""

    def typed(self, text: str) -> str | None:
        """Give the agent a prompt."""
        ...

    def answered(self, question: Question, number: int) -> str | None:
        """Answer by the option's number, from 1."""
        ...

    def cancelled(self) -> str | None:
        """End the turn."""
        ...

    def left(self) -> None:
        """Leave."""
        ...

    def gone(self) -> None:
        """The terminal is gone."""
        ...


class Footer(NamedTuple):
    """What stands above the input line: what is going on, and the question that is open."""

    rows: Sequence[str] = ()
    question: Question | None = None
    more: int = 0


class Pane:
    """The conversation, scrolling, and below it the input line. Nothing of it reaches the terminal raw."""

    def __init__(self, loop: Loop, paper: Paper, person: Person) -> None:
        """Nothing is shown before `enter`."""
        self._loop = loop
        self._paper = paper
        self._person = person
        self._screen = Screen(paper)
        self._decoder = Decoder()
        self._composer = Composer()
        self._footer = Footer()
        self._hint = ""
        self._mark = ""
        self._partial = ""
        self._frame: Timer | None = None
        self._escape: Timer | None = None
        self._open = False

    def enter(self) -> None:
        """Take the terminal."""
        self._open = True
        self._paper.enter(self._on_typed, self._changed)
        self._draw()

    def leave(self) -> None:
        """Show the rest and give the terminal back."""
        if self._open:
            self._finish()
            self._footer, self._hint = Footer(), ""
            self._open = False
            self._draw_rows([])
            self._paper.leave()

    def foot(self, footer: Footer) -> None:
        """This is going on now."""
        self._footer = footer
        self._changed()

    def say(self, text: str, mark: str, most: int = _MOST_LINES) -> None:
        """Add a text, at most so many of its lines (0: all)."""
        self._finish()
        self._screen.say(text, mark, most_lines=most)
        self._changed()

    def show(self, piece: Piece) -> None:
        """Add what the agent tells; a stream goes on where it stopped."""
        if not piece.streams:
            self.say(piece.text, piece.mark)
            return
        if piece.mark != self._mark:
            self._finish()
            self._mark = piece.mark
        whole, end, self._partial = f"{self._partial}{piece.text}".rpartition("\n")
        if end:
            self._put(whole)
        if len(self._partial) > _LONGEST_PARTIAL:
            self._put(self._partial)
            self._partial = ""
        self._changed()

    def resize(self) -> None:
        """The terminal has another size."""
        if self._open and not self._paper.busy:
            self._screen.resize()
            self._changed()

    def _put(self, text: str) -> None:
        self._screen.say(text, self._mark)
        self._mark = " " * len(self._mark) if self._mark.strip() else self._mark

    def _finish(self) -> None:
        """What was streamed is a whole line now."""
        if self._partial:
            self._put(self._partial)
        self._mark = self._partial = ""

    def _changed(self) -> None:
        if self._frame is None and self._open:
            self._frame = self._loop.after(_FRAME, self._draw)

    def _draw(self) -> None:
        self._frame = None
        if self._open and not self._paper.busy:
            self._draw_rows(self._rows())

    def _draw_rows(self, rows: list[str]) -> None:
        self._screen.draw(rows[-max(self._screen.height - 1, 1) :])

    def _rows(self) -> list[str]:
        width, footer = self._screen.width, self._footer
        rows: list[str] = []
        if self._partial:
            pieces = wrap(clean(self._partial), width - len(self._mark))
            rows = [self._mark + pieces[0], *(" " * len(self._mark) + piece for piece in pieces[1:])]
        rows.extend(wrap(clean(row), width)[0] for row in (*footer.rows, *_question_rows(footer)))
        if self._hint:
            rows.extend(wrap(clean(self._hint), width))
        return [*rows, *self._draft_rows(width)]

    def _draft_rows(self, width: int) -> list[str]:
        room = max(self._screen.height - 6, 1)
        indent = " " * len(PROMPT)
        rows = [
            row
            for line in self._composer.shown[-_MOST_DRAFT:].split("\n")
            for row in wrap(clean(line), width - len(PROMPT))
        ][-room:]
        return [PROMPT + rows[0], *(indent + row for row in rows[1:])]

    def _on_typed(self, data: bytes) -> None:
        if not data:
            self._person.gone()
            return
        if self._escape is not None:
            self._escape.cancel()
            self._escape = None
        for event in self._decoder.feed(data):
            self._take(event)
        if self._decoder.holds_escape:
            self._escape = self._loop.after(_ESCAPE_PATIENCE, self._on_escape)

    def _on_escape(self) -> None:
        self._escape = None
        for event in self._decoder.flush():
            self._take(event)

    def _take(self, event: Event) -> None:
        self._hint = ""
        self._changed()
        if event.kind is Kind.PASTE:
            self._composer.paste(event.value)
        elif event.kind is Kind.TEXT:
            self._composer.type(event.value)
        else:
            self._take_key(event.value)

    def _take_key(self, key: str) -> None:
        match key:
            case "enter":
                self._enter()
            case "newline":
                self._composer.type("\n")
            case "backspace":
                self._composer.backspace()
            case "ctrl-u":
                self._composer.clear()
            case "escape":
                self._hint = self._person.cancelled() or ""
            case "ctrl-c":
                self._hint = self._person.cancelled() or ""
                if self._hint and self._composer:
                    self._composer.clear()
                    self._hint = ""
            case _:
                pass

    def _enter(self) -> None:
        text = self._composer.text
        word, question = text.strip(), self._footer.question
        if not word:
            return
        if word in QUIT:
            self._composer.clear()
            self._person.left()
            return
        if question is None:
            hint = self._person.typed(text)
        elif word.isdecimal() and word.isascii():
            hint = self._person.answered(question, int(word))
        else:
            hint = "it asks: answer by a number and Enter, or press Esc to end its turn"
        self._hint = hint or ""
        if hint is None:
            self._composer.clear()


def _question_rows(footer: Footer) -> list[str]:
    if footer.question is None:
        return []
    rows = [f"? {footer.question.text}"]
    rows += [f"  {number}. {option.name}" for number, option in enumerate(footer.question.options, 1)]
    more = f", {footer.more} more behind it" if footer.more else ""
    return [*rows, f"  answer by a number and Enter{more}"]
