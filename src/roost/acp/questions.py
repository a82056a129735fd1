"""What the agent asks a person: permissions above all. Nothing here answers by itself."""

from collections.abc import Callable, Sequence
from typing import NamedTuple


class Option(NamedTuple):
    """One answer that can be given: its id for the agent, its words for people, what it does by its kind."""

    id: str
    name: str
    kind: str = ""


class Question(NamedTuple):
    """What is asked. `resolve` is called once, with the option's id, or None when it is withdrawn.

    `detail`: all that is known of it, where `text` is one line. `command`: what a tool is to run.
    """

    id: str
    text: str
    options: Sequence[Option]
    resolve: Callable[[str | None], None]
    detail: str = ""
    tool: str = ""
    command: str = ""


class Questions:
    """The questions that are open, the eldest first. `changed` is called after each change."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """None is open."""
        self._open: list[Question] = []
        self._count = 0
        self._changed = changed

    @property
    def first(self) -> Question | None:
        """The one that is shown."""
        return self._open[0] if self._open else None

    @property
    def listed(self) -> list[dict[str, object]]:
        """All that are open, for the status file."""
        return [
            {
                "id": each.id,
                "text": each.detail or each.text,
                "options": [option._asdict() for option in each.options],
                "tool": each.tool,
                "command": each.command,
            }
            for each in self._open
        ]

    @property
    def more(self) -> int:
        """How many are open behind it."""
        return max(len(self._open) - 1, 0)

    def ask(
        self,
        text: str,
        options: Sequence[Option],
        resolve: Callable[[str | None], None],
        detail: str = "",
        tool: str = "",
        command: str = "",
    ) -> Question:
        """Open a question."""
        self._count += 1
        question = Question(f"q{self._count}", text, options, resolve, detail, tool, command)
        self._open.append(question)
        self._changed()
        return question

    def answer(self, question: str, option: str) -> str | None:
        """Answer an open question; returns why that cannot be."""
        found = next((each for each in self._open if each.id == question), None)
        if found is None:
            return f"it does not ask {question}"
        if option not in {each.id for each in found.options}:
            choices = ", ".join(each.id for each in found.options)
            return f"{question} cannot be answered by '{option}'; its options are {choices}"
        self._close(found, option)
        return None

    def withdraw_all(self) -> None:
        """The turn that asked is to end: no answer is given."""
        while self._open:
            self._close(self._open[0], None)

    def _close(self, question: Question, option: str | None) -> None:
        self._open.remove(question)
        question.resolve(option)
        self._changed()
