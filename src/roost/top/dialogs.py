"""What is asked of the person: whether to go on, what to send, how to answer; each says how to leave it."""

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from roost.cli.output import age, harmless, one_line
from roost.client.connection import Record

_LEAVE: list[BindingType] = [Binding("escape", "dismiss", "leave")]


class Confirm(ModalScreen[bool]):
    """A question that `y` answers with yes, and anything else with no."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("y", "yes", "yes")]

    def __init__(self, asked: str) -> None:
        """Ask this."""
        super().__init__()
        self._asked = asked

    def compose(self) -> ComposeResult:
        """One line."""
        with Vertical(classes="dialog"):
            yield Static(Text(f"{self._asked} y: yes, any other key: no"))

    def action_yes(self) -> None:
        """Go on."""
        self.dismiss(True)  # noqa: FBT003 -- the answer

    def on_key(self, event: object) -> None:
        """Any other key."""
        if getattr(event, "key", "") != "y":
            self.dismiss(False)  # noqa: FBT003 -- the answer


class Compose(ModalScreen[tuple[str, str] | None]):
    """A message to one peer: its topic and its text."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "send", "send"),
        Binding("escape", "leave", "leave"),
    ]

    def __init__(self, to: str, draft: tuple[str, str], keep: Callable[[tuple[str, str]], None]) -> None:
        """Go on with a draft; `keep` gets what is left unsent."""
        super().__init__()
        self._to = to
        self._draft = draft
        self._keep = keep

    def compose(self) -> ComposeResult:
        """Topic, text, and what the keys do."""
        with Vertical(classes="dialog"):
            yield Label(Text(f"to {self._to}"))
            yield Input(self._draft[0], placeholder="topic (may be empty)", id="topic", compact=True)
            yield TextArea(self._draft[1], id="text")
            yield Label(Text("Ctrl-S sends it, Esc leaves it: the text is kept", "dim"))

    def on_mount(self) -> None:
        """The text comes first."""
        self.query_one("#text", TextArea).focus()

    @property
    def draft(self) -> tuple[str, str]:
        """Topic and text as they stand."""
        return self.query_one("#topic", Input).value.strip(), self.query_one("#text", TextArea).text

    def action_send(self) -> None:
        """Send it."""
        self.dismiss(self.draft)

    def action_leave(self) -> None:
        """Keep what was changed; what was not may have been sent meanwhile."""
        if self.draft != self._draft:
            self._keep(self.draft)
        self.dismiss(None)


class Questions(ModalScreen[tuple[str, str] | None]):
    """What agents ask: the id of a question, and the option that was chosen ("" denies)."""

    BINDINGS: ClassVar[list[BindingType]] = _LEAVE

    def __init__(self, questions: list[Record]) -> None:
        """Show these."""
        super().__init__()
        self._questions = questions

    def compose(self) -> ComposeResult:
        """Each with its text and its options."""
        with Vertical(classes="dialog"):
            if not self._questions:
                yield Static(Text("no questions; Esc leaves this"))
                return
            options: list[Option] = []
            for number, question in enumerate(self._questions):
                options.append(Option(_asked(question), id=f"{number}", disabled=True))
                options += [
                    Option(Text(f"    {one_line(each['label'])}"), id=f"{number}:{place}")
                    for place, each in enumerate(question["options"])
                ]
                options.append(Option(Text("    deny it, this once"), id=f"{number}:deny"))
            yield OptionList(*options)
            yield Label(Text("Enter answers, Esc leaves this", "dim"))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """One was chosen."""
        number, _, chosen = (event.option_id or "").partition(":")
        question = self._questions[int(number)]
        option = "" if chosen == "deny" else str(question["options"][int(chosen)]["id"])
        self.dismiss((str(question["id"]), option))


def _asked(question: Record) -> Text:
    """What a question says, as text."""
    given = f", being answered by {one_line(question['by'])}" if question["state"] == "answering" else ""
    head = f"{one_line(question['peer'])} asks, for {age(question.get('since'))}{given}\n"
    return Text.assemble((head, "bold"), harmless(str(question["text"])))


class Page(ModalScreen[None]):
    """Text to read, in as many lines as it takes."""

    BINDINGS: ClassVar[list[BindingType]] = [*_LEAVE, Binding("q,enter", "dismiss", "leave", show=False)]

    def __init__(self, title: str, text: str) -> None:
        """Show this."""
        super().__init__()
        self._title = title
        self._text = text

    def compose(self) -> ComposeResult:
        """The title, the text, and how to leave it."""
        with Vertical(classes="dialog"):
            yield Label(Text(self._title, "bold"))
            with VerticalScroll():
                yield Static(Text(harmless(self._text)))
            yield Label(Text("Esc leaves this", "dim"))
