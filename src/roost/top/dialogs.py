"""What is asked of the person: whether to go on, what to send, how to answer; each says how to leave it."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList, Static, TextArea
from textual.widgets.option_list import Option

from roost.cli.output import age, harmless, one_line
from roost.client.connection import Record
from roost.top.drafts import Draft, Letter

LOOK = """
    .dialog { border: round; padding: 0 1; height: auto; max-height: 90%; width: 90%; }
    ModalScreen { align: center middle; }
    TextArea { height: 10; }
    OptionList, VerticalScroll { height: auto; max-height: 20; }
"""
"""How they look, as CSS of the view."""
_LEAVE: list[BindingType] = [Binding("escape", "dismiss", "leave")]


class Confirm(ModalScreen[bool]):
    """A question that `y` answers with yes, and anything else with no."""

    def __init__(self, asked: str) -> None:
        """Ask this."""
        super().__init__()
        self._asked = asked

    def compose(self) -> ComposeResult:
        """One line."""
        with Vertical(classes="dialog"):
            yield Static(Text(f"{self._asked} y: yes, any other key: no"))

    def on_key(self, event: Key) -> None:
        """The answer; a key after it is no second one."""
        event.stop()
        if self.is_current:
            self.dismiss(event.key == "y")


class Compose(ModalScreen[Draft]):
    """A message to one peer: its topic and its text."""

    AUTO_FOCUS = "#text"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "send", "send"),
        Binding("escape", "leave", "leave"),
    ]

    def __init__(self, letter: Letter) -> None:
        """Go on with it."""
        super().__init__()
        self._letter = letter

    def compose(self) -> ComposeResult:
        """Topic, text, and what the keys do."""
        topic, text = self._letter.known
        with Vertical(classes="dialog"):
            yield Label(Text(self._letter.head), id="to")
            yield Input(topic, placeholder="topic (may be empty)", id="topic", compact=True)
            yield TextArea(text, id="text")
            yield Label(Text("Ctrl-S sends it, Esc leaves it: the text is kept", "dim"))

    def tell(self) -> None:
        """To whom it is, which may have changed; the dialog may still be on its way to the screen."""
        head = Text(self._letter.head, "red" if self._letter.name is None else "")
        for label in self.query("#to").results(Label):
            label.update(head)

    @property
    def draft(self) -> Draft:
        """Topic and text as they stand."""
        return self.query_one("#topic", Input).value.strip(), self.query_one("#text", TextArea).text

    def action_send(self) -> None:
        """Send it, where there is somebody to get it."""
        if self._letter.name is None:
            self.tell()
        else:
            self.dismiss(self.draft)

    def action_leave(self) -> None:
        """Keep what was changed; what was not may have been sent meanwhile."""
        if self.draft != self._letter.known:
            self._letter.keep(self.draft)
        self.dismiss(None)


class Questions(ModalScreen[tuple[str, str]]):
    """What agents ask: the id of a question, and the option that was chosen ("" denies)."""

    BINDINGS: ClassVar[list[BindingType]] = _LEAVE

    def __init__(self) -> None:
        """None are known yet."""
        super().__init__()
        self._questions: list[Record] = []

    def compose(self) -> ComposeResult:
        """Each with its text and its options, once they are known."""
        with Vertical(classes="dialog"):
            yield Static("...", id="known")
            yield OptionList()
            yield Label(Text("Enter answers, Esc leaves this", "dim"))

    def show(self, questions: list[Record], otherwise: str = "no questions") -> None:
        """These are asked; where there are none, `otherwise` says why."""
        if not self.is_current:
            return
        self._questions = questions
        options: list[Option] = []
        for number, question in enumerate(questions):
            options.append(Option(_asked(question), id=f"{number}", disabled=True))
            options += [
                Option(Text(f"    {one_line(each['label'])}"), id=f"{number}:{place}")
                for place, each in enumerate(question["options"])
            ]
            options.append(Option(Text("    deny it, this once"), id=f"{number}:deny"))
        known = self.query_one("#known", Static)
        known.update(Text(otherwise))
        known.display = not questions
        self.query_one(OptionList).add_options(options)

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
                yield Static(Text(harmless(self._text)), id="text")
            yield Label(Text("Esc leaves this", "dim"))

    def show(self, text: str) -> None:
        """This text instead."""
        if self.is_current:
            self.query_one("#text", Static).update(Text(harmless(text)))
