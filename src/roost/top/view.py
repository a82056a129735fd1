"""The view: a table of all peers that changes as they do, a line about the selected one, and keys."""

import contextlib
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import ClassVar, TypeVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Footer, Input, Static

from roost.cli.output import local, one_line
from roost.cli.registry import reason
from roost.client.connection import Record
from roost.client.daemon import NOW, Daemon
from roost.client.registry import Registry
from roost.errors import RoostError
from roost.top.aside import Aside
from roost.top.detail import LATEST, lines
from roost.top.dialogs import LOOK, Compose, Confirm, Page, Questions
from roost.top.drafts import Draft, Drafts, Letter
from roost.top.keys import ACTIONS, COMMANDS, HELP
from roost.top.rows import ORDERS, arranged
from roost.top.table import FleetTable

W = TypeVar("W", Input, Static)
A = TypeVar("A")
AGES = 5.0
"""Seconds after which SINCE is drawn anew; all else is drawn when it changes."""
SETTLED = 0.5
"""Seconds after which a terminal has taken its new size."""
TOGETHER = 0.2
"""Seconds in which changes are drawn together."""


class View(Aside):
    """All peers, full-screen."""

    ENABLE_COMMAND_PALETTE = False
    CSS = f"""{LOOK}
    DataTable {{ height: 1fr; scrollbar-size: 0 1; }}
    #head, #why, #said {{ height: auto; max-height: 3; }}
    #filter {{ display: none; height: 1; border: none; }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [*COMMANDS]

    def __init__(
        self, daemon: Daemon, roost: list[str], sender: str | None, known: Iterable[Record] = ()
    ) -> None:
        """`roost`: the words that begin a command; `sender`: whose mail it is (None: the operator's).

        `known`: the peers as the store held them last, where the daemon is down.
        """
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self._daemon = daemon
        self._roost = roost
        self._sender = sender
        self._peers = Registry(daemon)
        self._peers.rows = {str(row["name"]): row for row in known}
        self._heard: float | None = None
        self._drawing = False
        self._said = Text()
        self._order = ORDERS[0]
        self._asked: int = 0
        self._drafts = Drafts(self._peers)

    def compose(self) -> ComposeResult:
        """What there is, from above."""
        with Vertical():
            yield Static(id="head")
            yield Input(placeholder="words that the row has", id="filter", compact=True)
            yield FleetTable()
            yield Static(id="why")
            yield Static(id="said")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to follow."""
        self.screen.set_focus(self._table)
        self.draw()
        self._follow()
        self.set_interval(AGES, self.draw)

    def on_resize(self) -> None:
        """The terminal has another size; what it lost of the first picture by then is drawn once more."""
        self.call_after_refresh(self.draw)
        self.set_timer(SETTLED, self._repaint)

    def _repaint(self) -> None:
        if self.shown:
            self.screen.refresh(repaint=True, layout=True)

    @property
    def _table(self) -> FleetTable:
        return self.screen_stack[0].query_one(FleetTable)

    @work
    async def _follow(self) -> None:
        async with contextlib.aclosing(self._peers.follow()) as changes:
            async for _ in changes:
                if self._peers.error is None:
                    self._heard = time.time()
                if not self._drawing:
                    self._drawing = True
                    self.set_timer(TOGETHER, self._renew)

    async def _renew(self) -> None:
        """Draw what has changed meanwhile."""
        self._drawing = False
        await self._count_questions()
        self.draw()

    async def _count_questions(self) -> None:
        """How many are open, where any can be."""
        blocked = any(row["state"] == "blocked" for row in self._peers.rows.values())
        with contextlib.suppress(RoostError):
            self._asked = len(await self._daemon.call("questions")) if blocked else 0

    # drawing

    def draw(self) -> None:
        """Bring all up to date, also below a dialog."""
        if not self.shown:
            return
        rows = arranged(self._peers.rows.values(), self._find("#filter", Input).value, self._order)
        self._table.show(rows, self.size.width - 1)  # the scrollbar
        self._find("#head", Static).update(self._head())
        self._find("#said", Static).update(self._said)
        if isinstance(self.screen, Compose):
            self.screen.tell()
        self._show_why()

    def _find(self, selector: str, kind: type[W]) -> W:
        """A widget of the view itself, whichever dialog is open."""
        return self.screen_stack[0].query_one(selector, kind)

    def _head(self) -> Text:
        counts = "  ".join(f"{count} {state}" for state, count in self._peers.counts.items() if count)
        asked = f"  {self._asked} ask (?)" if self._asked else ""
        silent = [str(host["host"]) for host in self._peers.hosts if not host["reached"]]
        away = f"  {', '.join(silent)} unreachable" if silent else ""
        order = "" if self._order == ORDERS[0] else f"  by {self._order}"
        error = self._peers.error
        if error is None:
            counts = counts or "no peers yet; `roost add NAME --runtime R` makes one"
            return Text(f"{counts}{asked}{away}{order}")
        then = time.localtime(self._heard)
        old = "last stored" if self._heard is None else f"as of {time.strftime('%H:%M:%S', then)}"
        return Text.assemble((f"{one_line(error.message)}\n", "bold red"), f"{old}: {counts}{asked}{order}")

    def _show_why(self) -> None:
        row = self._peers.rows.get(self.selected or "")
        text = f"{row['name']} ({row['runtime']}): {local(one_line(reason(row)))}" if row else ""
        self._find("#why", Static).update(Text(text))

    def say(self, text: str, *, bad: bool = False) -> None:
        """One line below the table; it waits while another program has the terminal."""
        self._said = Text(one_line(text), "red" if bad else "green")
        self.draw()

    @property
    def selected(self) -> str | None:
        """The peer under the cursor."""
        return self._table.selected

    def on_data_table_row_highlighted(self) -> None:
        """The cursor went to another peer."""
        self._show_why()

    # what keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Letters are commands only while nothing else has the keyboard."""
        if action not in ACTIONS:
            return True
        free = not self.away and len(self.screen_stack) == 1
        return free and (action == "unfilter" or self.focused in (self._table, None))

    def action_down(self) -> None:
        """The next peer."""
        self._table.action_cursor_down()

    def action_up(self) -> None:
        """The one before."""
        self._table.action_cursor_up()

    def action_order(self) -> None:
        """Another order."""
        self._order = ORDERS[(ORDERS.index(self._order) + 1) % len(ORDERS)]
        self.draw()

    def action_filter(self) -> None:
        """Ask for words."""
        box = self._find("#filter", Input)
        box.display = True
        self.screen.set_focus(box)

    def action_unfilter(self) -> None:
        """All peers again."""
        box = self._find("#filter", Input)
        box.value = ""
        box.display = False
        self.screen.set_focus(self._table)
        self.draw()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Words were typed; those that were on their way when the box was left are not wanted."""
        if event.input.id == "filter":
            if not event.input.display:
                event.input.value = ""
            self.draw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The words are as wanted."""
        if event.input.id == "filter":
            self.screen.set_focus(self._table)

    async def action_detail(self) -> None:
        """All that is known of the selected peer."""
        if (name := self.selected) is not None:
            page = Page(one_line(name), "...")
            await self.push_screen(page)
            self._tells(page, name)

    @work
    async def _tells(self, page: Page, name: str) -> None:
        asked: Record = {"before": NOW, "limit": LATEST, "peer": name}
        try:
            peer, events = await self._daemon.call("show", {"name": name}), await self._daemon.events(asked)
        except RoostError as error:
            page.show(error.message)
        else:
            page.show(lines(peer, events))

    async def action_keys(self) -> None:
        """What the keys do."""
        await self.push_screen(Page("keys", HELP))

    def action_ask(self, method: str) -> None:
        """Something that is done with the selected peer."""
        if (name := self.selected) is not None:
            self._demand(method, name)

    @work
    async def _demand(self, method: str, name: str) -> None:
        await self._does(f"{name}: {method}", method, {"name": name})

    async def _asks(self, dialog: ModalScreen[A], then: Callable[[A], object]) -> None:
        """Ask the person; `then` gets what is neither no nor nothing. All that is typed is for the dialog."""

        def told(answer: A | None) -> None:
            if answer:
                then(answer)

        await self.push_screen(dialog, told)

    async def action_stop(self) -> None:
        """Stop the selected peer, if that is meant."""
        if (name := self.selected) is not None:
            asked = f"Stop '{name}'? Its session ends, and it is woken no more."
            await self._asks(Confirm(asked), lambda _: self._demand("stop", name))

    async def action_compose(self) -> None:
        """Write to the selected peer."""
        if (to := self.selected) in self._peers.rows:
            letter = self._drafts.letter(to)
            await self._asks(Compose(letter), partial(self._sends, letter))

    @work
    async def _sends(self, letter: Letter, draft: Draft) -> None:
        letter.keep(draft)
        if not draft[1].strip():
            self.say("the message is empty; nothing was sent", bad=True)
            return
        name = letter.name or letter.to.name
        try:  # the rows may be of a moment ago
            same = letter.to.is_of(await self._daemon.call("show", {"name": name}))
        except RoostError as error:
            self.say(error.message, bad=True)
            return
        if not same:
            self.say(f"'{name}' is another peer now: nothing was sent, and the text is kept", bad=True)
            return
        if await self._does(f"sent to {name}", "send", letter.asked(draft, name, self._sender)):
            letter.sent(draft)

    async def action_questions(self) -> None:
        """What agents ask."""
        dialog = Questions()
        await self._asks(dialog, self._answers)
        self._lists(dialog)

    @work
    async def _lists(self, dialog: Questions) -> None:
        try:
            questions = await self._daemon.call("questions")
        except RoostError as error:
            dialog.show([], error.message)
        else:
            dialog.show(questions)

    @work
    async def _answers(self, answer: tuple[str, str]) -> None:
        number, option = answer
        asked: Record = {"id": number, "message": ""}
        if option:
            await self._does("answered", "answer", {**asked, "option": option})
        else:
            await self._does("denied", "deny", asked)
        await self._count_questions()
        self.draw()

    async def _does(self, done: str, method: str, asked: Record) -> bool:
        """Ask it of the daemon, and say what became of it."""
        self.say("...")
        try:
            _, notes = await self._daemon.ask(method, asked, patience=None)
        except RoostError as error:
            self.say(error.message, bad=True)
            return False
        self.say("; ".join([done, *notes]))
        return True

    def action_attach(self) -> None:
        """Join the terminal of the selected peer in this one, and come back."""
        name = self.selected
        if name is not None and "@" in name:
            self.say(f"it is joined on its host: `roost attach {name}` prints the command")
        elif name is not None:
            self.away = True  # from now on: what is typed is for that terminal
            self._joins(name)

    @work(exclusive=True, group="join")
    async def _joins(self, name: str) -> None:
        await self.join([*self._roost, "attach", name])

    async def action_leave(self) -> None:
        """Leave."""
        await self.action_quit()

    async def action_quit(self) -> None:
        """Leave, also from a dialog."""
        self.exit(return_code=0)
